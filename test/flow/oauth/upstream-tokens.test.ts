/** What upstreams get: fixed keys, tokens of the gateway, tokens for the caller; and what becomes of their refusals. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeJwt } from 'jose';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';
import { openSession, type PlainSession } from '../../support/plain-client.ts';
import { oauthOf, startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer;
let fixed: StatefulServer;
let own: StatefulServer;
let exchanged: StatefulServer;
let gateway: ProtectedGateway;
/** Tokens that the upstream `own` takes no longer. */
const refused = new Set<string>();
let refusesAll = 403;

const resource = 'https://backend.example.com/mcp';

beforeAll(async () => {
  as = await authorizationServer();
  fixed = await startStatefulServer({ name: 'fixed', tools: ['echo'] });
  own = await startStatefulServer({
    name: 'own',
    tools: ['echo'],
    intercept: ({ headers }, response) => {
      if (refusesAll === 401 || refused.has(headers.authorization ?? '')) {
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="inner"' }).end('inner words');
        return true;
      }
      return false;
    },
  });
  exchanged = await startStatefulServer({ name: 'exchanged', tools: ['echo'] });
  const grant = { issuer: as.issuer, clientId: 'gateway', clientSecretRef: { name: 'client' }, resource };
  gateway = await startProtected({
    backends: {
      fixed: {
        url: fixed.url,
        ref: { securityPolicy: { apiKey: { secretRef: { name: 'key' }, header: 'X-Key' } } },
      },
      own: { url: own.url },
      exchanged: { url: exchanged.url },
    },
    securityPolicy: (url) => ({ oauth: oauthOf(as.issuer, url) }),
    settings: {
      backends: { own: { grant: { clientCredentials: grant } }, exchanged: { grant: { tokenExchange: grant } } },
    },
    secrets: { key: { apiKey: 'k-1' }, client: { 'client-secret': clientSecret } },
  });
});
afterAll(() => as.close());

async function sessionOf(client: string): Promise<{ session: PlainSession; headers: readonly string[] }> {
  const headers = ['Authorization', `Bearer ${await as.token({ client, resource: gateway.url })}`];
  return { session: await openSession(gateway.url, { headers }), headers };
}

const bearerOf = ({ requests }: StatefulServer): string =>
  String(requests.at(-1)!.headers['authorization']).slice('Bearer '.length);

test('each upstream gets the credential that is meant for it, and none gets the caller’s token', async () => {
  const alice = await sessionOf('alice');
  for (const name of ['fixed', 'own', 'exchanged'])
    expect(await alice.session.ask('tools/call', { name: `${name}__echo` }, ...alice.headers)).toHaveProperty('result');
  expect(fixed.requests.at(-1)!.headers).toMatchObject({ 'x-key': 'k-1' });
  expect(fixed.requests.at(-1)!.headers['authorization']).toBeUndefined();
  expect(decodeJwt(bearerOf(own))).toMatchObject({ aud: resource, client_id: 'gateway' });
  expect(decodeJwt(bearerOf(exchanged))).toMatchObject({ aud: resource, sub: 'alice' });
  const presented = alice.headers[1]!.slice('Bearer '.length);
  for (const { requests } of [fixed, own, exchanged])
    for (const { headers } of requests) expect(JSON.stringify(headers)).not.toContain(presented);
});

test('a token for one caller is never used for another', async () => {
  const [alice, bob] = [await sessionOf('alice'), await sessionOf('bob')];
  for (const [{ session, headers }, sub] of [
    [alice, 'alice'],
    [bob, 'bob'],
    [alice, 'alice'],
  ] as const) {
    await session.ask('tools/call', { name: 'exchanged__echo' }, ...headers);
    expect(decodeJwt(bearerOf(exchanged)).sub).toBe(sub);
  }
});

test('an upstream that refuses a token makes the gateway get another, once; its words stay here', async () => {
  const { session, headers } = await sessionOf('alice');
  const call = () => session.ask('tools/call', { name: 'own__echo' }, ...headers);
  await call();
  refused.add(`Bearer ${bearerOf(own)}`);
  const logins = as.asked.filter((path) => path === '/token').length;
  expect(await call()).toHaveProperty('result');
  expect(as.asked.filter((path) => path === '/token')).toHaveLength(logins + 1);
  refusesAll = 401;
  const answer = await session.post(
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'own__echo' } }),
    ...headers,
  );
  expect(answer.status).toBe(200);
  expect(answer.headers['www-authenticate']).toBeUndefined();
  expect(answer.body).not.toContain('inner');
  expect(answer.body).toContain('Upstream server refused the request');
  expect(as.asked.filter((path) => path === '/token')).toHaveLength(logins + 2);
});
