/** Web pages of other origins, through the real command; in a browser where there is one, else as its preflights would ask. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { posting, send } from '../../support/plain-client.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';

const app = 'https://app.example.com';
let gateway: GatewayProcess;

beforeAll(async () => {
  const upstream = await startScripted((message, response) =>
    sayJson(response, resultOf(message, { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] })),
  );
  const config = { mcpServers: { up: { url: upstream.url } } };
  gateway = await startGateway({ config, args: ['--allowed-origins', app], admin: false });
});

const preflight = (origin: string, asked: string): string[] => [
  'Origin',
  origin,
  'Access-Control-Request-Method',
  'POST',
  'Access-Control-Request-Headers',
  asked,
  'Access-Control-Request-Private-Network',
  'true',
];

describe('a preflight', () => {
  test('of an allowed origin is told what a client of MCP sends and reads', async () => {
    const asked = 'content-type,mcp-session-id,mcp-param-city,x-other';
    const { status, headers, body } = await send(gateway.url, { method: 'OPTIONS', headers: preflight(app, asked) });
    expect([status, body]).toEqual([204, '']);
    expect(headers['access-control-allow-origin']).toBe(app);
    expect(headers['access-control-allow-methods']).toBe('GET, POST, DELETE');
    expect(headers['access-control-allow-private-network']).toBe('true');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect(headers['vary']).toContain('Origin');
    const allowed = headers['access-control-allow-headers']?.split(', ') ?? [];
    for (const name of [
      'authorization',
      'content-type',
      'last-event-id',
      'mcp-method',
      'mcp-name',
      'mcp-param-city',
      'mcp-protocol-version',
      'mcp-session-id',
    ])
      expect(allowed).toContain(name);
    expect(allowed).not.toContain('x-other');
  });

  test('of another origin is 403 and allows nothing', async () => {
    const { status, headers } = await send(gateway.url, {
      method: 'OPTIONS',
      headers: preflight('https://evil.example', 'content-type'),
    });
    expect([status, headers['access-control-allow-origin']]).toEqual([403, undefined]);
  });
});

test('an answer may be read by its page, faults too; without an Origin nothing is said of it', async () => {
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  for (const body of [ping, 'no JSON']) {
    const { headers } = await send(gateway.url, { headers: posting('Origin', app), body });
    expect(headers['access-control-allow-origin']).toBe(app);
    expect(headers['access-control-expose-headers']).toContain('Mcp-Session-Id');
  }
  expect((await send(gateway.url, { body: ping })).headers['access-control-allow-origin']).toBeUndefined();
});

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

/** Opens a session, reads its id, calls with it, ends it, and tells the server of the page. */
const page = (endpoint: string): string => `<!doctype html><script type="module">
const accept = 'application/json, text/event-stream';
const send = (message, more = {}, method = 'POST') => fetch('${endpoint}', {
  method, headers: { accept, 'content-type': 'application/json', ...more },
  ...(method === 'POST' ? { body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }) } : {}),
});
const told = {};
try {
  const opened = await send({ method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'page', version: '1' } } });
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id'), 'mcp-protocol-version': '2025-11-25' };
  told.id = (session['mcp-session-id'] ?? '').length > 20;
  const listed = await send({ method: 'tools/list' }, session);
  told.tools = (await listed.text()).includes('up__echo');
  told.named = (await send({ method: 'ping' }, { ...session, authorization: 'Bearer x', 'mcp-method': 'ping' })).status;
  told.ended = (await send({}, session, 'DELETE')).status;
} catch (fault) { told.fault = String(fault); }
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
</script>`;

test.skipIf(browser === undefined)(
  'a page in Chromium opens a session, lists tools and ends it, cross-origin',
  async () => {
    const { promise: told, resolve: tell } = Promise.withResolvers<unknown>();
    const site = await startRawServer((request, response) => {
      if (request.path === '/told') tell(request.json);
      response.writeHead(200, { 'content-type': 'text/html' }).end(request.path === '/' ? page(gateway.url) : '');
    });
    const profile = mkdtempSync(join(tmpdir(), 'manifold-page-'));
    const run = spawn(
      browser!,
      [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        `--user-data-dir=${profile}`,
        `http://localhost:${site.port}/`,
      ],
      { stdio: 'ignore' },
    );
    try {
      expect(await told).toEqual({ id: true, tools: true, named: 200, ended: 204 });
    } finally {
      run.kill('SIGKILL');
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  },
  120_000,
);
