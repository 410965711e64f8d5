import { expect, test } from 'vitest';
import { Dropped } from '../../../src/transport/http/dropped.ts';
import { maxLingerBytesPerSecond } from '../../../src/transport/http/limits.ts';

test('a second’s worth is read at once, and more only as time pays for it; time is not saved up', () => {
  let nowMs = 0;
  const dropped = new Dropped(() => nowMs);
  dropped.spend(maxLingerBytesPerSecond - 1);
  expect(dropped.waitMs()).toBe(0);
  dropped.spend(maxLingerBytesPerSecond / 2 + 1);
  expect(dropped.waitMs()).toBe(501);
  nowMs += 501;
  expect(dropped.waitMs()).toBe(0);
  nowMs += 3_600_000;
  dropped.waitMs();
  dropped.spend(maxLingerBytesPerSecond);
  expect(dropped.waitMs()).toBeGreaterThan(0);
});
