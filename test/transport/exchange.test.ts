/** The watch over one exchange with an upstream, with a clock that the test turns. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { GatewayError } from '../../src/errors.ts';
import { HttpExchange } from '../../src/transport/upstream/exchange.ts';
import { Wheel } from '../../src/transport/wheel.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => {
  vi.useRealTimers();
  controller.aborted = false;
});

const controller = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => void (controller.aborted = true),
  pause: () => {},
  resume: () => {},
};

function begun(idleMs: number): { exchange: HttpExchange; faults: string[]; retries: number[] } {
  const faults: string[] = [];
  const retries: number[] = [];
  const sink = {
    onJson: () => {},
    onStream: () => {},
    onEvent: () => {},
    onRetry: (ms: number) => void retries.push(ms),
    onEnd: () => {},
    onFault: (fault: GatewayError) => void faults.push(fault.code),
  };
  return { exchange: new HttpExchange(sink, new Wheel(), idleMs), faults, retries };
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

test('once it has answered, an upstream has a second to end its stream in good order, and no fault is made of the cut', () => {
  const { exchange, faults } = begun(30_000);
  exchange.onRequestStart(controller);
  exchange.onResponseStart(controller, 200, { 'content-type': 'text/event-stream' });
  exchange.answered();
  vi.advanceTimersByTime(900);
  exchange.onResponseData(controller, Buffer.from(':\n\n'));
  expect(controller.aborted).toBe(false);
  vi.advanceTimersByTime(800);
  expect([controller.aborted, faults]).toEqual([true, []]);
});

test('an upstream that wants to be left alone for longer than an hour is asked after an hour', () => {
  const { exchange, retries } = begun(30_000);
  exchange.onResponseStart(controller, 200, { 'content-type': 'text/event-stream' });
  exchange.onResponseData(controller, Buffer.from('retry: 3600000\n\nretry: 3600001\n\nretry: 99999999999\n\n'));
  expect(retries).toEqual([3_600_000, 3_600_000, 3_600_000]);
});
