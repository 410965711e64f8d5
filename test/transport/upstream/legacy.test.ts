/** What an upstream of the session era gets, to the header, and what its answers mean. */
import { beforeEach, describe, expect, test } from 'vitest';
import { clientCapability, serverCapability } from '../../../src/protocol/capabilities.ts';
import { anonymous, nobody } from '../../../src/transport/http/caller.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import type { ClientFacts } from '../../../src/transport/upstream/adapter.ts';
import { forwarded } from '../../../src/transport/upstream/credentials.ts';
import { LegacyAdapter } from '../../../src/transport/upstream/legacy.ts';
import { aSession, upstreamAt } from '../../clients/a-client.ts';
import { answer, answerJson, startRawServer, type RawHandler } from '../../support/raw-server.ts';
import { scripted, type Spoken } from '../../support/scripted-upstream.ts';
import { RecordingSink } from './recording-sink.ts';

const nothing: RawHandler = answer(202, '');
const server = await startRawServer(nothing);
const upstream = upstreamAt(server.url, { forwardHeaders: ['x-who'] });
const adapter = new LegacyAdapter(new Wheel(), forwarded, '1.2.3');
const caller = anonymous({ rawHeaders: ['X-Who', 'alice', 'Cookie', 'a=b'] });
const session = aSession({ upstream, sessionId: 's1' });
const to = { session, caller };

let from: number;
beforeEach(() => void (from = server.requests.length));
const arrived = (): (typeof server.requests)[number][] => server.requests.slice(from);

const facts: ClientFacts = {
  revision: '2025-06-18',
  capabilities: clientCapability.roots,
  caller,
  isShared: false,
};

function speaks(spoken: Spoken): void {
  server.answerWith(scripted(() => {}, spoken));
}

describe('a handshake', () => {
  test('says what the client can do, in its revision, and then that it is done', async () => {
    speaks({ revision: '2025-06-18', sessionId: 'given', capabilities: { tools: {}, experimental: { x: 1 } } });
    expect(await adapter.open(upstream, facts, 5_000)).toMatchObject({
      sessionId: 'given',
      revision: '2025-06-18',
      capabilities: serverCapability.tools,
      experimental: '{"x":1}',
    });
    const [initialize, initialized] = arrived();
    expect(initialize!.json).toMatchObject({
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: { roots: {} },
        clientInfo: { name: 'manifold', version: '1.2.3' },
      },
    });
    // Of the client's headers only those that are meant for it.
    expect(initialize!.headers).toMatchObject({ 'x-who': 'alice', accept: 'application/json, text/event-stream' });
    for (const name of ['cookie', 'mcp-session-id', 'mcp-protocol-version', 'manifold-principal'])
      expect(initialize!.headers).not.toHaveProperty(name);
    expect(initialized!.json).toMatchObject({ method: 'notifications/initialized' });
    expect(initialized!.headers).toMatchObject({ 'mcp-session-id': 'given', 'mcp-protocol-version': '2025-06-18' });
  });

  test('for a client of 2026-07-28 offers the newest revision with sessions', async () => {
    speaks({});
    await adapter.open(upstream, { ...facts, revision: '2026-07-28' }, 5_000);
    expect(arrived()[0]!.json).toMatchObject({ params: { protocolVersion: '2025-11-25' } });
  });

  test('with a server of 2024-11-05 is one of 2025-03-26', async () => {
    speaks({ revision: '2024-11-05' });
    expect(await adapter.open(upstream, facts, 5_000)).toMatchObject({ revision: '2025-03-26' });
  });

  test.each([
    ['a revision that nobody knows', { revision: '1999-01-01' }],
    ['the revision without sessions', { revision: '2026-07-28' }],
    ['a session id of 1,025 characters', { sessionId: 's'.repeat(1_025) }],
    ['a session id with a space', { sessionId: 'a b' }],
  ])('with %s is malformed', async (_what, spoken) => {
    speaks(spoken);
    await expect(adapter.open(upstream, facts, 5_000)).rejects.toMatchObject({ code: 'upstream_malformed' });
  });

  test('takes a session id of 1,024 characters', async () => {
    speaks({ sessionId: 's'.repeat(1_024) });
    expect((await adapter.open(upstream, facts, 5_000)).sessionId).toHaveLength(1_024);
  });

  test('that is refused half-way ends the session that was begun', async () => {
    const greets = scripted(() => {}, { sessionId: 'begun' });
    server.answerWith((request, response) =>
      request.body.includes('notifications/initialized')
        ? answer(401, '')(request, response)
        : greets(request, response),
    );
    await expect(adapter.open(upstream, facts, 5_000)).rejects.toMatchObject({ code: 'upstream_unauthorized' });
    await expect.poll(() => arrived().map(({ method }) => method)).toEqual(['POST', 'POST', 'DELETE']);
    expect(arrived()[2]!.headers['mcp-session-id']).toBe('begun');
  });
});

test('the loopback bridge, and no other, is told for whom a session is', async () => {
  speaks({});
  const transport = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined } as const;
  const bridged = upstreamAt(server.url, { transport });
  await adapter.open(bridged, { ...facts, caller: { ...caller, principalId: 'p' } }, 5_000);
  expect(arrived()[0]!.headers).toMatchObject({ 'manifold-principal': 'p', 'manifold-sharing': 'session' });
  await adapter.open(bridged, { ...facts, isShared: true }, 5_000);
  expect(arrived()[2]!.headers).not.toHaveProperty('manifold-sharing');
});

test('a request of the gateway’s own has an id that nobody can guess, and gets its answer', async () => {
  server.answerWith((request, response) => {
    const { id } = request.json as { id: string };
    return answerJson(`{"jsonrpc":"2.0","id":"${id}","result":{"a":1.0}}`)(request, response);
  });
  const answered = await Promise.all([1, 2].map(() => adapter.ask(to, 'tools/list', '{"cursor":"c"}', 5_000)));
  expect(answered[0]!.toString()).toContain('"result":{"a":1.0}');
  const [one, two] = arrived().map(({ json }) => json as { id: string; params: object });
  expect(one!.params).toEqual({ cursor: 'c' });
  expect(one!.id).not.toBe(two!.id);
});

test('a stream is asked for with its session, and from where it was', async () => {
  server.answerWith(answer(405, ''));
  const sink = new RecordingSink();
  adapter.listen(to, '41', sink);
  await sink.over;
  expect(sink.told).toEqual(['upstream_verb_refused']);
  expect(arrived()[0]).toMatchObject({
    method: 'GET',
    headers: { accept: 'text/event-stream', 'last-event-id': '41', 'mcp-session-id': 's1', 'x-who': 'alice' },
  });
});

test('a notification is taken with any 2xx, whatever comes with it, and else there is a fault', async () => {
  for (const status of [200, 202, 204]) {
    server.answerWith(answer(status, status === 204 ? '' : 'thanks'));
    await adapter.post(to, '{}');
  }
  server.answerWith(answer(404, ''));
  await expect(adapter.post(to, '{}')).rejects.toMatchObject({ code: 'upstream_session_lost' });
});

test('a session ends by DELETE, without a fault; where there is none, nothing is sent', async () => {
  server.answerWith(answer(405, ''));
  await adapter.end({ session, caller });
  await adapter.end({ session: aSession({ upstream }), caller: nobody });
  expect(arrived().map(({ method, headers }) => [method, headers['mcp-session-id']])).toEqual([['DELETE', 's1']]);
});
