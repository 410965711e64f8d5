/** Other ways to prove who calls, by the real command: opaque tokens, several issuers, API keys, a service that decides. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { startCheckService } from '../../support/check-service.ts';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';
import { initializeText, listenTo, openSession, posting, send, type Answer } from '../../support/plain-client.ts';
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

test('a service decides over gRPC, as Envoy asks it', async () => {
  const service = await startCheckService(({ headers }) =>
    headers['authorization'] === 'Custom a' || headers['authorization'] === 'Custom b'
      ? { 'x-team': `team of ${headers['x-wants'] ?? 'nobody'}` }
      : undefined,
  );
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const { url } = await startProtected({
    backends: { one: { url: upstream.url, ref: { forwardHeaders: [{ name: 'X-Team' }] } } },
    services: { check: { url: service } },
    securityPolicy: () => ({
      extAuth: { grpc: { backendRefs: [{ name: 'check', kind: 'Backend', group: 'gateway.envoyproxy.io' }] } },
    }),
  });
  const own = ['Authorization', 'Custom a', 'X-Wants', 'red', 'X-Team', 'forged'];
  const session = await openSession(url, { headers: own });
  await session.ask('tools/call', { name: 'one__echo' }, ...own);
  expect(upstream.requests.at(-1)!.headers['x-team']).toBe('team of red');
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  expect((await session.post(list, 'Authorization', 'Custom b')).status).toBe(404);
  expect((await session.post(list, 'Authorization', 'Custom c')).status).toBe(403);
});

const bodyToExtAuth = { maxRequestBytes: 2_000 };
const backendRefs = [{ name: 'check', kind: 'Backend', group: 'gateway.envoyproxy.io' }];

/** A call of so many bytes more than the smallest. */
function call(pad: number): string {
  return `{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"one__echo","pad":"${'p'.repeat(pad)}"}}`;
}

describe.each(['http', 'grpc'] as const)('a service over %s that is shown bodies', (protocol) => {
  /** What it was shown; it refuses whoever calls `big`. */
  const shown: string[] = [];
  const isFine = (body: string): boolean => {
    shown.push(body);
    return !body.includes('one__big');
  };
  const start = async (): Promise<string> => {
    if (protocol === 'grpc') return await startCheckService(({ body }) => (isFine(body ?? '') ? {} : undefined));
    const service = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => response.writeHead(isFine(body) ? 200 : 403).end());
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => service.once('listening', resolve));
    closedAtTheEnd(() => new Promise((resolve) => void service.close(() => resolve())));
    return `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  };

  test('decides by them; one that is too large is 413 and is not shown; streams are asked about without one', async () => {
    const upstream = await startStatefulServer({ name: 'one', tools: ['echo', 'big'] });
    const { url } = await startProtected({
      backends: { one: { url: upstream.url } },
      services: { check: { url: await start() } },
      // It lets nothing by that the service has not seen.
      securityPolicy: () => ({ extAuth: { [protocol]: { backendRefs }, bodyToExtAuth, failOpen: true } }),
    });
    const session = await openSession(url);
    expect(shown[0]).toBe(initializeText());
    expect(await session.ask('tools/call', { name: 'one__echo' })).toHaveProperty('result');
    const erase = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"one__big"}}';
    expect((await session.post(erase)).status).toBe(403);
    expect(shown.at(-1)).toBe(erase);
    const before = shown.length;
    const most = 2_000 - call(0).length;
    expect((await session.post(call(most))).status).toBe(200);
    expect((await session.post(call(most + 1))).status).toBe(413);
    // Without a length that is announced.
    expect((await session.post(call(most + 1), 'Transfer-Encoding', 'chunked')).status).toBe(413);
    expect(shown.length).toBe(before + 1);
    const stream = await listenTo(session);
    expect(shown.at(-1)).toBe('');
    stream.close();
    expect(upstream.called).not.toContain('big');
  });
});

test('a service that cannot be asked is what statusOnError says, over the whole way', async () => {
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const gone = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => gone.once('listening', resolve));
  const url = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
  await new Promise((resolve) => void gone.close(resolve));
  const gateway = await startProtected({
    backends: { one: { url: upstream.url } },
    services: { check: { url } },
    securityPolicy: () => ({ extAuth: { http: { backendRefs }, bodyToExtAuth, statusOnError: 502 } }),
  });
  expect((await initialize(gateway.url)).status).toBe(502);
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
