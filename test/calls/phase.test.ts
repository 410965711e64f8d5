/** Where a call is, and what each step makes of it. */
import { expect, test } from 'vitest';
import { CallPhase } from '../../src/calls/phase.ts';
import type { Exchange } from '../../src/transport/upstream/adapter.ts';

function anExchange(): Exchange & { aborted: boolean } {
  const exchange = {
    aborted: false,
    pause() {},
    resume() {},
    answered() {},
    abort: () => void (exchange.aborted = true),
  };
  return exchange;
}
const by = { end() {} };

test('it begins, may be sent again, and ends', () => {
  const phase = new CallPhase();
  const exchange = anExchange();
  expect([phase.exchange, phase.suspension, phase.isOver]).toEqual([undefined, undefined, false]);
  phase.begin(exchange);
  expect(phase.exchange).toBe(exchange);
  phase.prepare();
  expect(phase.exchange).toBeUndefined();
  phase.begin(exchange);
  expect(phase.end()).toBe(exchange);
  expect([phase.isOver, phase.exchange, exchange.aborted]).toEqual([true, undefined, false]);
});

test('while its client is asked, what comes is kept in order, and given once', () => {
  const phase = new CallPhase();
  const exchange = anExchange();
  const done: number[] = [];
  phase.begin(exchange);
  phase.keep(() => void done.push(0));
  phase.suspend(by);
  expect([phase.suspension, phase.exchange, phase.isLate]).toEqual([by, exchange, false]);
  phase.keep(() => void done.push(1));
  phase.keep(() => void done.push(2));
  expect(phase.isLate).toBe(true);
  for (const step of phase.unsuspend()) step();
  expect(done).toEqual([1, 2]);
  expect([phase.suspension, phase.exchange, phase.isLate]).toEqual([undefined, exchange, false]);
  expect(phase.unsuspend()).toEqual([]);
});

test('one that waits without an exchange is prepared after it', () => {
  const phase = new CallPhase();
  phase.suspend(by);
  phase.unsuspend();
  expect([phase.exchange, phase.isOver]).toEqual([undefined, false]);
});

test('what is over stays over, and an exchange that comes late is let go of', () => {
  const phase = new CallPhase();
  const late = anExchange();
  expect(phase.end()).toBeUndefined();
  phase.begin(late);
  phase.suspend(by);
  phase.prepare();
  expect([late.aborted, phase.isOver, phase.exchange, phase.suspension]).toEqual([true, true, undefined, undefined]);
});
