import { expect, test } from 'vitest';
import { Dropped } from '../../../src/transport/http/dropped.ts';
import { maxLingerBytesPerSecond } from '../../../src/transport/http/limits.ts';

test('a second’s worth is read at once, and more only as time pays for it; time is not saved up', () => {
  let nowMs = 0;
  const dropped = new Dropped(() => nowMs);
  expect(dropped.took(maxLingerBytesPerSecond - 1)).toBe(true);
  expect(dropped.took(maxLingerBytesPerSecond / 2 + 1)).toBe(false);
  nowMs += 499;
  expect(dropped.mayRead()).toBe(false);
  nowMs += 2;
  expect(dropped.mayRead()).toBe(true);
  nowMs += 3_600_000;
  expect(dropped.mayRead()).toBe(true);
  expect(dropped.took(maxLingerBytesPerSecond)).toBe(false);
});

test('who waits goes on one after another, each only when what the one before has read is paid for', async () => {
  let nowMs = 0;
  const dropped = new Dropped(() => nowMs);
  dropped.took(maxLingerBytesPerSecond);
  const went: number[] = [];
  for (const n of [1, 2, 3])
    dropped.wait(() => {
      went.push(n);
      dropped.took(maxLingerBytesPerSecond);
    });
  expect(went).toEqual([]);
  for (const n of [1, 2, 3]) {
    nowMs += 1_100;
    await expect.poll(() => went.length).toBe(n);
    // Whoever comes now is behind those that wait.
    expect(dropped.mayRead()).toBe(false);
  }
  expect(went).toEqual([1, 2, 3]);
});
