/** The one timer of all waits: nothing ends early, nothing is lost, and it stands still when nobody waits. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Waiting } from '../../../src/transport/http/wheel.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';

interface Recorded extends Waiting {
  /** Milliseconds of the clock at which it was due. */
  readonly at: number[];
}

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

function waiting(onDue: (self: Recorded) => void = () => {}): Recorded {
  const self: Recorded = {
    due: 0,
    before: undefined,
    after: undefined,
    at: [],
    onDue: () => {
      self.at.push(Date.now());
      onDue(self);
    },
  };
  return self;
}

describe('a wait', () => {
  // 1 s a tick and 8 buckets: the longest here take several turns of the ring.
  for (const ms of [0, 1, 999, 1_000, 1_001, 7_000, 8_000, 9_000, 64_000, 100_500]) {
    test(`of ${ms} ms ends neither early nor more than two ticks late, and once`, () => {
      const wheel = new Wheel(undefined, 1_000, 8);
      const one = waiting();
      wheel.arm(one, ms);
      vi.advanceTimersByTime(ms + 20_000);
      expect(one.at).toHaveLength(1);
      expect(one.at[0]).toBeGreaterThanOrEqual(ms);
      expect(one.at[0]).toBeLessThanOrEqual(ms + 2_000);
    });
  }

  test('that begins in the middle of a tick is no shorter for it', () => {
    const wheel = new Wheel(undefined, 1_000, 8);
    wheel.arm(waiting(), 60_000);
    vi.advanceTimersByTime(999);
    const one = waiting();
    wheel.arm(one, 1_000);
    vi.advanceTimersByTime(10_000);
    expect(one.at[0]).toBeGreaterThanOrEqual(1_999);
  });

  test('that is armed again starts anew, and counts once', () => {
    const wheel = new Wheel(undefined, 1_000, 8);
    const one = waiting();
    wheel.arm(one, 3_000);
    vi.advanceTimersByTime(2_000);
    wheel.arm(one, 3_000);
    expect(wheel.armed).toBe(1);
    vi.advanceTimersByTime(2_500);
    expect(one.at).toEqual([]);
    vi.advanceTimersByTime(5_000);
    expect(one.at).toHaveLength(1);
  });

  test('that is taken back never ends, and to take it back twice or unarmed does nothing', () => {
    const wheel = new Wheel(undefined, 1_000, 8);
    const [one, other] = [waiting(), waiting()];
    wheel.arm(one, 1_000);
    wheel.disarm(other);
    wheel.disarm(one);
    wheel.disarm(one);
    expect(wheel.armed).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect([one.at, other.at]).toEqual([[], []]);
  });
});

test('one that arms itself again when it is due goes on, as a heartbeat does', () => {
  const wheel = new Wheel(undefined, 1_000, 8);
  const beat = waiting((self) => wheel.arm(self, 15_000));
  wheel.arm(beat, 15_000);
  vi.advanceTimersByTime(100_000);
  expect(beat.at.length).toBeGreaterThanOrEqual(5);
  for (const [at, ms] of beat.at.entries()) expect(ms - (beat.at[at - 1] ?? 0)).toBeGreaterThanOrEqual(15_000);
});

test('one that is due may take back another that is due at the same time', () => {
  const wheel = new Wheel(undefined, 1_000, 8);
  const other = waiting();
  wheel.arm(
    waiting(() => wheel.disarm(other)),
    1_000,
  );
  wheel.arm(other, 1_000);
  vi.advanceTimersByTime(10_000);
  expect(other.at).toEqual([]);
});

test('there is a timer only while somebody waits, and one for however many', () => {
  const wheel = new Wheel(undefined, 1_000, 8);
  expect(vi.getTimerCount()).toBe(0);
  const many = Array.from({ length: 1_000 }, () => waiting());
  for (const [at, one] of many.entries()) wheel.arm(one, at * 10);
  expect([vi.getTimerCount(), wheel.armed]).toEqual([1, 1_000]);
  vi.advanceTimersByTime(30_000);
  expect(many.filter(({ at }) => at.length === 1)).toHaveLength(1_000);
  expect([vi.getTimerCount(), wheel.armed]).toEqual([0, 0]);
  const late = waiting();
  wheel.arm(late, 1_000);
  vi.advanceTimersByTime(5_000);
  expect(late.at).toHaveLength(1);
});

test('one that throws is told, and keeps none of the others from being due', () => {
  const faults: unknown[] = [];
  const wheel = new Wheel((fault) => faults.push(fault), 1_000, 8);
  const other = waiting();
  wheel.arm(
    waiting(() => {
      throw new Error('of this wait');
    }),
    1_000,
  );
  wheel.arm(other, 1_000);
  vi.advanceTimersByTime(5_000);
  expect([faults.map(String), other.at.length]).toEqual([['Error: of this wait'], 1]);
});
