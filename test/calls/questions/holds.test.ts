/** Calls that wait for their client: each for ten minutes, and ten thousand of them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Holds, type Held } from '../../../src/calls/questions/holds.ts';
import { budget } from '../../../src/transport/http/budget.ts';
import { heldCallBytes } from '../../../src/transport/http/limits.ts';
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
  const [first, second] = [holds.add(one, '', 0), holds.add(two, '', 0)];
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
  const place = holds.add(left, '', 0);
  holds.remove(holds.add(fetched, '', 0));
  vi.advanceTimersByTime(600_000);
  expect(left.expired).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect([left.expired, fetched.expired, holds.find(place), holds.size]).toEqual([true, false, undefined, 0]);
});

test('the call after ten thousand is refused', () => {
  const { holds, hold } = heldOnes();
  for (let count = 0; count < 10_000; count += 1) holds.add(hold(), `of-${count % 2}`, 0);
  expect(() => holds.add(hold(), '', 0)).toThrow(expect.objectContaining({ code: 'holds_too_many' }) as Error);
  expect(holds.size).toBe(10_000);
});

test('a call that waits is counted in the share of its principal, with what is kept for it, until it is taken out', () => {
  const { holds, hold } = heldOnes();
  const before = budget.used;
  const place = holds.add(hold(), 'ada', 1_000);
  expect(holds.grow(place, 500)).toBe(true);
  expect(budget.used - before).toBe(heldCallBytes + 1_500);
  holds.remove(place);
  expect(budget.used).toBe(before);
  expect(holds.grow(place, 1)).toBe(false);
});

test('one principal that has filled its share gets no more calls held; a large one gives way, and others are held', () => {
  const { holds, hold } = heldOnes();
  const before = budget.used;
  const large = hold();
  const half = budget.bytes / 2;
  const place = holds.add(large, 'ada', half - 10_000);
  expect(() => holds.add(hold(), 'ada', half)).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error);
  expect(large.expired).toBe(false);
  const other = holds.add(hold(), 'bob', 1_000_000);
  // A smaller one of the same principal: the largest of it is given up.
  const second = holds.add(hold(), 'ada', half / 2);
  expect([large.expired, holds.find(place), holds.size]).toEqual([true, undefined, 2]);
  for (const each of [other, second]) holds.remove(each);
  expect(budget.used).toBe(before);
});
