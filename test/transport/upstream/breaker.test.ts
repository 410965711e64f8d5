import { describe, expect, test } from 'vitest';
import { Breaker } from '../../../src/transport/upstream/breaker.ts';

describe('a breaker', () => {
  let now = 0;
  const made = (): { breaker: Breaker; told: boolean[] } => {
    now = 0;
    const told: boolean[] = [];
    return {
      breaker: new Breaker(
        { failures: 2, openMs: 100 },
        () => now,
        (isOpen) => told.push(isOpen),
      ),
      told,
    };
  };
  test('opens after failures in a row, and not before', () => {
    const { breaker, told } = made();
    fail(breaker);
    breaker.settle(breaker.pass()!, 'ok');
    fail(breaker);
    breaker.settle(breaker.pass()!, 'unknown');
    expect([breaker.isShut, told]).toEqual([false, []]);
    fail(breaker);
    expect([breaker.isShut, breaker.pass(), told]).toEqual([true, undefined, [true]]);
  });

  test('lets one request try after the wait, whose success closes it', () => {
    const { breaker, told } = made();
    fail(breaker);
    fail(breaker);
    now = 99;
    expect(breaker.pass()).toBeUndefined();
    now = 100;
    expect([breaker.pass(), breaker.pass(), breaker.isShut]).toEqual(['trial', undefined, true]);
    breaker.settle('trial', 'ok');
    expect([breaker.pass(), told]).toEqual(['free', [true, false]]);
    fail(breaker);
    expect(breaker.isShut).toBe(false);
  });

  test('waits again after a try that fails, and lets another try after one that shows nothing', () => {
    const { breaker, told } = made();
    fail(breaker);
    fail(breaker);
    now = 100;
    breaker.settle(breaker.pass()!, 'unknown');
    expect(breaker.pass()).toBe('trial');
    breaker.settle('trial', 'failed');
    now = 199;
    expect(breaker.pass()).toBeUndefined();
    now = 200;
    expect([breaker.pass(), told]).toEqual(['trial', [true]]);
  });

  test('does not listen to requests that were sent before it opened', () => {
    const { breaker } = made();
    const early = breaker.pass()!;
    fail(breaker);
    fail(breaker);
    breaker.settle(early, 'ok');
    expect(breaker.isShut).toBe(true);
  });
});

function fail(breaker: Breaker): void {
  breaker.settle(breaker.pass()!, 'failed');
}
