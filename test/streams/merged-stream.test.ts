/** The stream of a client, over real HTTP, before upstreams that the test plays. */
import { expect, test, vi } from 'vitest';
import { clientCapability, serverCapability } from '../../src/protocol/capabilities.ts';
import type { Client } from '../../src/clients/client.ts';
import { openEventId, type StreamPosition } from '../../src/session/event-id.ts';
import { MergedStream } from '../../src/streams/merged-stream.ts';
import { nobody } from '../../src/transport/http/caller.ts';
import type { UpstreamSession } from '../../src/transport/upstream/session.ts';
import type { Upstream } from '../../src/transport/upstream/upstream.ts';
import { aClient, aSession, upstreamAt, type ClientOf, type SessionOf } from '../clients/a-client.ts';
import { clientEnd, type ClientEnd } from '../support/client-end.ts';
import { aHost, changed, eventOf, type PlayedHost } from './a-host.ts';

type Merged = Extract<StreamPosition, { kind: 'merged' }>;

interface Open {
  readonly stream: MergedStream;
  readonly host: PlayedHost;
  readonly client: Client;
  readonly end: ClientEnd;
  readonly closed: MergedStream[];
}

async function opened(of: ClientOf = {}, resumed?: Merged): Promise<Open> {
  const host = aHost();
  const closed: MergedStream[] = [];
  const client = aClient(of);
  const end = await clientEnd();
  const merged = { ...host, reaches: () => true, closed: (stream: MergedStream) => void closed.push(stream) };
  // `told` gives what the test sets later.
  const stream = new MergedStream(merged, client, nobody, end.response, resumed);
  return { stream, host, client, end, closed };
}

const sessions = new WeakMap<Client, Map<Upstream, UpstreamSession>>();

/** The client has this session at an upstream of this name. */
function session(client: Client, id: string, of: SessionOf = {}): UpstreamSession {
  const upstream = upstreamAt(undefined, {}, id);
  const known = aSession({ sessionId: `s-${id}`, ...of, upstream });
  const all = sessions.get(client) ?? new Map<Upstream, UpstreamSession>();
  sessions.set(client, all.set(upstream, known));
  vi.spyOn(client.sessions, 'peek').mockImplementation((asked: Upstream) => all.get(asked));
  return known;
}

const idsIn = (text: string): string[] => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id!);

test('without an upstream to wait for it is open at once', async () => {
  const { stream, end, host } = await opened();
  await stream.begin();
  await expect.poll(end.text).toBe(':\n\n');
  expect([end.status(), host.listens]).toEqual([200, []]);
});

test('each event says how far every upstream was read, and the next stream goes on there', async () => {
  const { stream, host, client, end } = await opened();
  const [one, two] = [session(client, 'one'), session(client, 'two')];
  for (const { upstream } of [one, two, one]) stream.join(upstream);
  expect(host.listens.map(({ to }) => to.session)).toEqual([one, two]);
  void stream.begin();
  host.listens[0]!.sink.onEvent(eventOf(changed, 'a1'));
  host.listens[1]!.sink.onEvent(eventOf(changed, 'b1'));
  host.listens[1]!.sink.onEvent(eventOf(changed));
  await expect.poll(() => end.text().split('list_changed').length).toBe(4);
  const ids = idsIn(end.text());
  expect(ids).toHaveLength(2);
  const position = openEventId(client.session, ids[1]!, Date.now() / 1_000);
  expect(position).toEqual({
    kind: 'merged',
    vector: [
      { upstream: two.upstream.hash, eventId: 'b1' },
      { upstream: one.upstream.hash, eventId: 'a1' },
    ],
  });

  const next = await opened({}, position as Merged);
  const again = session(next.client, 'one');
  next.stream.join(again.upstream);
  void next.stream.begin();
  expect(next.host.listens[0]!.lastEventId).toBe('a1');
  // It says where it is before anything has happened.
  await expect.poll(() => idsIn(next.end.text())).toHaveLength(1);
});

