/** Which session serves which upstream for one client, against a real server that begins sessions. */
import { beforeEach, expect, test } from 'vitest';
import { ClientSessions } from '../../../src/transport/upstream/client-sessions.ts';
import { forwarded } from '../../../src/transport/upstream/credentials.ts';
import { LegacyAdapter } from '../../../src/transport/upstream/legacy.ts';
import { SessionOpener } from '../../../src/transport/upstream/opener.ts';
import type { UpstreamSession } from '../../../src/transport/upstream/session.ts';
import type { Upstream } from '../../../src/transport/upstream/upstream.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { nobody } from '../../../src/transport/http/caller.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import { upstreamAt } from '../../clients/a-client.ts';
import { startRawServer, type RawServer } from '../../support/raw-server.ts';

const server: RawServer = await startRawServer(({ json }, response) => {
  const { id, method } = json as { id?: number; method?: string };
  if (method !== 'initialize') return void response.writeHead(202).end();
  const result = {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'x', version: '1' },
  };
  response
    .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': `s${server.requests.length}` })
    .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
});
const opened: Upstream[] = [];
const left: UpstreamSession[] = [];

function sessionsOf(sealed?: string): ClientSessions {
  const opener = new SessionOpener({
    adapter: new LegacyAdapter(new Wheel(), forwarded, '1'),
    deadlineMs: 5_000,
    log: createLog('silent'),
    now: () => 0,
    onReturn: () => {},
    onLeft: (session) => void left.push(session),
  });
  const owner = {
    revision: '2025-11-25',
    clientCapabilities: 0,
    isShared: false,
    principalId: '',
    sealed: () =>
      sealed === undefined ? undefined : { sessionId: sealed, revision: '2025-11-25' as const, capabilities: 0 },
    opened: (upstream: Upstream) => void opened.push(upstream),
  } as const;
  return new ClientSessions(owner, opener);
}

beforeEach(() => {
  opened.length = 0;
  left.length = 0;
});

const initializes = (): number => server.requests.filter(({ body }) => body.includes('"initialize"')).length;

test('what the token holds serves without any traffic', async () => {
  const upstream = upstreamAt(server.url);
  const sessions = sessionsOf('sealed');
  const before = server.requests.length;
  const session = await sessions.ensure(upstream, nobody);
  expect(session.sessionId).toBe('sealed');
  expect(sessions.peek(upstream)).toBe(session);
  expect([server.requests.length, opened]).toEqual([before, []]);
});

test('calls that come while one is opened wait for the same', async () => {
  const upstream = upstreamAt(server.url);
  const sessions = sessionsOf();
  const before = initializes();
  expect(sessions.peek(upstream)).toBeUndefined();
  const [one, two] = await Promise.all([sessions.ensure(upstream, nobody), sessions.ensure(upstream, nobody)]);
  expect(one).toBe(two);
  expect([initializes() - before, opened]).toEqual([1, [upstream]]);
});

test('one that is lost is opened anew once, for whoever lost that very one', async () => {
  const upstream = upstreamAt(server.url);
  const sessions = sessionsOf('sealed');
  const lost = sessions.peek(upstream)!;
  const before = initializes();
  const renewing = sessions.renew(lost, nobody);
  // The lost one is not handed out meanwhile.
  expect(sessions.peek(upstream)).toBeUndefined();
  const [first, meanwhile] = await Promise.all([renewing, sessions.ensure(upstream, nobody)]);
  expect(first).toBe(meanwhile);
  // Another call finds out late, and gets what has been opened since.
  expect(await sessions.renew(lost, nobody)).toBe(first);
  expect([initializes() - before, left]).toEqual([1, [lost]]);
  expect(await sessions.renew(first, nobody)).not.toBe(first);
});

test('where it is configured so, a lost session is a fault', async () => {
  const sessions = sessionsOf('sealed');
  const lost = sessions.peek(upstreamAt(server.url, { onSessionLoss: 'error' }))!;
  const before = initializes();
  await expect(sessions.renew(lost, nobody)).rejects.toMatchObject({ code: 'upstream_session_lost' });
  expect([initializes(), sessions.peek(lost.upstream)]).toEqual([before, lost]);
});

test('at the end what was opened is given, and forgotten', async () => {
  const upstream = upstreamAt(server.url);
  const sessions = sessionsOf();
  const session = await sessions.ensure(upstream, nobody);
  expect(sessions.all([upstream, upstreamAt(server.url)])).toEqual([session]);
  expect(sessions.release()).toEqual([session]);
  expect([left, sessions.peek(upstream)]).toEqual([[session], undefined]);
});
