import { expect, test } from 'vitest';
import { kept, Unavailable } from '../../../src/transport/authorization/kept.ts';

const times = { freshMs: 1_000, staleMs: 10_000, cooldownMs: 100 };

/** A source that counts, can fail, and is as slow as the test wants. */
function source() {
  const clock = { now: 0 };
  const state = { asked: 0, fails: false, until: Promise.resolve() };
  const value = kept(
    'the value',
    async () => {
      state.asked += 1;
      const number = state.asked;
      await state.until;
      if (state.fails) throw new Error('down');
      return number;
    },
    times,
    () => clock.now,
  );
  return { clock, state, value };
}

test('it is fetched once for all who ask, and then kept', async () => {
  const { state, value } = source();
  expect(await Promise.all([value.get(), value.get(), value.renew()])).toEqual([1, 1, 1]);
  expect(await value.get()).toBe(1);
  expect(state.asked).toBe(1);
});

test('it is renewed in the background at 80 % of its time, and waited for after that', async () => {
  const { clock, state, value } = source();
  await value.get();
  clock.now = 799;
  await value.get();
  expect(state.asked).toBe(1);
  clock.now = 800;
  expect(await value.get()).toBe(1);
  expect(state.asked).toBe(2);
  await expect.poll(() => value.get()).toBe(2);
  clock.now = 1_800;
  expect(await value.get()).toBe(3);
});

test('after a failure nobody asks again for a while, and the old value stands in', async () => {
  const { clock, state, value } = source();
  await value.get();
  state.fails = true;
  clock.now = 1_000;
  for (let i = 0; i < 50; i++) expect(await value.get()).toBe(1);
  expect(state.asked).toBe(2);
  clock.now = 1_100;
  expect(await value.get()).toBe(1);
  expect(state.asked).toBe(3);
  // The fetch in the background ends.
  await new Promise((resolve) => setImmediate(resolve));
  clock.now = 10_000;
  await expect(value.get()).rejects.toThrow(Unavailable);
  state.fails = false;
  clock.now = 10_100;
  expect(await value.get()).toBe(5);
});

test('without any value a failure is told to all, at the cost of one fetch', async () => {
  const { clock, state, value } = source();
  state.fails = true;
  for (let i = 0; i < 50; i++) await expect(value.get()).rejects.toThrow(Unavailable);
  expect(state.asked).toBe(1);
  clock.now = 100;
  state.fails = false;
  expect(await value.get()).toBe(2);
});

test('nobody waits a second time for a source that fails slowly', async () => {
  const { clock, state, value } = source();
  await value.get();
  state.fails = true;
  clock.now = 1_000;
  await value.get();
  clock.now = 1_100;
  const { promise, resolve } = Promise.withResolvers<void>();
  state.until = promise;
  expect(await value.get()).toBe(1);
  expect(state.asked).toBe(3);
  resolve();
});
