import { afterEach, expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import {
  authenticator,
  maxRefusedTokens,
  type Authenticator,
  type AuthenticationMethods,
} from '../../../src/transport/authorization/authenticator.ts';
import type { IssuerConfig } from '../../../src/transport/authorization/issuers.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';
import { authorizationServer, clientSecret, type AuthorizationServer, type Served } from '../../support/oidc.ts';

const resource = 'https://gw.example.com/mcp';
const egress = guardedEgress({ allowLoopback: true });
const open: AuthorizationServer[] = [];
const clock = { ahead: 0 };
const now = (): number => Date.now() + clock.ahead;
afterEach(async () => {
  clock.ahead = 0;
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function server(served?: Served): Promise<AuthorizationServer> {
  const made = await authorizationServer(served);
  open.push(made);
  return made;
}

function route(issuers: readonly IssuerConfig[], more: Partial<AuthenticationMethods> = {}): Authenticator {
  const authorizationServers = issuers.map(({ issuer }) => issuer);
  return authenticator(
    { oauth: { resource: { resource, authorizationServers, scopesSupported: ['read'] }, issuers }, ...more },
    egress,
    now,
  );
}

/** The subject and its scopes, or the code and the challenge. */
async function asks({ authenticate }: Authenticator, rawHeaders: readonly string[], path = '/mcp'): Promise<unknown> {
  try {
    const { principal, scopes } = await authenticate({ rawHeaders, method: 'POST', path });
    return principal === 'anonymous' ? principal : [principal.iss, principal.sub, ...scopes];
  } catch (fault) {
    if (!(fault instanceof GatewayError)) throw fault;
    return `${fault.status} ${fault.code}`;
  }
}

const bearer = (token: string): readonly string[] => ['Authorization', `Bearer ${token}`];

test('a token of the issuer holds; the second time the answer is there at once', async () => {
  const as = await server();
  const gate = route([{ issuer: as.issuer }]);
  await gate.ready();
  const token = await as.token({ scope: 'read write' });
  expect(await asks(gate, bearer(token))).toEqual([as.issuer, 'alice', 'read', 'write']);
  const again = gate.authenticate({ rawHeaders: bearer(token), method: 'POST', path: '/mcp' });
  expect(again).not.toBeInstanceOf(Promise);
  expect(again).toMatchObject({ principal: { sub: 'alice' } });
});

function challenge({ headers }: GatewayError): string | undefined {
  return headers[headers.indexOf('WWW-Authenticate') + 1];
}

test('each fault has its status and its challenge', async () => {
  const as = await server();
  const gate = route([{ issuer: as.issuer }]);
  const fault = async (rawHeaders: readonly string[], path = '/mcp'): Promise<GatewayError> => {
    try {
      await gate.authenticate({ rawHeaders, method: 'POST', path });
    } catch (thrown) {
      if (thrown instanceof GatewayError) return thrown;
    }
    throw new Error('no fault');
  };
  const missing = await fault([]);
  expect([missing.status, challenge(missing)]).toEqual([401, gate.challenges!.missing]);
  const invalid = await fault(bearer(await as.token({ resource: 'https://other.example.com/' })));
  expect([invalid.status, challenge(invalid)]).toEqual([401, gate.challenges!.invalid]);
  const malformed = await fault(['Authorization', 'Bearer ']);
  expect([malformed.status, challenge(malformed)]).toEqual([400, gate.challenges!.malformed]);
  expect((await fault([], '/mcp?access_token=x')).status).toBe(400);
  for (const one of [missing, invalid, malformed]) expect(one.headers).toContain('no-store');
});

test('what the issuer should not have issued is refused', async () => {
  const as = await server();
  const gate = route([{ issuer: as.issuer }]);
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const good = { iss: as.issuer, sub: 'alice', aud: resource, exp };
  expect(await asks(gate, bearer(await as.sign(good)))).toEqual([as.issuer, 'alice']);
  for (const token of [
    await as.sign({ ...good, aud: 'https://other.example.com' }),
    await as.sign({ iss: as.issuer, sub: 'alice', aud: resource }),
    await as.sign({ ...good, exp: exp - 1_000 }),
    await as.sign({ ...good, iss: 'https://other.example.com' }),
    await as.sign({ ...good, nonce: 'x' }),
    await as.sign(good, { typ: 'oauth-id-jag+jwt' }),
    await as.sign({ ...good, cnf: { jkt: 'x' } }),
    `${(await as.sign(good)).slice(0, -8)}AAAAAAAA`,
    'opaque',
  ]) {
    expect(await asks(gate, bearer(token))).toBe('401 token_invalid');
  }
});

test('an empty list of audiences means the resource; any audience only by saying so', async () => {
  const as = await server();
  const other = await as.token({ resource: 'https://other.example.com/mcp' });
  expect(await asks(route([{ issuer: as.issuer, audiences: [] }]), bearer(other))).toBe('401 token_invalid');
  expect(await asks(route([{ issuer: as.issuer, allowAnyAudience: true }]), bearer(other))).toEqual([
    as.issuer,
    'alice',
    'read',
  ]);
  const named = route([{ issuer: as.issuer, audiences: ['https://other.example.com/mcp'] }]);
  expect(await asks(named, bearer(other))).toEqual([as.issuer, 'alice', 'read']);
});

test('several issuers: the same subject of each is another principal, and none speaks for the other', async () => {
  const [one, two, stranger] = [await server(), await server(), await server()];
  const gate = route([{ issuer: one.issuer }, { issuer: two.issuer }]);
  expect(await asks(gate, bearer(await one.token()))).toEqual([one.issuer, 'alice', 'read']);
  expect(await asks(gate, bearer(await two.token()))).toEqual([two.issuer, 'alice', 'read']);
  expect(await asks(gate, bearer(await stranger.token()))).toBe('401 token_invalid');
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const forged = await one.sign({ iss: two.issuer, sub: 'alice', aud: resource, exp });
  expect(await asks(gate, bearer(forged))).toBe('401 token_invalid');
});

test('a token ends at its expiry and 60 s, although it was verified', async () => {
  const as = await server({ ttl: 30 });
  const gate = route([{ issuer: as.issuer }]);
  const token = await as.token();
  expect(await asks(gate, bearer(token))).toEqual([as.issuer, 'alice', 'read']);
  clock.ahead = 80_000;
  expect(await asks(gate, bearer(token))).toEqual([as.issuer, 'alice', 'read']);
  clock.ahead = 100_000;
  expect(await asks(gate, bearer(token))).toBe('401 token_invalid');
});

test('a token of a key that was withdrawn ends with the next keys', async () => {
  const as = await server();
  const gate = route([{ issuer: as.issuer }]);
  const old = await as.token();
  expect(await asks(gate, bearer(old))).toEqual([as.issuer, 'alice', 'read']);
  await as.rotate();
  clock.ahead = 60_000;
  expect(await asks(gate, bearer(await as.token({ client: 'bob' })))).toEqual([as.issuer, 'bob', 'read']);
  expect(await asks(gate, bearer(old))).toBe('401 token_invalid');
});

test('an issuer that cannot be reached is 503 with Retry-After, and never a challenge', async () => {
  const as = await server();
  const token = await as.token();
  as.down();
  const gate = route([{ issuer: as.issuer }]);
  await expect(gate.ready()).rejects.toThrow();
  const fault: unknown = await Promise.resolve(
    gate.authenticate({ rawHeaders: bearer(token), method: 'POST', path: '/' }),
  ).catch((thrown: unknown) => thrown);
  expect(fault).toMatchObject({ code: 'authorization_unavailable', status: 503 });
  expect((fault as GatewayError).headers).toEqual(['Retry-After', '5', 'Cache-Control', 'no-store']);
  // Who brings nothing is told to log in all the same.
  expect(await asks(gate, [])).toBe('401 token_missing');
});

test('local keys need nobody to be reached', async () => {
  const as = await server();
  const token = await as.token();
  const document: unknown = await (await fetch(`${as.issuer}/jwks`)).json();
  const asked = as.asked.length;
  as.down();
  const gate = route([{ issuer: as.issuer, keys: { kind: 'local', document } }]);
  await gate.ready();
  expect(await asks(gate, bearer(token))).toEqual([as.issuer, 'alice', 'read']);
  expect(as.asked).toHaveLength(asked);
});

const introspection = {
  clientId: 'gateway',
  credential: { method: 'client_secret_basic', secret: clientSecret },
} as const;

test('an opaque token is asked about, once for all who bring it, and the answer is kept for 30 s', async () => {
  const as = await server({ format: 'opaque' });
  const gate = route([{ issuer: as.issuer, introspection }]);
  const token = await as.token({ scope: 'read write' });
  const asked = (): number => as.asked.filter((path) => path === '/token/introspection').length;
  const answers = await Promise.all(Array.from({ length: 20 }, () => asks(gate, bearer(token))));
  expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
    new Set([JSON.stringify([as.issuer, 'alice', 'read', 'write'])]),
  );
  expect(asked()).toBe(1);
  clock.ahead = 29_000;
  await asks(gate, bearer(token));
  expect(asked()).toBe(1);
  clock.ahead = 31_000;
  await asks(gate, bearer(token));
  expect(asked()).toBe(2);
});

test('an inactive opaque token is refused, and not asked about again for 5 s', async () => {
  const as = await server({ format: 'opaque' });
  const gate = route([{ issuer: as.issuer, introspection }]);
  const asked = (): number => as.asked.filter((path) => path === '/token/introspection').length;
  for (let i = 0; i < 3; i++) expect(await asks(gate, bearer('made-up'))).toBe('401 token_invalid');
  expect(asked()).toBe(1);
  clock.ahead = 6_000;
  expect(await asks(gate, bearer('made-up'))).toBe('401 token_invalid');
  expect(asked()).toBe(2);
});

test('an opaque token for another resource is refused; a server that is down is 503 once nothing is kept', async () => {
  const as = await server({ format: 'opaque' });
  const gate = route([{ issuer: as.issuer, introspection }]);
  expect(await asks(gate, bearer(await as.token({ resource: 'https://other.example.com/mcp' })))).toBe(
    '401 token_invalid',
  );
  const token = await as.token();
  expect(await asks(gate, bearer(token))).toEqual([as.issuer, 'alice', 'read']);
  as.down();
  expect(await asks(gate, bearer(token))).toEqual([as.issuer, 'alice', 'read']);
  clock.ahead = 31_000;
  expect(await asks(gate, bearer(token))).toBe('503 authorization_unavailable');
});

test('an opaque token may be of any issuer that can be asked', async () => {
  const [jwt, opaque] = [await server(), await server({ format: 'opaque' })];
  const gate = route([
    { issuer: jwt.issuer, introspection },
    { issuer: opaque.issuer, introspection },
  ]);
  const token = await opaque.token();
  expect(await asks(gate, bearer(token))).toEqual([opaque.issuer, 'alice', 'read']);
  expect(await asks(gate, bearer(await jwt.token()))).toEqual([jwt.issuer, 'alice', 'read']);
  jwt.down();
  // Nobody can tell whether the token is one of the server that is down.
  expect(await asks(gate, bearer('made-up'))).toBe('503 authorization_unavailable');
});

test('refused tokens are remembered in bounded number', async () => {
  const gate = route([{ issuer: 'https://as.example.com', keys: { kind: 'local', document: await keysOf() } }]);
  for (let i = 0; i <= maxRefusedTokens; i++)
    expect(await asks(gate, bearer(`made-up-${i}`))).toBe('401 token_invalid');
});

async function keysOf(): Promise<unknown> {
  const as = await server();
  return (await fetch(`${as.issuer}/jwks`)).json();
}

const apiKeys = {
  credentials: [{ clientId: 'machine', key: 'the-key-of-the-machine' }],
  extractFrom: [{ headers: ['x-api-key'] }],
  forwardClientIdHeader: 'x-client-id',
};

test('API keys alone, and together with tokens', async () => {
  const alone = authenticator({ apiKeys }, egress, now);
  expect(await asks(alone, ['X-Api-Key', 'the-key-of-the-machine'])).toEqual(['apikey', 'machine']);
  expect(await asks(alone, [])).toBe('401 token_missing');
  expect(await asks(alone, ['X-Api-Key', 'another'])).toBe('401 token_invalid');

  const as = await server();
  const both = route([{ issuer: as.issuer }], { apiKeys });
  const rawHeaders = [...bearer(await as.token()), 'X-Api-Key', 'the-key-of-the-machine'];
  const verified = await both.authenticate({ rawHeaders, method: 'POST', path: '/mcp' });
  expect(verified).toMatchObject({
    principal: { iss: as.issuer, sub: 'alice' },
    forwarded: ['x-client-id', 'machine'],
  });
  expect(await asks(both, bearer(await as.token()))).toBe('401 token_missing');
  expect(await asks(both, ['X-Api-Key', 'the-key-of-the-machine'])).toBe('401 token_missing');
});

test('a route that asks for nothing is for everyone', async () => {
  expect(await asks(authenticator({}, egress, now), [])).toBe('anonymous');
});
