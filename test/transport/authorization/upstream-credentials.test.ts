import { decodeJwt } from 'jose';
import { afterEach, expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import type { UpstreamCredential } from '../../../src/oauth/static-key.ts';
import { upstreamCredentials, type UpstreamAuth } from '../../../src/transport/authorization/upstream-credentials.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';

const egress = guardedEgress({ allowLoopback: true });
const upstream = 'https://files.example.com/mcp';
const clock = { ahead: 0 };
const now = (): number => Date.now() + clock.ahead;
let as: AuthorizationServer;
afterEach(async () => {
  clock.ahead = 0;
  await as.close();
});

function grant(more: Partial<Extract<UpstreamAuth, { kind: 'tokenExchange' }>> = {}) {
  return {
    issuer: as.issuer,
    clientId: 'gateway',
    credential: { method: 'client_secret_basic', secret: clientSecret },
    resource: upstream,
    scopes: ['read'],
    ...more,
  } as const;
}

function claimsOf({ headers }: UpstreamCredential): Record<string, unknown> {
  expect(headers[0]).toBe('authorization');
  return decodeJwt(headers[1]!.replace('Bearer ', ''));
}

const requests = (): number => as.asked.filter((path) => path === '/token').length;

async function codeOf(promise: UpstreamCredential | Promise<UpstreamCredential>): Promise<string> {
  return Promise.resolve(promise).then(
    () => 'given',
    (fault: unknown) => (fault instanceof GatewayError ? fault.code : String(fault)),
  );
}

test('client credentials: one token for everyone, for the upstream alone, renewed before its end', async () => {
  as = await authorizationServer({ ttl: 600 });
  const credentials = upstreamCredentials({ kind: 'clientCredentials', ...grant() }, egress, now);
  expect(credentials.sharing).toBe('everyone');
  const [one, other] = await Promise.all([credentials.for('token of a caller'), credentials.for(undefined)]);
  expect(one).toEqual(other);
  expect(claimsOf(one)).toMatchObject({ aud: upstream, sub: 'gateway', scope: 'read' });
  expect(credentials.for(undefined)).not.toBeInstanceOf(Promise);
  expect(requests()).toBe(1);
  clock.ahead = 490_000;
  await credentials.for(undefined);
  await expect.poll(requests).toBe(2);
});

test('a token that the upstream refuses is fetched anew', async () => {
  as = await authorizationServer();
  const credentials = upstreamCredentials({ kind: 'clientCredentials', ...grant() }, egress, now);
  const old = await credentials.for(undefined);
  expect(credentials.refused(undefined, old)).toBe(true);
  const fresh = await credentials.for(undefined);
  expect(fresh).not.toEqual(old);
  // A late refusal of the old one does not end the new one.
  credentials.refused(undefined, old);
  expect(await credentials.for(undefined)).toEqual(fresh);
});

test('token exchange: a token of the caller for the upstream, for each caller its own', async () => {
  as = await authorizationServer();
  const credentials = upstreamCredentials({ kind: 'tokenExchange', ...grant() }, egress, now);
  expect(credentials.sharing).toBe('principal');
  const [alice, bob] = [await as.token(), await as.token({ client: 'bob' })];
  const before = requests();
  const given = await Promise.all([alice, bob, alice].map(async (token) => credentials.for(token)));
  expect(given.map((one) => claimsOf(one)['sub'])).toEqual(['alice', 'bob', 'alice']);
  expect(claimsOf(given[0]!)).toMatchObject({ aud: upstream, scope: 'read', client_id: 'gateway' });
  expect(requests()).toBe(before + 2);
  // What the caller showed the gateway is not what the upstream sees.
  for (const { headers } of given) expect([alice, bob]).not.toContain(headers[1]!.replace('Bearer ', ''));
});

test('an issuer that knows no upstream gives an assertion, for which the upstream’s own server gives the token (ID-JAG)', async () => {
  as = await authorizationServer();
  const own = await authorizationServer({ trusts: as.issuer, clients: ['gateway'] });
  const identity = {
    clientId: 'gateway',
    credential: { method: 'client_secret_basic', secret: clientSecret },
  } as const;
  const assertedAt = { ...identity, issuer: own.issuer };
  const credentials = upstreamCredentials({ kind: 'tokenExchange', ...grant({ assertedAt }) }, egress, now);
  const [alice, bob] = [await as.token(), await as.token({ client: 'bob' })];
  for (const [token, sub] of [
    [alice, 'alice'],
    [bob, 'bob'],
    [alice, 'alice'],
  ] as const)
    expect(claimsOf(await credentials.for(token))).toMatchObject({
      iss: own.issuer,
      aud: upstream,
      sub,
      scope: 'read',
    });
  expect(own.asked.filter((path) => path === '/token')).toHaveLength(2);
  // A server that trusts another issuer takes none of it.
  const other = await authorizationServer({ trusts: own.issuer, clients: ['gateway'] });
  const wrong = { ...identity, issuer: other.issuer };
  const refused = upstreamCredentials({ kind: 'tokenExchange', ...grant({ assertedAt: wrong }) }, egress, now);
  expect(await codeOf(refused.for(alice))).toBe('upstream_unauthorized');
  // An issuer that gives a token where an assertion was asked for: it goes nowhere.
  as.say('/token', JSON.stringify({ access_token: 'abc', token_type: 'Bearer', issued_token_type: 'other' }));
  const before = own.asked.length;
  const odd = upstreamCredentials({ kind: 'tokenExchange', ...grant({ assertedAt }) }, egress, now);
  expect(await codeOf(odd.for(alice))).toBe('upstream_unauthorized');
  expect(own.asked).toHaveLength(before);
  await Promise.all([own.close(), other.close()]);
});

test('a caller without a token, or with one that does not hold, gets nothing from this upstream', async () => {
  as = await authorizationServer();
  const credentials = upstreamCredentials({ kind: 'tokenExchange', ...grant() }, egress, now);
  expect(() => credentials.for(undefined)).toThrow(GatewayError);
  expect(await codeOf(credentials.for('made-up'))).toBe('upstream_unauthorized');
  const before = requests();
  expect(await codeOf(credentials.for('made-up'))).toBe('upstream_unauthorized');
  expect(requests()).toBe(before);
});

test('wrong credentials of the gateway and a server that is down are told apart', async () => {
  as = await authorizationServer();
  const wrong = { method: 'client_secret_basic', secret: 'wrong' } as const;
  const refused = upstreamCredentials({ kind: 'clientCredentials', ...grant({ credential: wrong }) }, egress, now);
  expect(await codeOf(refused.for(undefined))).toBe('upstream_unauthorized');
  as.down();
  const unreachable = upstreamCredentials({ kind: 'clientCredentials', ...grant() }, egress, now);
  expect(await codeOf(unreachable.for(undefined))).toBe('upstream_unreachable');
});

test('a token with more scopes than asked for, or of another type, is refused', async () => {
  as = await authorizationServer();
  const answers = async (answer: Record<string, unknown>): Promise<string> => {
    as.say('/token', JSON.stringify({ access_token: 'abc', token_type: 'Bearer', expires_in: 60, ...answer }));
    return codeOf(upstreamCredentials({ kind: 'clientCredentials', ...grant() }, egress, now).for(undefined));
  };
  expect(await answers({ scope: 'read' })).toBe('given');
  expect(await answers({ scope: 'read write' })).toBe('upstream_unauthorized');
  expect(await answers({ token_type: 'mac' })).not.toBe('given');
  expect(await answers({ access_token: 'a b' })).toBe('upstream_unauthorized');
});

test('a fixed key is what it is, and no other is to be had', async () => {
  as = await authorizationServer();
  const credentials = upstreamCredentials({ kind: 'static', key: 'abc', header: 'X-Api-Key' }, egress);
  const credential = await credentials.for(undefined);
  expect(credential).toEqual({ headers: ['x-api-key', 'abc'] });
  expect(credentials.refused(undefined, credential)).toBe(false);
});
