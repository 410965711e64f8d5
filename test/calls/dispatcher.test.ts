/** How a call is sent, sent again, and given up, before an upstream that the test plays. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { selectors } from '../../src/clients/gate.ts';
import { Catalogue } from '../../src/aggregate/catalogue.ts';
import { Dispatcher } from '../../src/calls/dispatcher.ts';
import type { Asking } from '../../src/calls/questions/asking.ts';
import { Holds } from '../../src/calls/questions/holds.ts';
import type { Parking } from '../../src/calls/questions/parking.ts';
import { Standings } from '../../src/calls/questions/standing.ts';
import type { Routed } from '../../src/calls/router.ts';
import { UnderWay } from '../../src/calls/under-way.ts';
import type { Client } from '../../src/clients/client.ts';
import { Wishes } from '../../src/clients/wishes.ts';
import { GatewayError } from '../../src/errors.ts';
import { ListChanges } from '../../src/lists/list-changes.ts';
import { serverCapability } from '../../src/protocol/capabilities.ts';
import { Keeper } from '../../src/streams/keeper.ts';
import { OpenStreams } from '../../src/streams/open-streams.ts';
import { Journal } from '../../src/telemetry/journal.ts';
import { CallMeter } from '../../src/telemetry/call-meter.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Hops } from '../../src/transport/peers/hop.ts';
import { forwarded } from '../../src/transport/upstream/credentials.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import type { UpstreamSession } from '../../src/transport/upstream/session.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { aClient, aSession, upstreamAt, type SessionOf } from '../clients/a-client.ts';
import { firstKey, ringOf } from '../session/ring.ts';
import { aHost, eventOf, type Asked, type PlayedHost } from '../streams/a-host.ts';
import { aCall, type RecordingOutlet } from './an-outlet.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

const ring = await ringOf(firstKey);
const upstream = upstreamAt();
const seconds = (): number => Math.floor(Date.now() / 1_000);
const toldNobody = (): Promise<void> => Promise.resolve();

interface Dispatching {
  readonly host: PlayedHost;
  readonly calls: Dispatcher;
  readonly underWay: UnderWay;
  /** Times that the headers of tools were learnt anew. */
  readonly relearnt: () => number;
}

function dispatching(): Dispatching {
  const host = aHost();
  const upstreams = new Upstreams([upstream]);
  const log = createLog('silent');
  const opener = new SessionOpener({
    adapter: host.adapter,
    deadlineMs: 1_000,
    log,
    now: () => 0,
    onReturn: () => {},
    onLeft: () => {},
  });
  const streams = new OpenStreams({ ...host, upstreams, opener, gate: () => selectors });
  const underWay = new UnderWay();
  let relearnt = 0;
  const calls = new Dispatcher({
    ...host,
    hops: new Hops('', '/mcp', ring, seconds),
    changes: new ListChanges(new Catalogue(), upstreams, toldNobody, () => {}),
    lists: {
      relearn: () => {
        relearnt += 1;
        return Promise.resolve();
      },
    },
    journal: new Journal(log, 'r', new CallMeter('r')),
    keeper: new Keeper(new Wishes(seconds), streams, toldNobody),
    standings: new Standings(host),
    credentials: forwarded,
    underWay,
    asked: new Holds<Asking>(host.wheel, ''),
    parked: new Holds<Parking>(host.wheel, ''),
  });
  return { host, calls, underWay, relearnt: () => relearnt };
}

/** The client has this session, and each time it is lost another one with the next id. */
function atSession(client: Client, of: SessionOf = {}): UpstreamSession {
  let session = aSession({ sessionId: 's1', ...of, upstream });
  let count = 1;
  const first = session;
  vi.spyOn(client.sessions, 'peek').mockImplementation(() => session);
  vi.spyOn(client.sessions, 'renew').mockImplementation(() => {
    session = aSession({ ...of, sessionId: `s${(count += 1)}`, upstream });
    return Promise.resolve(session);
  });
  return first;
}

const routed: Routed = {
  subject: { kind: 'tool', upstream, name: 'read', method: 'tools/call' },
  target: { name: 'read' },
};
const request = { method: 'tools/call', params: { name: 'up__read', arguments: { n: 1.5 } } };
const result = { id: 1, result: { content: [] } };

