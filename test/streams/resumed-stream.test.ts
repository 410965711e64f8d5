/** The rest of one call's answer, over real HTTP, from an upstream that the test plays. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { openEventId } from '../../src/session/event-id.ts';
import { ResumedStream } from '../../src/streams/resumed-stream.ts';
import { nobody } from '../../src/transport/http/caller.ts';
import { maxResumptions } from '../../src/transport/http/limits.ts';
import { aClient, aSession, type ClientOf } from '../clients/a-client.ts';
import { clientEnd, type ClientEnd } from '../support/client-end.ts';
import { aHost, eventOf, type Asked, type PlayedHost } from './a-host.ts';

// Only the wheel is turned by hand; sockets go on by themselves.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

interface Resumed {
  readonly stream: ResumedStream;
  readonly host: PlayedHost;
  readonly end: ClientEnd;
  readonly closed: () => number;
  readonly last: () => Asked;
}

const session = aSession({ sessionId: 's' });
const client = (of: ClientOf = {}): ReturnType<typeof aClient> => aClient(of);

async function resumed(of: ClientOf = {}): Promise<Resumed> {
  const host = aHost();
  let closed = 0;
  const end = await clientEnd();
  const position = { kind: 'post', stream: Buffer.alloc(8), upstream: session.upstream.hash, eventId: '4' } as const;
  const stream = new ResumedStream(
    { ...host, closed: () => void (closed += 1) },
    client(of),
    { session, caller: nobody },
    end.response,
    position,
  );
  stream.start();
  return { stream, host, end, closed: () => closed, last: () => host.listens.at(-1)! };
}

const result = { id: 1, result: { content: [] } };

test('what has come meanwhile passes, and the answer is its end', async () => {
  const { host, end, last, closed } = await resumed();
  expect([last().lastEventId, last().to.session]).toEqual(['4', session]);
  last().sink.onStream();
  last().sink.onEvent(eventOf({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } }, '5'));
  last().sink.onEvent(eventOf({ method: 'ping', id: 'p' }));
  last().sink.onEvent(eventOf(result, '6'));
  await expect.poll(end.isEnded).toBe(true);
  expect(end.text()).toMatch(/"progress":1[^]*"content":\[\]/);
  expect([host.replies.length, closed(), last().isAborted]).toEqual([1, 1, true]);
  // The client may come back from each of the events.
  const ids = [...end.text().matchAll(/^id: (.*)$/gm)].map(([, id]) =>
    openEventId(client().session, id!, Date.now() / 1_000),
  );
  expect(ids.map((id) => (id?.kind === 'post' ? id.eventId : id))).toEqual(['4', '5', '6']);
});

test('what the upstream does not have any more is a status of HTTP', async () => {
  const { end, last, closed } = await resumed();
  last().sink.onFault(new GatewayError('upstream_refused'));
  await expect.poll(end.isEnded).toBe(true);
  expect([end.status(), closed()]).toEqual([new GatewayError('stream_gone').status, 1]);
});

test('a stream that breaks again is resumed again, from its latest event, and not for ever', async () => {
  const { host, end, last } = await resumed();
  last().sink.onStream();
  last().sink.onEvent(eventOf({ method: 'notifications/message', params: { level: 'info', data: 1 } }, '8'));
  for (let count = 0; count < maxResumptions; count += 1) {
    last().sink.onFault(new GatewayError('upstream_unreachable'));
    expect(host.listens).toHaveLength(count + 1);
    await vi.advanceTimersByTimeAsync(6_000);
  }
  expect([host.listens.length, last().lastEventId]).toEqual([maxResumptions + 1, '8']);
  last().sink.onFault(new GatewayError('upstream_unreachable'));
  await expect.poll(end.isEnded).toBe(true);
});

test('an upstream that wants to be polled is polled by a client of 2025-11-25, and by the gateway for an older one', async () => {
  const newer = await resumed();
  newer.last().sink.onStream();
  newer.last().sink.onRetry(900);
  newer.last().sink.onEnd();
  await expect.poll(newer.end.isEnded).toBe(true);
  expect([newer.end.text().endsWith('retry: 900\n\n'), newer.host.listens.length]).toEqual([true, 1]);

  const older = await resumed({ revision: '2025-06-18' });
  older.last().sink.onStream();
  older.last().sink.onEnd();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(older.host.listens).toHaveLength(2);
  // The end of its stream would be the end of its call.
  older.stream.end();
  expect(older.last().isAborted).toBe(false);
});

test('an upstream that is slow to answer keeps nobody waiting', async () => {
  const { end } = await resumed();
  await vi.advanceTimersByTimeAsync(1_000);
  await expect.poll(end.status).toBe(200);
});

test('an answer that is no stream is no rest of one; nonsense ends it', async () => {
  const whole = await resumed();
  whole.last().sink.onJson(Buffer.from('{}'));
  await expect.poll(whole.end.status).toBe(new GatewayError('stream_gone').status);
  const nonsense = await resumed();
  nonsense.last().sink.onStream();
  nonsense.last().sink.onEvent(eventOf('{'));
  await expect.poll(nonsense.end.isEnded).toBe(true);
  expect(nonsense.last().isAborted).toBe(true);
});

test('a client that leaves ends it', async () => {
  const { end, last, closed } = await resumed();
  end.leave();
  await expect.poll(closed).toBe(1);
  expect(last().isAborted).toBe(true);
});
