/** The watch over one exchange with an upstream, with a clock that the test turns. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { GatewayError } from '../../src/errors.ts';
import { HttpExchange } from '../../src/transport/upstream/exchange.ts';
import { Wheel } from '../../src/transport/wheel.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const controller = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => {},
  pause: () => {},
  resume: () => {},
};

function begun(idleMs: number): { exchange: HttpExchange; faults: string[] } {
  const faults: string[] = [];
  const sink = {
    onJson: () => {},
    onStream: () => {},
    onEvent: () => {},
    onRetry: () => {},
    onEnd: () => {},
    onFault: (fault: GatewayError) => void faults.push(fault.code),
  };
  return { exchange: new HttpExchange(sink, new Wheel(), idleMs), faults };
}

test('silence ends it after the upstream’s time', () => {
  const { faults } = begun(30_000);
  vi.advanceTimersByTime(29_500);
  expect(faults).toEqual([]);
  vi.advanceTimersByTime(1_500);
  expect(faults).toEqual(['upstream_timeout']);
});

test('each sign of life begins the wait anew, but after an hour it is over', () => {
  const { exchange, faults } = begun(30_000);
  exchange.onResponseStart(controller, 200, { 'content-type': 'text/event-stream' });
  for (let second = 0; second < 3_590; second += 10) {
    vi.advanceTimersByTime(10_000);
    exchange.onResponseData(controller, Buffer.from(':\n\n'));
  }
  expect(faults).toEqual([]);
  vi.advanceTimersByTime(12_000);
  expect(faults).toEqual(['upstream_timeout']);
});

test('a client that reads slowly is no silence of the upstream', () => {
  const { exchange, faults } = begun(30_000);
  exchange.pause();
  vi.advanceTimersByTime(600_000);
  expect(faults).toEqual([]);
  exchange.resume();
  vi.advanceTimersByTime(32_000);
  expect(faults).toEqual(['upstream_timeout']);
});

test('a stream that may be silent is never given up', () => {
  const { faults } = begun(0);
  vi.advanceTimersByTime(7_200_000);
  expect(faults).toEqual([]);
});