test('clients before 2025-11-25 get no event without data', async () => {
  const { stream, host, client, end } = await opened({ revision: '2025-06-18' });
  const { upstream } = session(client, 'one');
  stream.join(upstream);
  void stream.begin();
  host.listens[0]!.sink.onEvent(eventOf('', 'a1'));
  stream.announce('notifications/tools/list_changed');
  await expect.poll(end.text).toContain('list_changed');
  expect(idsIn(end.text())).toEqual([]);
});

test('only what may push or ask is listened to', async () => {
  const { stream, host, client } = await opened({ capabilities: clientCapability.roots });
  const modern = { revision: '2026-07-28', sessionId: undefined, isShared: true } as const;
  const silent = session(client, 'silent', { ...modern, capabilities: serverCapability.logging });
  const pushing = session(client, 'pushing', { ...modern, capabilities: serverCapability.toolsListChanged });
  const refusing = session(client, 'refusing');
  refusing.upstream.cannotStream(refusing);
  for (const { upstream } of [silent, pushing, refusing]) stream.join(upstream);
  stream.join(upstreamAt(undefined, {}, 'unknown'));
  expect(host.listens.map(({ to }) => to.session)).toEqual([pushing]);
});

test('other resources are watched by another subscription, which replaces the former once it is open', async () => {
  const { stream, host, client } = await opened();
  const { upstream } = session(client, 'one', {
    revision: '2026-07-28',
    sessionId: undefined,
    isShared: true,
    capabilities: serverCapability.resourcesSubscribe,
  });
  const first = stream.watch(upstream, ['a:b']);
  await expect.poll(() => host.listens.length).toBe(1);
  host.listens[0]!.sink.onStream();
  await first;
  await stream.watch(upstream, ['a:b']);
  expect(host.listens).toHaveLength(1);
  const second = stream.watch(upstream, ['a:b', 'a:c']);
  await expect.poll(() => host.listens.length).toBe(2);
  expect([host.listens[1]!.wants, host.listens[0]!.isAborted]).toEqual([{ uris: ['a:b', 'a:c'] }, false]);
  host.listens[1]!.sink.onStream();
  await second;
  expect(host.listens[0]!.isAborted).toBe(true);
});

test('an upstream that is gone from the route is no longer listened to', async () => {
  const { stream, host, client } = await opened();
  const { upstream } = session(client, 'one');
  stream.join(upstream);
  stream.part(upstream);
  expect(host.listens[0]!.isAborted).toBe(true);
  stream.join(upstream);
  expect(host.listens).toHaveLength(2);
});

test('a client that does not read pauses every upstream until it has caught up', async () => {
  const { stream, host, client, end } = await opened();
  for (const id of ['one', 'two']) stream.join(session(client, id).upstream);
  void stream.begin();
  await expect.poll(end.status).toBe(200);
  end.pause();
  const data = 'x'.repeat(1_000_000);
  const message = { method: 'notifications/message', params: { level: 'info', data } };
  for (let count = 0; count < 40 && !stream.isFull; count += 1) host.listens[0]!.sink.onEvent(eventOf(message));
  expect(host.listens.map(({ isPaused }) => isPaused)).toEqual([true, true]);
  end.goOn();
  await expect.poll(() => host.listens.map(({ isPaused }) => isPaused)).toEqual([false, false]);
});

test('with the client, or by its route, everything ends once', async () => {
  const left = await opened();
  left.stream.join(session(left.client, 'one').upstream);
  left.end.leave();
  await expect.poll(() => left.closed).toEqual([left.stream]);
  expect(left.host.listens[0]!.isAborted).toBe(true);

  const ended = await opened();
  ended.stream.join(session(ended.client, 'one').upstream);
  ended.stream.end(Buffer.from('retry: 500\n\n'));
  await expect.poll(ended.end.isEnded).toBe(true);
  expect([ended.end.text().endsWith('retry: 500\n\n'), ended.host.listens[0]!.isAborted]).toEqual([true, true]);
});
