/** Other ways to prove who calls, by the real command: opaque tokens, several issuers, API keys, a service that decides. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';
import { initializeText, openSession, posting, send, type Answer } from '../../support/plain-client.ts';
import { oauthOf, startProtected } from '../../support/protected.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const servers: AuthorizationServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

async function issuing(...served: Parameters<typeof authorizationServer>): Promise<AuthorizationServer> {
  const server = await authorizationServer(...served);
  servers.push(server);
  return server;
}

const initialize = (url: string, ...headers: readonly string[]): Promise<Answer> =>
  send(url, { headers: posting(...headers), body: initializeText() });

test('JWTs of one issuer and opaque tokens of another; an issuer that is away is 503, never 401', async () => {
  const [jwt, opaque] = [await issuing(), await issuing({ format: 'opaque' })];
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const gateway = await startProtected({
    backends: { one: { url: upstream.url } },
    securityPolicy: (resource) => ({ oauth: oauthOf(jwt.issuer, resource) }),
    settings: {
      security: {
        oauth: {
          issuers: [{ issuer: opaque.issuer, introspection: { clientId: 'gateway', clientSecret } }],
          relayServerMetadata: true,
        },
      },
    },
  });
  const { url } = gateway;
  for (const server of [jwt, opaque]) {
    const token = await server.token({ resource: url });
    expect((await initialize(url, 'Authorization', `Bearer ${token}`)).status).toBe(200);
  }
  expect((await initialize(url, 'Authorization', 'Bearer nobodys-token')).status).toBe(401);
  const metadata = await fetch(url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp'));
  expect(await metadata.json()).toMatchObject({ authorization_servers: [jwt.issuer, opaque.issuer] });
  const relayed = await fetch(url.replace('/mcp', '/.well-known/oauth-authorization-server'));
  expect(await relayed.json()).toMatchObject({ issuer: jwt.issuer });

  const late = await opaque.token({ resource: url });
  opaque.down();
  const answer = await initialize(url, 'Authorization', `Bearer ${late}`);
  expect([answer.status, answer.headers['retry-after'], answer.headers['www-authenticate']]).toEqual([
    503,
    '5',
    undefined,
  ]);
});

test('API keys: each client is a principal, is named to upstreams, and its key stays here', async () => {
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const { url } = await startProtected({
    backends: { one: { url: upstream.url, ref: { forwardHeaders: [{ name: 'X-Api-Key' }] } } },
    securityPolicy: () => ({
      apiKeyAuth: {
        credentialRefs: [{ name: 'keys' }],
        extractFrom: [{ headers: ['X-Api-Key'], params: ['key'] }],
        forwardClientIDHeader: 'X-Client',
      },
    }),
    secrets: { keys: { alice: 'k-alice', bob: 'k-bob' } },
  });
  const alice = ['X-Api-Key', 'k-alice'];
  const session = await openSession(url, { headers: alice });
  expect(await session.ask('tools/call', { name: 'one__echo' }, ...alice)).toHaveProperty('result');
  const { headers } = upstream.requests.at(-1)!;
  expect([headers['x-client'], headers['x-api-key']]).toEqual(['alice', undefined]);
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  expect((await session.post(list, 'X-Api-Key', 'k-bob')).status).toBe(404);
  expect((await session.post(list)).status).toBe(401);
  expect((await session.post(list, 'X-Api-Key', 'k-mallory')).status).toBe(401);
  expect((await initialize(`${url}?key=k-bob`)).status).toBe(200);
});

test('a service decides by the head of each request, and adds headers; callers with other credentials are others', async () => {
  const seen: { url: string | undefined; headers: IncomingHttpHeaders }[] = [];
  const service = createServer(({ url, headers }, response) => {
    seen.push({ url, headers });
    const ok = headers.authorization === 'Custom a' || headers.authorization === 'Custom b';
    response.writeHead(ok ? 200 : 403, { 'x-team': 'red' }).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => service.once('listening', resolve));
  closedAtTheEnd(() => new Promise((resolve) => void service.close(() => resolve())));
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const at = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const { url } = await startProtected({
    backends: { one: { url: upstream.url } },
    services: { check: { url: at } },
    securityPolicy: () => ({
      extAuth: {
        http: {
          backendRefs: [{ name: 'check', kind: 'Backend', group: 'gateway.envoyproxy.io' }],
          path: '/check',
          headersToBackend: ['X-Team'],
        },
      },
    }),
  });
  const session = await openSession(url, { headers: ['Authorization', 'Custom a'] });
  await session.ask('tools/call', { name: 'one__echo' }, 'Authorization', 'Custom a');
  expect(upstream.requests.at(-1)!.headers).toMatchObject({ 'x-team': 'red' });
  expect(seen[0]?.url).toBe('/check/mcp');
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  expect((await session.post(list, 'Authorization', 'Custom b')).status).toBe(404);
  expect((await session.post(list, 'Authorization', 'Custom c')).status).toBe(403);
});

test('a selector gives each session its upstreams, and the others are not there', async () => {
  const [red, blue] = [
    await startStatefulServer({ name: 'red', tools: ['echo'] }),
    await startStatefulServer({ name: 'blue', tools: ['echo'] }),
  ];
  const { url } = await startProtected({
    backends: { red: { url: red.url }, blue: { url: blue.url } },
    backendSelector: { rules: [{ cel: 'request.headers["x-team"] == request.mcp.backend' }] },
  });
  const team = ['X-Team', 'red'];
  const session = await openSession(url, { headers: team });
  const { result } = await session.ask('tools/list', {}, ...team);
  expect((result!['tools'] as readonly { name: string }[]).map(({ name }) => name)).toEqual(['red__echo']);
  expect(await session.ask('tools/call', { name: 'red__echo' }, ...team)).toHaveProperty('result');
  expect(await session.ask('tools/call', { name: 'blue__echo' }, ...team)).toMatchObject({
    error: { code: -32_602, message: 'Unknown tool' },
  });
  // The gateway itself looks at each upstream when it starts, and leaves.
  await expect.poll(() => blue.sessionIds()).toEqual([]);
  expect(blue.called).toEqual([]);
});
