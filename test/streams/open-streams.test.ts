/** All streams to the clients of a route: which is opened, how many, and who is told what. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { selectors } from '../../src/clients/gate.ts';
import type { Client } from '../../src/clients/client.ts';
import { eventIdToClient } from '../../src/clients/translate.ts';
import { OpenStreams } from '../../src/streams/open-streams.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { nobody } from '../../src/transport/http/caller.ts';
import { maxStreamsPerSession } from '../../src/transport/http/limits.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import type { UpstreamSession } from '../../src/transport/upstream/session.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { aCall, type RecordingOutlet } from '../calls/an-outlet.ts';
import { aClient, aSession, upstreamAt } from '../clients/a-client.ts';
import { clientEnd, type ClientEnd } from '../support/client-end.ts';
import { aHost, type PlayedHost } from './a-host.ts';

const upstream = upstreamAt();
let host: PlayedHost;
let streams: OpenStreams;
beforeEach(() => {
  host = aHost();
  const opener = new SessionOpener({
    adapter: host.adapter,
    deadlineMs: 1_000,
    log: createLog('silent'),
    now: () => 0,
    onReturn: () => {},
    onLeft: () => {},
  });
  streams = new OpenStreams({ ...host, upstreams: new Upstreams([upstream]), opener, gate: () => selectors });
});

function atSession(client: Client): UpstreamSession {
  const session = aSession({ sessionId: 's', upstream });
  vi.spyOn(client.sessions, 'peek').mockReturnValue(session);
  return session;
}

async function opened(client: Client, lastEventId?: string): Promise<ClientEnd> {
  const end = await clientEnd();
  streams.open(client, nobody, lastEventId, end.response);
  return end;
}

function subscribed(client: Client, notifications: object): RecordingOutlet {
  const call = aCall(client, { method: 'subscriptions/listen', params: { notifications } });
  streams.subscribe(call);
  return call.outlet;
}

describe('Last-Event-ID', () => {
  test('of a call resumes its answer alone', async () => {
    const client = aClient();
    atSession(client);
    const id = eventIdToClient(client, {
      kind: 'post',
      stream: Buffer.alloc(8),
      upstream: upstream.hash,
      eventId: '9',
    });
    await opened(client, id);
    expect(host.listens.map(({ lastEventId }) => lastEventId)).toEqual(['9']);
  });

  test('of another session, or of nobody, begins a fresh stream', async () => {
    const id = eventIdToClient(aClient({ principal: 'anonymous' }), {
      kind: 'post',
      stream: Buffer.alloc(8),
      upstream: upstream.hash,
      eventId: '9',
    });
    for (const each of [id, 'forged']) {
      const client = aClient();
      atSession(client);
      const end = await opened(client, each);
      await expect.poll(end.status).toBe(200);
    }
    expect(host.listens.map(({ lastEventId }) => lastEventId)).toEqual([undefined, undefined]);
  });
});

test('a session has so many streams at most, and one that ends makes room', async () => {
  const client = aClient();
  const ends: ClientEnd[] = [];
  for (let count = 0; count < maxStreamsPerSession; count += 1) ends.push(await opened(client));
  await expect(opened(client)).rejects.toMatchObject({ code: 'streams_too_many' });
  ends[0]!.leave();
  await expect.poll(() => client.openStreams).toBe(maxStreamsPerSession - 1);
  await opened(client);
});

describe('a change of what is offered', () => {
  test('is told once to each client, on its newest stream', async () => {
    const client = aClient();
    const [old, fresh, other] = [await opened(client), await opened(client), await opened(aClient())];
    streams.announceLists();
    await expect.poll(fresh.text).toContain('resources/list_changed');
    await expect.poll(other.text).toContain('tools/list_changed');
    expect(old.text()).not.toContain('list_changed');
  });

  test('is told to a subscription as far as it has asked', async () => {
    const client = aClient({ revision: '2026-07-28' });
    const outlet = subscribed(client, { toolsListChanged: true });
    await expect.poll(() => outlet.told.join()).toContain('acknowledged');
    streams.announceLists();
    const changes = outlet.told.filter((each) => each.includes('list_changed'));
    expect(changes.map((each) => JSON.parse(each.slice('events data: '.length)) as object)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/tools/list_changed',
        params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } },
      },
    ]);
  });
});

test('a session that has ended loses its streams; the others keep theirs', async () => {
  const [client, other] = [aClient(), aClient({ principal: 'anonymous' })];
  const [own, foreign] = [await opened(client), await opened(other)];
  streams.endSession(client.session.claims.jti);
  await expect.poll(own.isEnded).toBe(true);
  expect([foreign.isEnded(), client.openStreams, other.openStreams]).toEqual([false, 0, 1]);
});

test('when the process stops, all end, and clients are told to come back', async () => {
  const end = await opened(aClient());
  const outlet = subscribed(aClient({ revision: '2026-07-28' }), {});
  await expect.poll(() => outlet.told.join()).toContain('acknowledged');
  streams.endAll();
  await expect.poll(end.isEnded).toBe(true);
  expect(end.text()).toMatch(/retry: \d+\n\n$/);
  expect(outlet.told.at(-1)).toContain('"resultType":"complete"');
});

test('one stream that ends lets another one have the upstream’s', async () => {
  const client = aClient();
  atSession(client);
  const [first] = [await opened(client), await opened(client)];
  expect(host.listens).toHaveLength(2);
  first.leave();
  await expect.poll(() => host.listens[0]!.isAborted).toBe(true);
  expect(client.openStreams).toBe(1);
});
