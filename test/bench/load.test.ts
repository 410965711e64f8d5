import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launch, urlIn } from '../../bench/launch.ts';
import { callBody } from '../../bench/mcp-client.ts';
import { measure } from '../../bench/measure.ts';
import type { Workload } from '../../bench/scenario.ts';
import { startTarget, startUpstream } from '../../bench/targets.ts';
import type { Target } from '../../bench/targets.ts';

const directory = mkdtempSync(join(tmpdir(), 'bench-load-'));
const around = { placement: { load: undefined, upstream: undefined, target: undefined }, directory };
const lengths = { warmUpMs: 50, windowMs: 200 };
const workload: Workload = { name: 'a', kind: 'call', engine: 'own', connections: 2, reply: 'json' };
const stops: (() => Promise<void>)[] = [];
let upstreamUrl: string;
let relay: Target;

beforeAll(async () => {
  const upstream = await startUpstream(around, 0);
  stops.push(async () => upstream.stop());
  upstreamUrl = upstream.url;
  relay = await startTarget({ kind: 'relay', name: 'relay' }, upstreamUrl, around);
  stops.push(async () => relay.stop());
});

afterAll(async () => {
  for (const stop of stops) await stop();
  rmSync(directory, { recursive: true });
});

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(body), headers: { 'X-Kept': 'as-is', ...headers } });
}

async function open(url: string): Promise<string> {
  const reply = await post(url, {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18' },
  });
  expect(await reply.json()).toMatchObject({ id: 1, result: { protocolVersion: '2025-06-18' } });
  return reply.headers.get('mcp-session-id') ?? '';
}

describe.each([
  ['the upstream', () => upstreamUrl],
  ['the bare relay in front of it', () => relay.url],
])('%s', (_name, url) => {
  test('speaks sessionful Streamable HTTP: opens, takes a notification, calls, ends, and knows the session no more', async () => {
    const session = { 'Mcp-Session-Id': await open(url()) };
    expect((await post(url(), { jsonrpc: '2.0', method: 'notifications/initialized' }, session)).status).toBe(202);
    const params = { name: 'echo', arguments: { text: 'żółw' } };
    const reply = await post(url(), { jsonrpc: '2.0', id: 'x', method: 'tools/call', params }, session);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(await reply.json()).toEqual({
      jsonrpc: '2.0',
      id: 'x',
      result: { content: [{ type: 'text', text: 'żółw' }] },
    });
    expect((await fetch(url(), { headers: session })).status).toBe(405);
    expect((await fetch(url(), { method: 'DELETE', headers: session })).status).toBe(204);
    expect((await post(url(), { jsonrpc: '2.0', id: 2, method: 'ping' }, session)).status).toBe(404);
  });

  test('answers on an event stream when the call asks for it', async () => {
    const params = { name: 'echo', arguments: { text: 'hello', reply: 'sse' } };
    const session = { 'Mcp-Session-Id': await open(url()) };
    const reply = await post(url(), { jsonrpc: '2.0', id: 3, method: 'tools/call', params }, session);
    expect(reply.headers.get('content-type')).toBe('text/event-stream');
    expect(await reply.text()).toBe(
      'event: message\ndata: {"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"hello"}]}}\n\n',
    );
  });

  test('answers 400 without a session and to what is no JSON', async () => {
    expect((await post(url(), { jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(400);
    expect((await fetch(url(), { method: 'POST', body: '{' })).status).toBe(400);
  });
});

describe('a measurement', () => {
  for (const variant of [
    {},
    { connections: 1 },
    { reply: 'sse' },
    { engine: 'autocannon' },
    { engine: 'autocannon', reply: 'sse' },
    { kind: 'session' },
  ] satisfies Partial<Workload>[]) {
    test(`counts right answers and no failure: ${JSON.stringify(variant)}`, async () => {
      const window = await measure(relay, { ...workload, ...variant }, lengths);
      expect(window.failures).toBe(0);
      expect(window.operations).toBeGreaterThan(0);
      expect(window.perSecond).toBeGreaterThan(window.operations);
      expect(window.p50).toBeGreaterThanOrEqual(1);
      expect(window.p99).toBeGreaterThanOrEqual(window.p50);
      expect(window.rssBytes).toBeGreaterThan(1_000_000);
    });
  }

  test('brings the credential of a protected route, whose rules let the call pass', async () => {
    const spec = { kind: 'gateway', name: 'rules', kdf: 'none', asks: 'rules' } as const;
    const target = await startTarget(spec, upstreamUrl, around);
    stops.push(async () => target.stop());
    const window = await measure(target, { ...workload, engine: 'autocannon' }, lengths);
    expect(window.failures).toBe(0);
    expect(window.operations).toBeGreaterThan(0);
    expect((await post(target.url, { jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(401);
  });

  for (const engine of ['own', 'autocannon'] as const) {
    test(`counts an answer without the echo as a failure and gives it no latency and no CPU: ${engine}`, async () => {
      const server = createServer((request, response) => {
        let text = '';
        request.on('data', (chunk) => (text += chunk));
        request.on('end', () => {
          const refuses = text.includes('tools/call');
          const result = { protocolVersion: '2025-11-25', tools: [{ name: 'a__echo' }], isError: refuses };
          response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
        });
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
      const target = await startTarget({ kind: 'other', name: 'other', url, pid: process.pid }, upstreamUrl, around);
      const window = await measure(target, { ...workload, engine }, lengths);
      server.closeAllConnections();
      server.close();
      expect(window.failures).toBeGreaterThan(0);
      expect(window).toMatchObject({ operations: 0, perSecond: 0, cpu: undefined });
    });
  }

  test('does not begin on a target that refuses a session', async () => {
    const server = createServer((_request, response) => response.writeHead(503).end('away')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
    const target = { url, usage: async () => undefined };
    await expect(measure(target, workload, lengths)).rejects.toThrow('HTTP 503: away');
    server.closeAllConnections();
    server.close();
  });
});

describe('what is sent', () => {
  for (const tool of ['echo', 'some-upstream__echo']) {
    test(`a call of ${tool} is 300 bytes`, () => {
      expect(callBody(tool, 'json').length).toBe(300);
      expect(callBody(tool, 'sse').length).toBe(300);
    });
  }
});

describe('a process of a run', () => {
  test('that ends without a URL is reported with what it said', async () => {
    const path = join(directory, 'broken.cjs');
    writeFileSync(path, `console.error('no such key'); process.exit(3);`);
    const place = { core: undefined, directory, path: '/mcp' };
    await expect(launch('broken', [path], place)).rejects.toThrow('no such key');
  });

  test('is found by the path of its URL among others', () => {
    const text = '{"msg":"upstream http://127.0.0.1:9/echo"}\nlistening on http://127.0.0.1:8/mcp, admin off';
    expect(urlIn(text, '/mcp')).toBe('http://127.0.0.1:8/mcp');
    expect(urlIn(text, '/echo')).toBe('http://127.0.0.1:9/echo');
    expect(urlIn('http://', '/mcp')).toBeUndefined();
  });
});
