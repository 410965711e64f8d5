import { expect, test } from 'vitest';
import { backoffMs } from '../../src/kubernetes/backoff.ts';

const limits = { firstMs: 100, mostMs: 1000 };

test('waits double with each attempt up to the most, and never less than half of it', () => {
  expect([0, 1, 2, 3, 4, 1000].map((attempt) => backoffMs(attempt, 0.999_999, limits))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect([0, 3, 1000].map((attempt) => backoffMs(attempt, 0, limits))).toEqual([50, 400, 500]);
});
