/** What each opening teaches about an upstream, and what is not held against it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GatewayError, type ErrorCode } from '../../../src/errors.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { anonymous, nobody } from '../../../src/transport/http/caller.ts';
import { blackoutMs, startingPollMs } from '../../../src/transport/http/limits.ts';
import type { UpstreamAdapter } from '../../../src/transport/upstream/adapter.ts';
import { SessionOpener, watcher } from '../../../src/transport/upstream/opener.ts';
import type { Upstream } from '../../../src/transport/upstream/upstream.ts';
import { upstreamAt } from '../../clients/a-client.ts';

let answers: (ErrorCode | { sessionId: string | undefined })[];
let asked: number;
let ended: number;
let returned: Upstream[];
let nowMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  [answers, asked, ended, returned, nowMs] = [[], 0, 0, [], 1_000];
});
afterEach(() => void vi.useRealTimers());

/** Gives what `answers` has next. */
const adapter: Pick<UpstreamAdapter, 'open' | 'end'> = {
  open: () => {
    asked += 1;
    const next = answers.shift() ?? 'internal';
    return typeof next === 'string'
      ? Promise.reject(new GatewayError(next))
      : Promise.resolve({ ...next, revision: '2025-11-25', capabilities: 5 });
  },
  end: () => {
    ended += 1;
    return Promise.resolve();
  },
};

function anOpener(): SessionOpener {
  return new SessionOpener({
    adapter: adapter as UpstreamAdapter,
    deadlineMs: 1_000,
    log: createLog('silent'),
    now: () => nowMs,
    onReturn: (upstream) => void returned.push(upstream),
    onLeft: () => {},
  });
}

const code = (expected: ErrorCode): Error => expect.objectContaining({ code: expected }) as Error;

test('one that is starting is asked again until it is ready, and nothing is held against it', async () => {
  const upstream = upstreamAt();
  const opener = anOpener();
  answers = ['upstream_starting', 'upstream_starting', 'upstream_starting', 'upstream_starting', { sessionId: 's' }];
  // Two clients make one series of questions.
  for (let i = 0; i < 2; i += 1)
    await expect(opener.open(upstream, watcher, 'late', nobody)).rejects.toThrow(code('upstream_starting'));
  expect([upstream.down, upstream.blackoutUntil]).toEqual([false, 0]);
  await vi.advanceTimersByTimeAsync(2 * startingPollMs);
  expect([asked, returned]).toEqual([4, []]);
  await vi.advanceTimersByTimeAsync(10 * startingPollMs);
  expect([asked, ended, returned, upstream.down]).toEqual([5, 1, [upstream], false]);
});

test('a fault with a caller’s own headers says nothing of the upstream', async () => {
  const upstream = upstreamAt(undefined, { forwardHeaders: ['x-who'] });
  const opener = anOpener();
  const caller = anonymous({ rawHeaders: ['X-Who', 'me'] });
  for (const fault of ['upstream_timeout', 'upstream_unreachable', 'upstream_malformed'] as const) {
    answers = [fault];
    await expect(opener.open(upstream, watcher, 'late', caller)).rejects.toThrow(code(fault));
  }
  expect([upstream.down, upstream.blackoutUntil]).toEqual([false, 0]);
  answers = ['upstream_unreachable'];
  await expect(opener.open(upstream, watcher, 'probe', nobody)).rejects.toThrow(code('upstream_unreachable'));
  expect(upstream.down).toBe(true);
});

test('after a timeout it is left alone for a while, but for probes, whose success is a return', async () => {
  const upstream = upstreamAt();
  const opener = anOpener();
  answers = ['upstream_timeout', { sessionId: 's' }];
  await expect(opener.open(upstream, watcher, 'late', nobody)).rejects.toThrow(code('upstream_timeout'));
  expect([upstream.down, upstream.blackoutUntil]).toEqual([true, nowMs + blackoutMs]);
  await expect(opener.open(upstream, watcher, 'late', nobody)).rejects.toThrow(code('upstream_unreachable'));
  expect(asked).toBe(1);
  await opener.open(upstream, watcher, 'probe', nobody);
  expect([upstream.down, upstream.blackoutUntil, upstream.capabilities, returned]).toEqual([false, 0, 5, [upstream]]);
});

test('a refusal is an answer of an upstream that is there', async () => {
  const upstream = upstreamAt();
  answers = ['upstream_unauthorized'];
  await expect(anOpener().open(upstream, watcher, 'late', nobody)).rejects.toThrow(code('upstream_unauthorized'));
  expect(upstream.down).toBe(false);
});

test('a session without an id serves everyone of its principal and revision, for a time', async () => {
  const upstream = upstreamAt();
  const opener = anOpener();
  answers = [{ sessionId: undefined }];
  const session = await opener.open(upstream, watcher, 'late', nobody);
  expect(session.isShared).toBe(true);
  expect(opener.sessionless(upstream, watcher)).toBe(session);
  expect(opener.sessionless(upstream, { ...watcher, principalId: 'bob' })).toBeUndefined();
  expect(opener.sessionless(upstream, { ...watcher, revision: '2025-03-26' })).toBeUndefined();
  nowMs += 3_600_000;
  expect(opener.sessionless(upstream, watcher)).toBeUndefined();
});

test('one that was opened with a caller’s own headers serves nobody else', async () => {
  const upstream = upstreamAt(undefined, { forwardHeaders: ['x-who'] });
  const opener = anOpener();
  answers = [{ sessionId: undefined }];
  await opener.open(upstream, watcher, 'late', nobody);
  expect(opener.sessionless(upstream, watcher)).toBeUndefined();
});
