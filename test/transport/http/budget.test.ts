/** One budget of bytes: who is refused, who gives way, and that everything comes back. */
import { describe, expect, test } from 'vitest';
import { Budget, type Hold } from '../../../src/transport/http/budget.ts';

const mib = 1_048_576;

function held(budget: Budget, key: string, bytes: number, squeezed: string[] = []): Hold {
  const hold = budget.share(key).hold(() => squeezed.push(key));
  expect(hold.take(bytes)).toBe(true);
  return hold;
}

describe('a budget of 64 MiB', () => {
  test('gives one share half of it, and nothing beyond', () => {
    const budget = new Budget(64 * mib);
    const hold = budget.share('a').hold(() => {});
    expect([hold.take(32 * mib), hold.take(1)]).toEqual([true, false]);
    hold.end();
    expect(budget.used).toBe(0);
  });

  test('takes from the largest of the largest share, for one that is smaller', () => {
    const budget = new Budget(64 * mib);
    const squeezed: string[] = [];
    const small = held(budget, 'large', 4 * mib, squeezed);
    const large = held(budget, 'large', 28 * mib, squeezed);
    held(budget, 'other', 20 * mib, squeezed);
    held(budget, 'third', 8 * mib, squeezed);
    expect(squeezed).toEqual(['large']);
    expect([small.bytes, large.bytes]).toEqual([4 * mib, 0]);
    expect(budget.used).toBe(32 * mib);
  });

  test('within a share the largest gives way to a smaller one, and the largest itself is refused', () => {
    const budget = new Budget(64 * mib);
    const squeezed: string[] = [];
    held(budget, 'a', 30 * mib, squeezed);
    held(budget, 'a', 4 * mib, squeezed);
    expect(squeezed).toEqual(['a']);
    const largest = budget.share('a').hold(() => {});
    expect(largest.take(40 * mib)).toBe(false);
  });

  test('keeps room for small calls beside what cannot be let go of', () => {
    const budget = new Budget(64 * mib);
    const stuck = held(budget, 'a', 32 * mib);
    stuck.handTo();
    expect(budget.share('a').hold().take(1_000)).toBe(true);
    expect(budget.share('a').hold().take(mib)).toBe(false);
  });

  test('forgets those that hold nothing, however many have been', () => {
    const budget = new Budget(64 * mib);
    for (let n = 0; n < 30_000; n += 1) held(budget, `k${n}`, 10).end();
    expect(budget.used).toBe(0);
    const share = budget.share('last');
    expect(budget.share('last')).toBe(share);
  });

  test('counts what is set anew, and nothing after the end', () => {
    const budget = new Budget(64 * mib);
    const hold = held(budget, 'a', mib);
    expect([hold.set(100), budget.used]).toEqual([true, 100]);
    hold.end();
    expect([hold.take(1), budget.used]).toEqual([false, 0]);
  });
});
