/** How long a process waits for the keys of a route before it says that it is ready. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { awaitedKeys, keysPatienceMs } from '../../src/route/awaited-keys.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An issuer that answers from its `after`th fetch on. */
function issuer(after: number): { readonly fetch: () => Promise<void>; readonly asked: () => number } {
  let asked = 0;
  return {
    fetch: () => ((asked += 1) >= after ? Promise.resolve() : Promise.reject(new Error('away'))),
    asked: () => asked,
  };
}

async function isSettled(settled: Promise<void>): Promise<boolean> {
  return await Promise.race([settled.then(() => true), vi.advanceTimersByTimeAsync(0).then(() => false)]);
}

test('an issuer that answers settles it at once, and is not asked again', async () => {
  const { fetch, asked } = issuer(1);
  const { settled } = awaitedKeys(fetch);
  expect(await isSettled(settled)).toBe(true);
  await vi.advanceTimersByTimeAsync(2 * keysPatienceMs);
  expect([asked(), vi.getTimerCount()]).toEqual([1, 0]);
});

test('one that is away is asked again, and waited for until it answers', async () => {
  const { fetch, asked } = issuer(3);
  const { settled } = awaitedKeys(fetch);
  await vi.advanceTimersByTimeAsync(3_000);
  expect([await isSettled(settled), asked()]).toEqual([false, 2]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([await isSettled(settled), asked()]).toEqual([true, 3]);
});

test('it is waited for 30 s and no longer, and still asked', async () => {
  const { fetch, asked } = issuer(Infinity);
  const { settled, stop } = awaitedKeys(fetch);
  await vi.advanceTimersByTimeAsync(keysPatienceMs - 1);
  expect(await isSettled(settled)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await isSettled(settled)).toBe(true);
  const before = asked();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked()).toBe(before + 5);
  stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('stopped, it waits for nothing', async () => {
  const { settled, stop } = awaitedKeys(issuer(Infinity).fetch);
  await vi.advanceTimersByTimeAsync(0);
  stop();
  expect([await isSettled(settled), vi.getTimerCount()]).toEqual([true, 0]);
});
