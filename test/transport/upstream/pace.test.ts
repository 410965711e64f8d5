/** A stream that comes too fast is left unread until its time has come. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { maxEventsPerSecond, maxLinesPerSecond, maxStreamBytesPerSecond } from '../../../src/transport/http/limits.ts';
import { Later, Wheel } from '../../../src/transport/http/wheel.ts';
import { Pace } from '../../../src/transport/upstream/pace.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const events = (pace: Pace, count: number): void => {
  for (let i = 0; i < count; i += 1) pace.event();
};

test('each of events, lines and bytes has its allowance', () => {
  const [byEvents, byLines, byBytes] = [new Pace(new Wheel()), new Pace(new Wheel()), new Pace(new Wheel())];
  events(byEvents, maxEventsPerSecond);
  byLines.piece(Buffer.from('\n'.repeat(maxLinesPerSecond)));
  byBytes.piece(Buffer.alloc(maxStreamBytesPerSecond, 'x'));
  for (const pace of [byEvents, byLines, byBytes]) expect(pace.debtMs).toBeLessThanOrEqual(0);
  events(byEvents, maxEventsPerSecond / 2);
  byLines.piece(Buffer.from('\n'.repeat(maxLinesPerSecond)));
  byBytes.piece(Buffer.alloc(maxStreamBytesPerSecond, 'x'));
  expect(byEvents.debtMs).toBeCloseTo(500);
  expect(byLines.debtMs).toBeCloseTo(1_000);
  expect(byBytes.debtMs).toBeCloseTo(1_000);
});

test('time pays, and is not saved up', () => {
  const wheel = new Wheel();
  // The clock of a wheel goes while something is armed on it.
  wheel.arm(new Later(() => {}), 3_600_000);
  const pace = new Pace(wheel);
  events(pace, 2 * maxEventsPerSecond);
  vi.advanceTimersByTime(1_000);
  pace.piece(Buffer.alloc(0));
  expect(pace.debtMs).toBeLessThanOrEqual(250);
  vi.advanceTimersByTime(60_000);
  pace.piece(Buffer.alloc(0));
  events(pace, 2 * maxEventsPerSecond);
  expect(pace.debtMs).toBeCloseTo(1_000);
});
