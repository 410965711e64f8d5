/**
 * The official SDK's browser client in a page of another origin, in a real Chromium: it lists and calls tools, gets progress, and
 * resumes a stream that was closed. Skipped, with a message, where no Chromium is installed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const sdk = fileURLToPath(new URL('../../../node_modules/@modelcontextprotocol/sdk/dist/esm/client', import.meta.url));

/** What the page runs; it tells its server how it went. */
const script = `
import { Client } from '${sdk}/index.js';
import { StreamableHTTPClientTransport } from '${sdk}/streamableHttp.js';
const told = { progress: [] };
try {
  const endpoint = new URL(decodeURIComponent(location.hash.slice(1)));
  const transport = new StreamableHTTPClientTransport(endpoint, { requestInit: { headers: { Authorization: 'Bearer of-the-page' } } });
  const client = new Client({ name: 'page', version: '1' });
  await client.connect(transport);
  told.session = (transport.sessionId ?? '').length > 20;
  told.server = client.getServerVersion()?.name;
  told.tools = (await client.listTools()).tools.map(({ name }) => name);
  const options = { onprogress: ({ progress }) => void told.progress.push(progress) };
  told.called = (await client.callTool({ name: 'up__walk', arguments: {} }, undefined, options)).content;
  told.resumed = (await client.callTool({ name: 'up__broken', arguments: {} }, undefined, options)).content;
  told.unknown = await client.callTool({ name: 'up__none' }).catch((fault) => fault.code);
  await transport.terminateSession();
  await client.close();
} catch (fault) { told.fault = String(fault) }
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
`;

/** The script with all that it imports, for a browser. */
async function bundled(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'manifold-bundle-'));
  try {
    const entry = join(folder, 'page.js');
    writeFileSync(entry, script);
    const built = await build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      build: { write: false, target: 'esnext', lib: { entry, formats: ['es'], fileName: 'page' } },
    });
    const outputs = (Array.isArray(built) ? built : [built]).flatMap((each) => ('output' in each ? each.output : []));
    const chunk = outputs.find((each) => each.type === 'chunk');
    if (chunk === undefined) throw new Error('nothing was bundled');
    return chunk.code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const content = (text: string): object => ({ content: [{ type: 'text', text }] });

const progress = (progressToken: unknown, n: number): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: n } });

/** `walk` reports progress and answers; the stream of `broken` ends in good order before the answer, to be resumed. */
function startUpstream() {
  const broken: { id?: number | string; token?: unknown } = {};
  const tools = ['walk', 'broken'].map((name) => ({ name, inputSchema: { type: 'object' } }));
  return startScripted(
    (message, response) => {
      if (message.method !== 'tools/call') {
        sayJson(response, resultOf(message, message.method === 'tools/list' ? { tools } : {}));
        return;
      }
      const { name, _meta } = message.params as { name: string; _meta?: { progressToken?: unknown } };
      const token = _meta?.progressToken;
      if (name === 'none') {
        sayJson(response, `{"jsonrpc":"2.0","id":${message.id},"error":{"code":-32602,"message":"no such tool"}}`);
        return;
      }
      const say = sayEvents(response);
      say(progress(token, name === 'walk' ? 1 : 3), `${name}-1`);
      if (name === 'walk') {
        say(progress(token, 2), 'walk-2');
        say(resultOf(message, content('walked')), 'walk-3');
      } else Object.assign(broken, { id: message.id, token });
      response.end();
    },
    {
      sessionId: 'of-the-page',
      get: (request, response) => {
        if (request.headers['last-event-id'] === undefined) {
          response.writeHead(405).end();
          return;
        }
        const say = sayEvents(response);
        say(progress(broken.token, 4), 'broken-2');
        say(JSON.stringify({ jsonrpc: '2.0', id: broken.id, result: content('resumed') }), 'broken-3');
        response.end();
      },
    },
  );
}

if (browser === undefined) console.warn('Skipped: no Chromium is installed (on Debian: apt-get install chromium).');

test.skipIf(browser === undefined)(
  'the SDK in a page of another origin lists, calls, hears progress, resumes and ends its session',
  async () => {
    const [upstream, code] = await Promise.all([startUpstream(), bundled()]);
    const { promise: told, resolve: tell } = Promise.withResolvers<unknown>();
    const site = await startRawServer((request, response) => {
      if (request.path === '/told') tell(request.json);
      const isScript = request.path === '/page.js';
      const page = request.path === '/' ? '<!doctype html><script type="module" src="/page.js"></script>' : '';
      response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
      response.end(isScript ? code : page);
    });
    const origin = `http://localhost:${site.port}`;
    const gateway = await startGateway({
      config: { mcpServers: { up: { url: upstream.url } } },
      args: ['--allowed-origins', origin],
      admin: false,
    });
    const profile = mkdtempSync(join(tmpdir(), 'manifold-page-'));
    const run = spawn(
      browser!,
      [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        `--user-data-dir=${profile}`,
        `${origin}/#${encodeURIComponent(gateway.url)}`,
      ],
      { stdio: 'ignore' },
    );
    try {
      expect(await told).toEqual({
        session: true,
        server: expect.any(String),
        tools: ['up__walk', 'up__broken'],
        called: [{ type: 'text', text: 'walked' }],
        resumed: [{ type: 'text', text: 'resumed' }],
        progress: [1, 2, 3, 4],
        unknown: -32_602,
      });
      expect(upstream.requests.some(({ method }) => method === 'DELETE')).toBe(true);
    } finally {
      run.kill('SIGKILL');
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  },
  120_000,
);