function sent(client: Client, all: Dispatching, of: object = request): { outlet: RecordingOutlet; last: () => Asked } {
  const call = aCall(client, of as typeof request);
  all.calls.send(call, routed);
  return { outlet: call.outlet, last: () => all.host.calls.at(-1)! };
}

test('the upstream gets its own name at once, and the client the answer', () => {
  const all = dispatching();
  const client = aClient();
  const session = atSession(client);
  const { outlet, last } = sent(client, all);
  expect(JSON.parse(last().body)).toEqual({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { ...request.params, name: 'read' },
  });
  expect([last().to.session, client.inFlight.size]).toEqual([session, 1]);
  last().sink.onJson(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...result })));
  expect(outlet.told).toEqual(['whole {"jsonrpc":"2.0","id":1,"result":{"content":[]}}']);
  expect(client.inFlight.size).toBe(0);
});

test('an answer to anything else is none', () => {
  const all = dispatching();
  const client = aClient();
  atSession(client);
  const { outlet, last } = sent(client, all);
  last().sink.onJson(Buffer.from('{"jsonrpc":"2.0","id":2,"result":{}}'));
  expect([outlet.told, last().isAborted]).toEqual([['fault upstream_malformed'], true]);
});

const progress = (progressToken: string): object => ({
  method: 'notifications/progress',
  params: { progressToken, progress: 1 },
});

test('on a shared session ids and progress tokens are the gateway’s own', () => {
  const all = dispatching();
  const client = aClient();
  atSession(client, { isShared: true });
  const withToken = { ...request, params: { ...request.params, _meta: { progressToken: 'mine' } } };
  const [one, two] = [sent(client, all, withToken), sent(client, all, { ...withToken, id: 2 })];
  const [first, second] = all.host.calls.map(
    ({ body }) => JSON.parse(body) as { id: string; params: { _meta: { progressToken: string } } },
  );
  expect(first!.id).not.toBe(second!.id);
  expect(first!.params._meta.progressToken).toBe(first!.id);
  // Progress of the other call on this one's stream is not this client's.
  all.host.calls[0]!.sink.onEvent(eventOf(progress(second!.id)));
  all.host.calls[0]!.sink.onEvent(eventOf(progress(first!.id)));
  all.host.calls[0]!.sink.onEvent(eventOf({ id: first!.id, result: {} }));
  expect(one.outlet.told).toEqual([
    `events data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1}}\n\n`,
    `finish data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n`,
  ]);
  expect([two.outlet.told, all.host.drops]).toEqual([[], ['not_of_this_call']]);
});

describe('a lost session', () => {
  test('is opened anew and the call sent again, once', async () => {
    const all = dispatching();
    const client = aClient();
    atSession(client);
    const { outlet, last } = sent(client, all);
    last().sink.onFault(new GatewayError('upstream_session_lost'));
    await expect.poll(() => all.host.calls.length).toBe(2);
    expect([last().to.session.sessionId, last().body]).toEqual(['s2', all.host.calls[0]!.body]);
    last().sink.onFault(new GatewayError('upstream_session_lost'));
    expect([all.host.calls.length, outlet.told]).toEqual([2, ['fault upstream_session_lost']]);
  });

  test('in the middle of an answer has taken it with it', () => {
    const all = dispatching();
    const client = aClient();
    atSession(client);
    const { outlet, last } = sent(client, all);
    last().sink.onEvent(eventOf('', '1'));
    last().sink.onFault(new GatewayError('upstream_session_lost'));
    expect([all.host.calls.length, outlet.told.at(-1)]).toEqual([1, 'fault upstream_session_lost']);
  });
});

test('headers that are refused are learnt anew, once', async () => {
  const all = dispatching();
  const client = aClient();
  atSession(client, { revision: '2026-07-28', sessionId: undefined, isShared: true });
  const { outlet, last } = sent(client, all);
  last().sink.onFault(new GatewayError('upstream_headers_refused'));
  await expect.poll(() => all.host.calls.length).toBe(2);
  last().sink.onFault(new GatewayError('upstream_headers_refused'));
  expect([all.relearnt(), outlet.told]).toEqual([1, ['fault upstream_headers_refused']]);
});

