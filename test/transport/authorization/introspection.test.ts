/** What an authorization server tells of an opaque token is judged like the claims of a JWT (RFC 7662 §2.2, §4). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxTokenChars } from '../../../src/oauth/presented.ts';
import { CredentialsRefused } from '../../../src/oauth/verified.ts';
import { discovered } from '../../../src/transport/authorization/discovery.ts';
import { introspector, type Introspection } from '../../../src/transport/authorization/introspection.ts';
import { Unavailable } from '../../../src/transport/authorization/kept.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';

const resource = 'https://gw.example.com/mcp';
const egress = guardedEgress({ allowLoopback: true });
const now = Math.floor(Date.now() / 1_000);
let as: AuthorizationServer;
let good: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  as = await authorizationServer();
  good = { active: true, sub: 'alice', aud: resource, scope: 'read', exp: now + 600 };
});
afterAll(async () => {
  await egress.close();
  await as.close();
});

/** The subject, or what was wrong. */
async function outcome(told: unknown, more: Partial<Introspection> = {}, token = 'opaque'): Promise<string> {
  as.say('/token/introspection', typeof told === 'string' ? told : JSON.stringify(told));
  const credential = { method: 'client_secret_basic', secret: clientSecret } as const;
  const introspect = introspector(
    { clientId: 'gateway', credential, ...more },
    { issuer: as.issuer, audiences: [resource] },
    discovered(as.issuer, egress.fetch),
    egress,
  );
  try {
    const { principal } = await introspect(token, now);
    return principal === 'anonymous' ? principal : principal.sub;
  } catch (fault) {
    if (fault instanceof CredentialsRefused) return `refused: ${fault.message}`;
    return fault instanceof Unavailable ? 'unavailable' : String(fault);
  }
}

test('an active token for this resource holds, whether the server names itself or not', async () => {
  expect(await outcome(good)).toBe('alice');
  expect(await outcome({ ...good, iss: as.issuer, token_type: 'Bearer', nbf: now })).toBe('alice');
  expect(await outcome({ ...good, exp: undefined })).toBe('alice');
  expect(await outcome({ ...good, aud: ['https://other', resource] })).toBe('alice');
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ['not active', { active: false }],
  ['of another issuer', { iss: 'https://other.example.com' }],
  ['no bearer token', { token_type: 'DPoP' }],
  ['expired', { exp: now - 60 }],
  ['not valid yet', { nbf: now + 61 }],
  ['for another audience', { aud: 'https://other.example.com' }],
  ['for another audience', { aud: undefined }],
  ['the token is bound to a key (cnf)', { cnf: { 'x5t#S256': 'x' } }],
  ['neither sub nor client_id', { sub: undefined }],
])('refused: %s', async (reason, changed) => {
  expect(await outcome({ ...good, ...changed })).toBe(`refused: ${reason}`);
});

test('60 s between the clocks are allowed', async () => {
  expect(await outcome({ ...good, exp: now - 59 })).toBe('alice');
  expect(await outcome({ ...good, nbf: now + 60 })).toBe('alice');
});

test('a server that tells no audience has to be allowed to', async () => {
  expect(await outcome({ ...good, aud: undefined }, { allowMissingAudience: true })).toBe('alice');
  expect(await outcome({ ...good, aud: 'https://other' }, { allowMissingAudience: true })).toBe(
    'refused: for another audience',
  );
});

test('a longer token than there may be is nobody’s business', async () => {
  const before = as.asked.length;
  expect(await outcome(good, {}, 'x'.repeat(maxTokenChars + 1))).toBe('refused: longer than a token may be');
  expect(as.asked.length).toBe(before);
});

test('what is no answer tells nothing: unavailable, never a refusal', async () => {
  for (const text of ['', 'null', '[]', '{"active":"yes"}', '{}', '<html>'])
    expect(await outcome(text)).toBe('unavailable');
  expect(await outcome(good, { endpoint: `${as.issuer}/nowhere` })).toBe('unavailable');
});
