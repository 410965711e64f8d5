/** The watch over one exchange with an upstream, with a clock that the test turns. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { GatewayError } from '../../../src/errors.ts';
import { HttpExchange } from '../../../src/transport/upstream/exchange.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => {
  vi.useRealTimers();
  controller.aborted = false;
  controller.paused = false;
});

const controller = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => void (controller.aborted = true),
  pause: () => void (controller.paused = true),
  resume: () => void (controller.paused = false),
};

function begun(idleMs: number): { exchange: HttpExchange; faults: string[]; retries: number[]; events: string[] } {
  const faults: string[] = [];
  const events: string[] = [];
  const retries: number[] = [];
  const sink = {
    onJson: () => {},
    onStream: () => {},
    onEvent: ({ data }: { data: string }) => void events.push(data),
    onRetry: (ms: number) => void retries.push(ms),
    onEnd: () => {},
    onFault: (fault: GatewayError) => void faults.push(fault.code),
  };
  return { exchange: new HttpExchange(sink, new Wheel(), idleMs), faults, retries, events };
}

test('silence ends it after the upstream’s time', () => {
  const { faults } = begun(30_000);
  vi.advanceTimersByTime(29_500);
  expect(faults).toEqual([]);
  vi.advanceTimersByTime(1_500);
  expect(faults).toEqual(['upstream_timeout']);
});

test('each message begins the wait anew, but after an hour it is over', () => {
  const { exchange, faults } = begun(30_000);
  exchange.onResponseStart(controller, 200, { 'content-type': 'text/event-stream' });
  for (let second = 0; second < 3_590; second += 10) {
    vi.advanceTimersByTime(10_000);
    exchange.onResponseData(controller, Buffer.from('data: {}\n\n'));
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

function flooding(idleMs: number): ReturnType<typeof begun> & { flood: (count: number) => void } {
  const each = begun(idleMs);
  each.exchange.onRequestStart(controller);
  each.exchange.onResponseStart(controller, 200, { 'content-type': 'text/event-stream' });
  const flood = (count: number): void =>
    each.exchange.onResponseData(controller, Buffer.from('data: x\n\n'.repeat(count)));
  return { ...each, flood };
}

describe('a stream that brings more than 1,000 events a second', () => {
  for (const idleMs of [0, 30_000]) {
    test(`is left unread until its time has come, and loses nothing (silence of ${idleMs} ms)`, () => {
      const { flood, events, faults } = flooding(idleMs);
      flood(1_000);
      expect(controller.paused).toBe(false);
      flood(1_500);
      expect([controller.paused, events.length]).toEqual([true, 2_500]);
      vi.advanceTimersByTime(1_000);
      // What came beyond has to be waited for as well.
      flood(1);
      expect(controller.paused).toBe(true);
      vi.advanceTimersByTime(2_000);
      flood(1);
      expect([controller.paused, events.length, faults]).toEqual([false, 2_502, []]);
    });
  }

  test('comes to 1,000 a second over time', () => {
    const { flood, events, faults } = flooding(30_000);
    for (let ms = 0; ms < 60_000; ms += 10) {
      if (!controller.paused) flood(300);
      vi.advanceTimersByTime(10);
    }
    expect(events.length).toBeGreaterThan(40_000);
    expect(events.length).toBeLessThanOrEqual(62_000);
    expect(faults).toEqual([]);
  });

  test('is left unread also when its client was slow in between', () => {
    const { flood, exchange } = flooding(30_000);
    flood(1_001);
    exchange.pause();
    exchange.resume();
    expect(controller.paused).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(controller.paused).toBe(false);
    exchange.pause();
    flood(2_000);
    exchange.resume();
    expect(controller.paused).toBe(true);
    vi.advanceTimersByTime(3_000);
    expect(controller.paused).toBe(false);
  });

  test.each([0, 30_000])('is read on when what had come meanwhile was too much again (silence of %d ms)', (idleMs) => {
    const { flood, events } = flooding(idleMs);
    const waiting = [3_000, 3_000, 1];
    // As a connection does: what it has received goes to its reader within `resume` itself.
    vi.spyOn(controller, 'resume').mockImplementation(() => {
      controller.paused = false;
      const next = waiting.shift();
      if (next !== undefined) flood(next);
    });
    flood(3_000);
    vi.advanceTimersByTime(12_000);
    vi.restoreAllMocks();
    expect([controller.paused, waiting, events.length]).toEqual([false, [], 9_001]);
  });

  test('whose client is slow as well waits for the client alone', () => {
    const { flood, exchange, faults } = flooding(30_000);
    flood(1_001);
    exchange.pause();
    vi.advanceTimersByTime(600_000);
    expect(controller.paused).toBe(true);
    exchange.resume();
    expect(controller.paused).toBe(false);
    vi.advanceTimersByTime(29_000);
    expect(faults).toEqual([]);
    vi.advanceTimersByTime(3_000);
    expect(faults).toEqual(['upstream_timeout']);
  });
});

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('an answer in pieces', () => {
  test.each([
    ['application/json', '[', ''],
    ['text/event-stream', 'data: [', '\n\n'],
  ])('as %s is read a little in each turn of the loop', async (type, head, end) => {
    const { exchange, events } = begun(30_000);
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200, { 'content-type': type });
    exchange.onResponseData(controller, Buffer.from(head));
    const piece = Buffer.from('1,'.repeat(32 * 1024));
    let turns = 0;
    for (let sent = 0; sent < 64; sent += 1) {
      for (; controller.paused; turns += 1) await turn();
      exchange.onResponseData(controller, piece);
    }
    // Four pieces of 64 KiB are what one turn has.
    expect(turns).toBeGreaterThan(10);
    exchange.onResponseData(controller, Buffer.from(`1]${end}`));
    expect(events.map(({ length }) => length)).toEqual(type === 'application/json' ? [] : [64 * 65_536 + 3]);
    exchange.abort();
  });

  test('is not read on in its turn while its client is slow', async () => {
    const { exchange } = begun(30_000);
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200, { 'content-type': 'application/json' });
    const piece = Buffer.from('1,'.repeat(32 * 1024));
    while (!controller.paused) exchange.onResponseData(controller, piece);
    exchange.pause();
    for (let turns = 0; turns < 5; turns += 1) await turn();
    expect(controller.paused).toBe(true);
    exchange.resume();
    expect(controller.paused).toBe(false);
    exchange.abort();
  });
});

test.each([
  [401, 'upstream_unauthorized'],
  [405, 'upstream_verb_refused'],
  [408, 'upstream_busy'],
  [409, 'upstream_busy'],
  [422, 'upstream_refused'],
  [429, 'upstream_busy'],
  [500, 'upstream_unreachable'],
])('a status of %d is %s: haste and waiting say nothing of what an upstream speaks', (status, code) => {
  const { exchange, faults } = begun(30_000);
  exchange.onResponseStart(controller, status, { 'content-type': 'text/plain' });
  exchange.onResponseEnd();
  expect(faults).toEqual([code]);
});
