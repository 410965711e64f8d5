/** How a session behaves by its revision, and which headers its requests have. */
import { expect, test } from 'vitest';
import { aSession, upstreamAt } from '../../clients/a-client.ts';

const upstream = upstreamAt(undefined, {
  transport: { kind: 'http', url: 'http://localhost:1/mcp', headers: [['x-key', 'k']] },
});

test('the era decides how it is spoken to', () => {
  expect(aSession({ sessionId: 's', revision: '2025-11-25' })).toMatchObject({
    takesNotifications: true,
    repeatsInHeaders: false,
    asksByRounds: false,
    isToldOfClient: false,
    streamKind: 'get',
    keepsSession: true,
  });
  expect(aSession({ revision: '2026-07-28' })).toMatchObject({
    takesNotifications: false,
    repeatsInHeaders: true,
    asksByRounds: true,
    isToldOfClient: true,
    streamKind: 'subscription',
    keepsSession: false,
  });
});

const pairs = (raw: readonly string[]): Record<string, string> =>
  Object.fromEntries(Array.from({ length: raw.length / 2 }, (_each, at) => [raw[2 * at], raw[2 * at + 1]]));

test('a request has the headers of the upstream, the revision and the session', () => {
  const { headers } = aSession({ upstream, sessionId: 's' });
  expect(pairs(headers)).toMatchObject({
    'x-key': 'k',
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': '2025-11-25',
    'mcp-session-id': 's',
  });
  // The header came with 2025-06-18.
  const old = aSession({ upstream, revision: '2025-03-26' });
  expect(pairs(old.headers)).not.toHaveProperty('mcp-protocol-version');
  expect(pairs(old.headers)).not.toHaveProperty('mcp-session-id');
  expect(pairs(old.headersWithoutBody('text/event-stream'))).not.toHaveProperty('content-type');
});

test('calls under way are known where several clients share what an upstream remembers', () => {
  expect(aSession({ sessionId: 's', isShared: true }).underWay).toBeDefined();
  expect(aSession({ sessionId: 's' }).underWay).toBeUndefined();
  expect(aSession({ isShared: true }).underWay).toBeUndefined();
});

test('it has a capability when it has one of those asked for', () => {
  const session = aSession({ capabilities: 0b101 });
  expect([session.has(0b100), session.has(0b110), session.has(0b010)]).toEqual([true, true, false]);
});
