/** What an answer means that is no 200 with JSON or events. */
import { expect, test } from 'vitest';
import { refusalOf, type Expecting } from '../../../src/transport/upstream/refusal.ts';

const asked: Expecting = { upstreamId: '7' };
const error = (code: number, message = 'x', id = '7'): string =>
  JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(id) as unknown, error: { code, message } });

function meant(status: number, body: string, expects: Expecting | undefined = asked, readsErrors = false): string {
  const refusal = refusalOf(status, Buffer.from(body), expects, readsErrors);
  return refusal.kind === 'answer' ? 'answer' : refusal.code;
}

for (const [status, code] of [
  [202, 'upstream_malformed'],
  [200, 'upstream_malformed'],
  [400, 'upstream_refused'],
  [401, 'upstream_unauthorized'],
  [403, 'upstream_unauthorized'],
  [404, 'upstream_session_lost'],
  [405, 'upstream_verb_refused'],
  [408, 'upstream_busy'],
  [409, 'upstream_busy'],
  [429, 'upstream_busy'],
  [500, 'upstream_unreachable'],
  [503, 'upstream_unreachable'],
] as const)
  test(`${status} without a JSON-RPC error is ${code}`, () => expect(meant(status, 'no')).toBe(code));

test('an error about this very request is its answer, and of another it is not', () => {
  expect(meant(400, error(-32_602))).toBe('answer');
  expect(meant(500, error(-32_603))).toBe('answer');
  expect(meant(500, error(-32_603, 'x', '8'))).toBe('upstream_unreachable');
  expect(meant(401, error(-32_603))).toBe('upstream_unauthorized');
  expect(meant(503, error(-32_603), { ...asked, isOwn: true })).toBe('upstream_unreachable');
});

test('a session is lost by 404, and by 400 with words of it', () => {
  expect(meant(404, error(-32_001))).toBe('upstream_session_lost');
  expect(meant(404, error(-32_601))).toBe('answer');
  expect(meant(400, error(-32_000, 'No valid session ID provided'))).toBe('upstream_session_lost');
  expect(meant(400, error(-32_602, 'No valid session ID provided'))).toBe('answer');
  // 2026-07-28 knows no sessions.
  expect(meant(404, error(-32_001), asked, true)).toBe('answer');
});
