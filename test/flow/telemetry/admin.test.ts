/** What the admin port tells processes of its machine: what is served and how it stands, and how much is logged, which may be changed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { askingToolNames } from '../../support/asking-tools.ts';
import { makeAuthority } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { startGateway, type GatewayProcess } from '../../support/gateway-process.ts';
import { askModern, modernRequest, type Asked } from '../../support/modern-client.ts';
import { startModernServer } from '../../support/modern-server.ts';
import { listenTo, openSession, send } from '../../support/plain-client.ts';
import { oauthOf, startProtected } from '../../support/protected.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const config = { mcpServers: { up: { url: 'http://127.0.0.1:9/mcp?key=hush', headers: { 'x-key': 'secret' } } } };

interface Page {
  readonly status: number;
  readonly text: string;
}

async function page({ adminUrl }: GatewayProcess, path: string, init?: RequestInit): Promise<Page> {
  const response = await fetch(`${adminUrl}${path}`, init);
  return { status: response.status, text: await response.text() };
}

async function json<T>(gateway: GatewayProcess, path: string): Promise<T> {
  return JSON.parse((await page(gateway, path)).text) as T;
}

test('what is served is shown without secrets, and the log level changes live', { timeout: 60_000 }, async () => {
  const gateway = await startGateway({ config });
  const get = (path: string, init?: RequestInit): Promise<Page> => page(gateway, path, init);
  for (const probe of ['/healthz', '/livez', '/startupz', '/readyz']) expect((await get(probe)).status).toBe(200);
  expect((await get('/readyz')).text).toBe('ready\n');
  expect((await get('/startupz')).text).toBe('started\n');

  const { text } = await get('/routes');
  expect(JSON.parse(text)).toMatchObject({
    routes: [{ name: 'default', path: '/mcp', upstreams: [{ id: 'up', target: 'http://127.0.0.1:9/mcp' }] }],
  });
  for (const hidden of ['hush', 'secret']) expect(text).not.toContain(hidden);

  expect((await get('/log-level')).text).toBe('info\n');
  expect((await get('/log-level/debug', { method: 'PUT' })).status).toBe(200);
  expect((await get('/log-level')).text).toBe('debug\n');
  expect((await get('/log-level/loud', { method: 'PUT' })).status).toBe(404);
  // Whoever comes through a proxy does not come from here.
  for (const path of ['/routes', '/upstreams', '/peers', '/sessions', '/config', '/log-level']) {
    expect([path, (await get(path)).status]).toEqual([path, 200]);
    expect([path, (await get(path, { headers: { 'x-forwarded-for': '203.0.113.9' } })).status]).toEqual([path, 404]);
  }
});

interface ShownUpstream {
  readonly id: string;
  readonly health: string;
  readonly eras: readonly string[];
  readonly revisions: readonly string[];
  readonly capabilities: object | null;
  readonly breaker: string | null;
  readonly lastOpenedAt: string | null;
  readonly lastFault: { readonly code: string; readonly message: string; readonly at: string } | null;
}

interface ShownSessions {
  readonly processes: number;
  readonly routes: readonly Readonly<Record<string, unknown>>[];
}

describe.each(['1', '2'])('with %s process(es)', (workers) => {
  test('upstreams, sessions and streams are shown over all of them', { timeout: 60_000 }, async () => {
    const stateful = await startStatefulServer({ name: 'stateful' });
    const modern = await startModernServer();
    const failing = await startScripted((message, response) => {
      if (message.method === 'tools/list')
        sayJson(response, resultOf(message, { tools: [{ name: 'break', inputSchema: { type: 'object' } }] }));
      else sayJson(response, 'sECRet nonsense');
    });
    const gone = `http://127.0.0.1:${await freePort()}/mcp`;
    const urls = { stateful: stateful.url, modern: modern.url, failing: failing.url, gone };
    const gateway = await startGateway({
      config: { mcpServers: Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, { url }])) },
      keysFile: await makeKeysFile(),
      args: ['--workers', workers],
    });
    const sessions = [];
    for (let n = 0; n < 4; n += 1) sessions.push(await openSession(gateway.url));
    const streams = await Promise.all(sessions.map((session) => listenTo(session)));
    for (const session of sessions) {
      const { error } = await session.ask('tools/call', { name: 'failing__break' });
      expect(error?.message).toBe('Upstream server gave an invalid answer');
    }
    await send(gateway.url, modernRequest('tools/list'));

    const { upstreams } = await json<{ upstreams: ShownUpstream[] }>(gateway, '/upstreams');
    const of = (name: string): ShownUpstream | undefined => upstreams.find(({ id }) => id === name);
    expect(upstreams.map(({ id }) => id)).toEqual(Object.keys(urls));
    expect(of('stateful')).toMatchObject({ health: 'up', breaker: null, lastFault: null, transport: 'http' });
    expect(of('stateful')?.revisions).toContain('2025-11-25');
    expect(of('stateful')?.eras).toContain('legacy');
    expect(of('stateful')?.capabilities).toMatchObject({ tools: {} });
    expect(of('modern')?.eras).toEqual(['modern']);
    expect(of('failing')).toMatchObject({ health: 'up', lastFault: { code: 'upstream_malformed' } });
    expect(Date.parse(of('failing')?.lastFault?.at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(of('gone')).toMatchObject({ health: 'down', capabilities: null, lastOpenedAt: null });
    expect(of('gone')?.lastFault).toMatchObject({
      code: 'upstream_unreachable',
      message: 'Upstream server is unreachable',
    });
    expect(JSON.stringify(upstreams)).not.toContain('sECRet');

    const counted = await json<ShownSessions>(gateway, '/sessions');
    expect(counted.processes).toBe(Number(workers));
    expect(counted.routes).toMatchObject([{ route: 'default', streams: 4, requests: 0, held: 0 }]);
    // The greeting of the command has a session too.
    expect(Number(counted.routes[0]?.['sealed'])).toBeGreaterThanOrEqual(4);
    expect(Number(counted.routes[0]?.['opened'])).toBeGreaterThanOrEqual(4);
    for (const stream of streams) stream.close();
    await expect.poll(() => json<ShownSessions>(gateway, '/sessions')).toMatchObject({ routes: [{ streams: 0 }] });
  });
});

test('a call that waits for its client is counted', { timeout: 60_000 }, async () => {
  const plain = await startStatefulServer({ name: 'plain', tools: askingToolNames });
  const gateway = await startGateway({ config: { mcpServers: { plain: { url: plain.url } } } });
  const ask = (more: object): Promise<Asked> =>
    askModern(gateway.url, 'tools/call', {
      capabilities: { elicitation: { form: {} } },
      params: { name: 'plain__ask_elicitation', arguments: {}, ...more },
    });
  const { rpc } = await ask({});
  expect((await json<ShownSessions>(gateway, '/sessions')).routes).toMatchObject([{ held: 1 }]);
  expect((await page(gateway, '/metrics')).text).toMatch(/^manifold_calls_held 1$/m);
  const inputResponses = { q1: { action: 'accept', content: { name: 'Ada' } } };
  await ask({ requestState: rpc.result?.['requestState'], inputResponses });
  expect((await json<ShownSessions>(gateway, '/sessions')).routes).toMatchObject([{ held: 0 }]);
  expect((await page(gateway, '/metrics')).text).toMatch(/^manifold_calls_held 0$/m);
});

test('the configuration in use is shown without secrets', { timeout: 60_000 }, async () => {
  const introspection = {
    endpoint: 'https://as.example.com/introspect?key=hush',
    clientId: 'gateway',
    clientSecret: 'sECRet',
  };
  const gateway = await startProtected(
    {
      backends: { up: { url: 'http://127.0.0.1:9/mcp' } },
      securityPolicy: (resource) => ({ oauth: oauthOf('https://as.example.com', resource) }),
      settings: { security: { oauth: { issuers: [{ issuer: 'https://other.example.com', introspection }] } } },
    },
    ['--session-max-age', '1h'],
  );
  const { text } = await page(gateway, '/config');
  expect(JSON.parse(text)).toMatchObject({
    options: { sessionMaxAgeSeconds: 3600, files: [gateway.file], mcpJson: 0, logPrincipals: 'hashed' },
    routes: [
      {
        route: 'default/protected',
        upstreams: [{ id: 'up', transport: 'http' }],
        security: { oauth: { issuer: 'https://as.example.com', furtherIssuers: [{ tokens: { introspection: {} } }] } },
      },
    ],
  });
  expect(text).toContain('"method":"client_secret_basic"');
  for (const hidden of ['?key', 'sECRet']) expect(text).not.toContain(hidden);
});

test('another machine sees more than probes and metrics with the token, over TLS', { timeout: 60_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'admin-'));
  closedAtTheEnd(() => rm(directory, { recursive: true }));
  const tokenFile = join(directory, 'token');
  const [first, second] = ['first-'.padEnd(32, 'x'), 'second-'.padEnd(32, 'x')];
  await writeFile(tokenFile, `${first}\n`);
  const authority = makeAuthority();
  const { certFile, keyFile } = authority.sign('/CN=admin', ['DNS:localhost']);
  const gateway = await startGateway({
    config,
    args: ['--admin-tls-cert', certFile, '--admin-tls-key', keyFile, '--admin-token-file', tokenFile],
  });
  expect(gateway.adminUrl).toMatch(/^https:/);
  const status = async (path: string, token?: string, elsewhere = true): Promise<number> => {
    const headers = [
      ...(elsewhere ? ['X-Forwarded-For', '203.0.113.9'] : []),
      ...(token === undefined ? [] : ['Authorization', `Bearer ${token}`]),
    ];
    const answer = await send(`${gateway.adminUrl}${path}`, { method: 'GET', headers, tls: { ca: authority.cert } });
    return answer.status;
  };
  expect(await status('/metrics')).toBe(200);
  expect(await status('/upstreams')).toBe(404);
  expect(await status('/upstreams', first)).toBe(200);
  expect(await status('/upstreams', second)).toBe(404);
  expect(await status('/upstreams', undefined, false)).toBe(200);
  // A token is replaced by its file.
  await writeFile(tokenFile, second);
  expect(await status('/upstreams', first)).toBe(404);
  expect(await status('/upstreams', second)).toBe(200);
  // One that is not valid changes nothing.
  await writeFile(tokenFile, 'short');
  expect(await status('/upstreams', 'short')).toBe(404);
  expect(await status('/upstreams', second)).toBe(200);
});

test.each([
  ['a token without TLS', ['--admin-token-file', 'no.token'], 'over TLS only'],
  ['a certificate without its key', ['--admin-tls-cert', 'no.pem'], 'are given together'],
  [
    'files that are not there',
    ['--admin-tls-cert', 'no.pem', '--admin-tls-key', 'no.key'],
    '--admin-tls-cert: the file no.pem',
  ],
])('%s is refused at the start', async (_, args, said) => {
  await expect(startGateway({ config, args })).rejects.toThrow(said);
});

interface ShownPeers {
  readonly told: readonly { readonly address: string; readonly answeredAt: string | null }[];
  readonly heard: readonly { readonly from: string }[];
}

test('replicas that were told something, and those that told something, are shown', { timeout: 60_000 }, async () => {
  const upstream = await startStatefulServer({ name: 'alpha' });
  const keysFile = await makeKeysFile();
  const ports = [await freePort(), await freePort()] as const;
  const start = (own: number, other: number, workers: string): Promise<GatewayProcess> =>
    startGateway({
      config: { mcpServers: { alpha: { url: upstream.url } } },
      keysFile,
      port: own,
      args: ['--peers', `127.0.0.1:${other}`, '--workers', workers],
    });
  const [one, two] = [await start(ports[0], ports[1], '2'), await start(ports[1], ports[0], '1')];
  const address = `127.0.0.1:${ports[1]}`;
  expect(await json(one, '/peers')).toEqual({ told: [{ address, answeredAt: null, failedAt: null }], heard: [] });
  const session = await openSession(one.url);
  await send(one.url, { method: 'DELETE', headers: ['Mcp-Session-Id', session.token] });
  await expect.poll(async () => (await json<ShownPeers>(two, '/peers')).heard).toMatchObject([{ from: '127.0.0.1' }]);
  await expect
    .poll(async () => (await json<ShownPeers>(one, '/peers')).told)
    .toMatchObject([{ address, answeredAt: expect.any(String), failedAt: null }]);
  await two.kill('SIGKILL');
  const next = await openSession(one.url);
  await send(one.url, { method: 'DELETE', headers: ['Mcp-Session-Id', next.token] });
  await expect
    .poll(async () => (await json<ShownPeers>(one, '/peers')).told)
    .toMatchObject([{ address, failedAt: expect.any(String) }]);
});

test('a process that drains says so', { timeout: 60_000 }, async () => {
  const gateway = await startGateway({ config, drainDelay: '20s' });
  const ended = gateway.kill('SIGTERM');
  await expect.poll(() => page(gateway, '/readyz')).toEqual({ status: 503, text: 'not ready: it drains\n' });
  for (const probe of ['/livez', '/startupz']) expect((await page(gateway, probe)).status).toBe(200);
  await gateway.kill('SIGKILL');
  await ended;
});
