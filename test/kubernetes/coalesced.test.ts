import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { coalesced } from '../../src/kubernetes/coalesced.ts';

let nowMs = 0;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function pass(ms: number): void {
  nowMs += ms;
  vi.advanceTimersByTime(ms);
}

test('many changes are one call after a moment of quiet', () => {
  const call = vi.fn<() => void>();
  const changes = coalesced({ quietMs: 100, mostMs: 1000 }, call);
  for (let count = 0; count < 5; count++) {
    changes.touch();
    pass(50);
  }
  expect(call).not.toHaveBeenCalled();
  pass(50);
  expect(call).toHaveBeenCalledTimes(1);
});

test('changes without end are handed on all the same', () => {
  const call = vi.fn<() => void>();
  const changes = coalesced({ quietMs: 100, mostMs: 1000 }, call);
  for (let count = 0; count < 42; count++) {
    changes.touch();
    pass(50);
  }
  expect(call).toHaveBeenCalledTimes(2);
  changes.close();
  pass(5000);
  changes.touch();
  pass(5000);
  expect(call).toHaveBeenCalledTimes(2);
});
