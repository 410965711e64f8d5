/** Calls that wait for their client: each for ten minutes, and ten thousand of them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Holds, type Held } from '../../../src/calls/questions/holds.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function heldOnes(): { holds: Holds<Held>; emptied: () => number; hold: () => { expired: boolean } & Held } {
  let empty = 0;
  const holds = new Holds<Held>(new Wheel(), '10.0.0.7:1066', () => void (empty += 1));
  return {
    holds,
    emptied: () => empty,
    hold: () => {
      const held = { expired: false, onExpired: () => void (held.expired = true) };
      return held;
    },
  };
}

test('a held call is found by its place, until it is taken out', () => {
  const { holds, hold, emptied } = heldOnes();
  const [one, two] = [hold(), hold()];
  const [first, second] = [holds.add(one), holds.add(two)];
  expect(first.address).toBe('10.0.0.7:1066');
  expect([holds.find(first), holds.find(second)]).toEqual([one, two]);
  expect(holds.find({ ...first, hold: Buffer.alloc(16) })).toBeUndefined();
  holds.remove(first);
  expect([holds.find(first), holds.size, emptied()]).toEqual([undefined, 1, 0]);
  holds.remove(second);
  holds.remove(second);
  expect([holds.size, emptied()]).toEqual([0, 1]);
});

test('one that nobody fetches is given up after ten minutes, and not before', () => {
  const { holds, hold } = heldOnes();
  const [left, fetched] = [hold(), hold()];
  const place = holds.add(left);
  holds.remove(holds.add(fetched));
  vi.advanceTimersByTime(600_000);
  expect(left.expired).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect([left.expired, fetched.expired, holds.find(place), holds.size]).toEqual([true, false, undefined, 0]);
});

test('the call after ten thousand is refused', () => {
  const { holds, hold } = heldOnes();
  for (let count = 0; count < 10_000; count += 1) holds.add(hold());
  expect(() => holds.add(hold())).toThrow(expect.objectContaining({ code: 'holds_too_many' }) as Error);
  expect(holds.size).toBe(10_000);
});