test('an answer that breaks goes on after its latest event, and without one it is lost', async () => {
  const all = dispatching();
  const client = aClient({ revision: '2025-06-18' });
  atSession(client);
  const { outlet, last } = sent(client, all);
  last().sink.onEvent(eventOf({ method: 'notifications/message', params: { level: 'info', data: 1 } }, '7'));
  last().sink.onFault(new GatewayError('upstream_interrupted'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(all.host.listens.map(({ lastEventId }) => lastEventId)).toEqual(['7']);
  all.host.listens[0]!.sink.onEvent(eventOf(result));
  expect(outlet.told.at(-1)).toContain('finish data: {"jsonrpc":"2.0","id":1,"result"');
  const lost = sent(client, all);
  lost.last().sink.onFault(new GatewayError('upstream_interrupted'));
  expect(lost.outlet.told).toEqual(['fault upstream_interrupted']);
});

test('an upstream that is too slow is told that nobody waits any more', () => {
  const all = dispatching();
  const client = aClient();
  atSession(client);
  const { last } = sent(client, all);
  last().sink.onFault(new GatewayError('upstream_timeout'));
  expect(all.host.replies).toEqual([
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"timeout"}}',
  ]);
});

describe('a client that leaves', () => {
  test('in the session era has cancelled nothing', () => {
    const all = dispatching();
    const client = aClient();
    atSession(client);
    const { outlet, last } = sent(client, all);
    outlet.gone = true;
    outlet.owner!.onGone();
    expect([last().isAborted, all.host.replies, client.inFlight.size]).toEqual([false, [], 1]);
  });

  test('in 2026-07-28 has taken its request back', () => {
    const all = dispatching();
    const client = aClient({ revision: '2026-07-28' });
    atSession(client, { isShared: true });
    const { outlet, last } = sent(client, all);
    outlet.owner!.onGone();
    expect([last().isAborted, all.host.replies[0]?.includes('notifications/cancelled')]).toEqual([true, true]);
  });
});

test('a client that reads slowly pauses its upstream', () => {
  const all = dispatching();
  const client = aClient();
  atSession(client);
  const { outlet, last } = sent(client, all);
  outlet.isFull = true;
  last().sink.onEvent(eventOf({ method: 'notifications/message', params: { level: 'info', data: 1 } }));
  expect(last().isPaused).toBe(true);
  outlet.owner!.onDrain();
  expect(last().isPaused).toBe(false);
});

test('where no session can be had, and where an identifier is not the client’s, nothing is sent', async () => {
  const all = dispatching();
  const client = aClient();
  const opening = sent(client, all);
  await expect.poll(() => opening.outlet.told).toHaveLength(1);
  const modern = aClient({ revision: '2026-07-28' });
  atSession(modern, { revision: '2026-07-28', sessionId: undefined });
  const forged = sent(modern, all, { ...request, params: { ...request.params, requestState: 'forged' } });
  expect([forged.outlet.told, all.host.calls]).toEqual([['fault state_invalid'], []]);
});

test('resources are watched by the gateway where the upstream keeps no session', async () => {
  const all = dispatching();
  const client = aClient();
  atSession(client, {
    revision: '2026-07-28',
    sessionId: undefined,
    capabilities: serverCapability.resourcesSubscribe,
  });
  const { outlet } = sent(client, all, { method: 'resources/subscribe', params: { uri: 'a:b' } });
  await expect.poll(() => outlet.told).toEqual(['whole {"jsonrpc":"2.0","id":1,"result":{}}']);
  expect(all.host.calls).toEqual([]);
});

test('a call that can be resumed goes on elsewhere when the process stops; another is left as it is', () => {
  const all = dispatching();
  const client = aClient();
  atSession(client);
  const [promised, other] = [sent(client, all), sent(client, all, { ...request, id: 2 })];
  all.host.calls[0]!.sink.onEvent(eventOf('', '1'));
  all.underWay.disconnectAll(500);
  expect(promised.outlet.told.at(-1)).toBe('finish retry: 500\n\n');
  expect([all.host.calls[0]!.isAborted, all.host.calls[1]!.isAborted, other.outlet.told]).toEqual([true, false, []]);
});

test('a request that is cancelled at another replica is closed here, where closing is cancelling', () => {
  const all = dispatching();
  const client = aClient();
  atSession(client, { revision: '2026-07-28', sessionId: undefined });
  const { outlet, last } = sent(client, all);
  all.underWay.cancelled(client.known.jti, '2');
  expect(last().isAborted).toBe(false);
  all.underWay.cancelled(client.known.jti, '1');
  expect([last().isAborted, outlet.told]).toEqual([true, ['finish ']]);
});
