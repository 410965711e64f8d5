/** In which era an upstream is called, and what its refusals teach. */
import { beforeEach, describe, expect, test } from 'vitest';
import { GatewayError, type ErrorCode } from '../../../src/errors.ts';
import { nobody } from '../../../src/transport/http/caller.ts';
import type { ClientFacts, Opened, UpstreamAdapter } from '../../../src/transport/upstream/adapter.ts';
import { EraAdapter } from '../../../src/transport/upstream/eras.ts';
import { RevisionRefused } from '../../../src/transport/upstream/revision-refused.ts';
import { aSession, upstreamAt } from '../../clients/a-client.ts';

type Answer = 'opens' | 'hangs' | ErrorCode | RevisionRefused;
type Era = 'legacy' | 'modern';

const revisions = { legacy: '2025-11-25', modern: '2026-07-28' } as const;
const answers: Record<Era, Answer> = { legacy: 'opens', modern: 'opens' };
/** What was asked of the adapters, in order. */
let asked: string[];
let nowMs: number;
/** Opens what hangs. */
let late: (() => void) | undefined;

function ofEra(era: Era): UpstreamAdapter {
  const opened: Opened = { sessionId: era === 'legacy' ? 's' : undefined, revision: revisions[era], capabilities: 0 };
  const noting = (what: string) => (): never => {
    asked.push(`${what} ${era}`);
    throw new Error('noted');
  };
  return {
    open: () => {
      asked.push(era);
      const answer = answers[era];
      if (answer === 'opens') return Promise.resolve(opened);
      if (answer === 'hangs') return new Promise((resolve) => (late = () => resolve(opened)));
      return Promise.reject(typeof answer === 'string' ? new GatewayError(answer) : answer);
    },
    call: noting('call'),
    ask: noting('ask'),
    post: noting('post'),
    listen: noting('listen'),
    end: () => {
      asked.push(`end ${era}`);
      return Promise.resolve();
    },
  };
}

let adapter: EraAdapter;
beforeEach(() => {
  [asked, nowMs, late] = [[], 0, undefined];
  Object.assign(answers, { legacy: 'opens', modern: 'opens' });
  adapter = new EraAdapter(ofEra('legacy'), ofEra('modern'), () => nowMs);
});

const clientOf = (era: Era): ClientFacts => ({
  revision: revisions[era],
  capabilities: 0,
  caller: nobody,
  isShared: false,
});

/** The era it was opened in, or the code of the fault; and who was asked. */
async function opening(upstream: ReturnType<typeof upstreamAt>, era: Era, deadlineMs = 1_000): Promise<string> {
  asked = [];
  const result = await adapter.open(upstream, clientOf(era), deadlineMs).then(
    ({ revision }) => (revision === revisions.modern ? 'modern' : 'legacy'),
    (fault: unknown) => (fault instanceof GatewayError ? fault.code : String(fault)),
  );
  return `${asked.join(' ')}: ${result}`;
}

test.each(['legacy', 'modern'] as const)('the own era of a %s client comes first', async (era) => {
  expect(await opening(upstreamAt(), era)).toBe(`${era}: ${era}`);
});

test('where one era is configured, no other is tried', async () => {
  answers.modern = 'upstream_refused';
  expect(await opening(upstreamAt(undefined, { era: 'modern' }), 'legacy')).toBe('modern: upstream_refused');
  expect(await opening(upstreamAt(undefined, { era: 'legacy' }), 'modern')).toBe('legacy: legacy');
});

describe('a refusal', () => {
  test('leads to the other era, and is remembered for an hour', async () => {
    const upstream = upstreamAt();
    answers.modern = 'upstream_refused';
    expect(await opening(upstream, 'modern')).toBe('modern legacy: legacy');
    expect(await opening(upstream, 'modern')).toBe('legacy: legacy');
    expect(await opening(upstreamAt(), 'modern')).toBe('modern legacy: legacy');
    nowMs = 3_600_000;
    expect(await opening(upstream, 'modern')).toBe('modern legacy: legacy');
  });

  test('by an upstream that was taken for one of the session era asks again what it is', async () => {
    const upstream = upstreamAt();
    answers.modern = 'upstream_refused';
    await opening(upstream, 'modern');
    Object.assign(answers, { modern: 'opens', legacy: 'upstream_refused' });
    expect(await opening(upstream, 'modern')).toBe('legacy modern: modern');
    expect(await opening(upstream, 'legacy')).toBe('modern: modern');
  });

  test('by one that has proved to be modern is no reason to take it for an older one', async () => {
    const upstream = upstreamAt();
    await opening(upstream, 'modern');
    answers.modern = 'upstream_refused';
    expect(await opening(upstream, 'modern')).toBe('modern: upstream_refused');
    // Unless it says itself that it is one.
    answers.modern = new RevisionRefused(['2025-11-25']);
    expect(await opening(upstream, 'modern')).toBe('modern legacy: legacy');
  });

  test('of both eras is told as the first one', async () => {
    Object.assign(answers, { legacy: 'upstream_refused', modern: 'upstream_malformed' });
    expect(await opening(upstreamAt(), 'legacy')).toBe('legacy modern: upstream_refused');
  });
});

test.each(['upstream_timeout', 'upstream_unreachable', 'upstream_interrupted'] as const)(
  '%s says nothing of the era: the other is tried, and nothing remembered',
  async (code) => {
    const upstream = upstreamAt();
    answers.modern = code;
    expect(await opening(upstream, 'modern')).toBe('modern legacy: legacy');
    expect(await opening(upstream, 'modern')).toBe('modern legacy: legacy');
  },
);

test('after a challenge the other era is not tried: it would be challenged too', async () => {
  answers.legacy = 'upstream_unauthorized';
  expect(await opening(upstreamAt(), 'legacy')).toBe('legacy: upstream_unauthorized');
});

test('one that is silent for half the time is tried in both eras, and what opens too late is ended', async () => {
  answers.legacy = 'hangs';
  expect(await opening(upstreamAt(), 'legacy', 60)).toBe('legacy modern: modern');
  late!();
  await expect.poll(() => asked).toContain('end legacy');
});

test('what opens late, and first, is used', async () => {
  Object.assign(answers, { legacy: 'hangs', modern: 'upstream_refused' });
  const opened = opening(upstreamAt(), 'legacy', 60);
  await expect.poll(() => asked).toContain('modern');
  late!();
  expect(await opened).toBe('legacy modern: legacy');
});

test.each(['legacy', 'modern'] as const)('requests on a %s session go its way', async (era) => {
  const session = aSession({ revision: revisions[era], sessionId: era === 'legacy' ? 's' : undefined });
  const to = { session, caller: nobody };
  const nothing = Buffer.alloc(0);
  expect(() => adapter.ask(to, 'ping', '{}', 1)).toThrow('noted');
  expect(() => adapter.post(to, nothing)).toThrow('noted');
  await adapter.end(to);
  expect(asked).toEqual([`ask ${era}`, `post ${era}`, `end ${era}`]);
});
