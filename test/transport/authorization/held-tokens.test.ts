import { expect, test } from 'vitest';
import {
  assumedLifeMs,
  forbiddenAgeMs,
  heldTokens,
  leastAgeMs,
  longestBackOffMs,
  maxHeldTokens,
} from '../../../src/transport/authorization/held-tokens.ts';

function source(lifeMs: number | undefined) {
  const clock = { now: 0 };
  const state = { asked: 0, fails: false };
  const held = heldTokens(() => clock.now);
  const get = async (key = 'k'): Promise<string> =>
    held.get(key, async () => {
      state.asked += 1;
      const number = state.asked;
      await Promise.resolve();
      if (state.fails) throw new Error('refused');
      return { token: `t${number}`, lifeMs };
    });
  return { clock, state, held, get };
}

test('a token is fetched once for all, and held', async () => {
  const { held, state, get } = source(1_000);
  expect(await Promise.all([get(), get(), get()])).toEqual(['t1', 't1', 't1']);
  expect(held.get('k', () => Promise.reject(new Error('not asked')))).toBe('t1');
  expect(await get('other')).toBe('t2');
  expect(state.asked).toBe(2);
});

test('it is renewed in the background at 80 % of its life, and never given out after its end', async () => {
  const { clock, state, get } = source(1_000);
  await get();
  clock.now = 800;
  expect(await get()).toBe('t1');
  await expect.poll(() => get()).toBe('t2');
  expect(state.asked).toBe(2);
  clock.now = 1_800;
  expect(await get()).toBe('t3');
});

test('while renewal fails the old token goes on until its end', async () => {
  const { clock, state, get } = source(1_000);
  await get();
  state.fails = true;
  clock.now = 999;
  expect(await get()).toBe('t1');
  clock.now = 1_000;
  await expect(get()).rejects.toThrow('refused');
});

test('after failures nobody asks for 1 s, 2 s, 4 s and up to 60 s', async () => {
  const { clock, state, get } = source(1_000);
  state.fails = true;
  for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, longestBackOffMs, longestBackOffMs]) {
    const before = state.asked;
    for (let i = 0; i < 10; i++) await expect(get()).rejects.toThrow('refused');
    expect(state.asked).toBe(before + 1);
    clock.now += wait - 1;
    await expect(get()).rejects.toThrow('refused');
    expect(state.asked).toBe(before + 1);
    clock.now += 1;
  }
  state.fails = false;
  expect(await get()).toMatch(/^t/);
});

test('a token that was refused is not given out again; one that came since is', async () => {
  const { held, get } = source(1_000);
  await get();
  held.drop('k', 't1');
  expect(await get()).toBe('t2');
  held.drop('k', 't1');
  expect(await get()).toBe('t2');
});

test('without a life it is taken for five minutes', async () => {
  const { clock, get } = source(undefined);
  expect(await get()).toBe('t1');
  clock.now = assumedLifeMs;
  expect(await get()).toBe('t2');
});

test('10,000 tokens are held; the one unused for longest gives way', async () => {
  const { held, get } = source(1_000);
  for (let i = 0; i < maxHeldTokens; i++) await get(String(i));
  await get('0');
  await get('one more');
  expect(held.size).toBe(10_000);
  expect(held.get('0', () => Promise.reject(new Error('gone')))).toBe('t1');
  await expect(held.get('1', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
});

test('what an upstream forbids costs a new token once in a while, and what it does not know one each time', async () => {
  const { clock, held, get } = source(1_000_000);
  expect([leastAgeMs(401), leastAgeMs(403)]).toEqual([0, forbiddenAgeMs]);
  await get();
  clock.now = forbiddenAgeMs - 1;
  expect(held.drop('k', 't1', forbiddenAgeMs)).toBe(false);
  expect(await get()).toBe('t1');
  clock.now = forbiddenAgeMs;
  expect(held.drop('k', 't1', forbiddenAgeMs)).toBe(true);
  expect(await get()).toBe('t2');
  // A late refusal of the old one: there is another already.
  expect(held.drop('k', 't1', forbiddenAgeMs)).toBe(true);
  expect(held.drop('k', 't2')).toBe(true);
  expect(await get()).toBe('t3');
});
