import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import {
  ask,
  bridged,
  eventually,
  initialize,
  initializeBody,
  oddServer,
  open,
  post,
  request,
  stdioSpec,
} from '../../support/bridge-client.ts';
import type { BridgeLimits } from '../../../src/transport/bridge/limits.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { startEverythingSse } from '../../support/everything-sse.ts';
import { freePort } from '../../support/free-port.ts';

/** A server of the deprecated transport that answers each POST with `accepted` and the rest over its stream. */
async function rawSse(endpoint: (origin: string) => string) {
  const seen: { method: string | undefined; url: string | undefined; key: string | undefined; body: string }[] = [];
  const streams: ServerResponse[] = [];
  let accepted = 202;
  /** 0: not answered. */
  let initialized = 202;
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    seen.push({ method: incoming.method, url: incoming.url, key: String(incoming.headers['x-key']), body });
    if (incoming.method === 'GET') {
      streams.push(response);
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.write(`event: endpoint\ndata: ${endpoint(`http://${incoming.headers.host}`)}\n\n`);
      return;
    }
    const message = JSON.parse(body) as { id?: number; method: string };
    const status = message.method === 'notifications/initialized' ? initialized : accepted;
    if (status !== 0) response.writeHead(status).end('Accepted');
    if (accepted !== 202) return;
    if (message.method === 'initialize') {
      streams
        .at(-1)
        ?.write(
          `event: message\ndata: {"result": {"big":12345678901234567890},\ndata: "jsonrpc":"2.0","id":${message.id}}\n\n`,
        );
    }
  };
  const server = createServer((incoming, response) => void serve(incoming, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedAtTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse?tenant=a`,
    seen,
    streams,
    answerWith: (status: number) => {
      accepted = status;
    },
    answerInitializedWith: (status: number) => {
      initialized = status;
    },
  };
}

async function bridgedSse(url: string, limits: Partial<BridgeLimits> = {}) {
  const { bridge, log } = await bridged(
    [{ name: 'old', transport: { kind: 'sse', url, headers: [['X-Key', 'k']] } }],
    limits,
  );
  return { url: bridge.urlOf('old'), log };
}

test('a real client uses a real server of the deprecated transport through the bridge', async () => {
  const { url } = await bridgedSse(await startEverythingSse(await freePort()));
  const { client } = await sdkClient(url, {
    sample: () => ({ model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled!' } }),
  });
  const { client: second } = await sdkClient(url);
  expect(await client.callTool({ name: 'echo', arguments: { message: 'one' } })).toMatchObject({
    content: [{ text: 'Echo: one' }],
  });
  expect(await second.callTool({ name: 'echo', arguments: { message: 'two' } })).toMatchObject({
    content: [{ text: 'Echo: two' }],
  });
  const sampled = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'p', maxTokens: 5 } });
  expect(JSON.stringify(sampled)).toContain('sampled!');
});

test('sends the configured headers to the stream and to its endpoint, keeps the query, and relays bytes', async () => {
  const old = await rawSse(() => '/messages?session=1');
  const { url } = await bridgedSse(old.url);
  const answer = await post(url, initializeBody);
  expect(await answer.text()).toBe('{"jsonrpc":"2.0","id":0,"result":{"big":12345678901234567890}}');
  expect(old.seen.slice(0, 2)).toEqual([
    { method: 'GET', url: '/sse?tenant=a', key: 'k', body: '' },
    { method: 'POST', url: '/messages?session=1', key: 'k', body: initializeBody },
  ]);
});

test('refuses an endpoint of another origin, and sends it nothing', async () => {
  const elsewhere = await rawSse(() => '/never');
  const old = await rawSse(() => elsewhere.url);
  const { url } = await bridgedSse(old.url);
  expect(await (await initialize(url)).json()).toMatchObject({ id: 0, error: { code: -32603 } });
  expect(elsewhere.seen).toEqual([]);
});

test('does not wait for ever for the endpoint', async () => {
  const silent = createServer((_incoming, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
  ).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  closedAtTheEnd(async () => {
    silent.closeAllConnections();
    silent.close();
  });
  const { url } = await bridgedSse(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/`, {
    endpointWaitMs: 100,
  });
  expect(await (await initialize(url)).json()).toMatchObject({ id: 0, error: { code: -32603 } });
});

test('a lost connection is a lost session: calls in flight get errors, its id 404, and the next initialize connects anew', async () => {
  const old = await rawSse(() => '/messages');
  const { url } = await bridgedSse(old.url);
  const session = await open(url);
  const pending = post(url, request('tools/call', { name: 'x' }, 4), session);
  await eventually(() => old.seen.some(({ body }) => body.includes('tools/call')));
  old.streams[0]?.destroy();
  expect(await (await pending).json()).toMatchObject({ id: 4, error: { code: -32603 } });
  expect((await post(url, request('ping'), session)).status).toBe(404);
  const next = await open(url);
  void post(url, request('tools/call', { name: 'y' }), next);
  await eventually(() => old.seen.some(({ body }) => body.includes('"y"')));
});

test('a message that the server refuses is an error of that call alone', async () => {
  const old = await rawSse(() => '/messages');
  const { url } = await bridgedSse(old.url);
  const session = await open(url);
  const opened = post(url, request('tools/call', {}, 8), session);
  await eventually(() => old.seen.some(({ body }) => body.includes('tools/call')));
  old.answerWith(500);
  expect(await (await post(url, request('tools/call', {}, 9), session)).json()).toMatchObject({
    id: 9,
    error: { code: -32603 },
  });
  expect((await post(url, '{"jsonrpc":"2.0","method":"notifications/x"}', session)).status).toBe(500);
  old.answerWith(202);
  expect((await post(url, '{"jsonrpc":"2.0","method":"notifications/x"}', session)).status).toBe(202);
  await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': session } });
  expect(await (await opened).json()).toMatchObject({ id: 8, error: { code: -32603 } });
});

test('DELETE closes the connection', async () => {
  const old = await rawSse(() => '/messages');
  const { url } = await bridgedSse(old.url);
  const session = await open(url);
  const closed = once(old.streams[0]!, 'close');
  const pending = post(url, request('tools/call', {}, 3), session);
  await eventually(() => old.seen.some(({ body }) => body.includes('tools/call')));
  await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': session } });
  await closed;
  expect(await (await pending).json()).toMatchObject({ id: 3, error: { code: -32603 } });
});

test('blank lines, comments and retry lines without end are left unread in between, and others are served', async () => {
  const old = await rawSse(() => '/messages');
  const { bridge } = await bridged([
    { name: 'old', transport: { kind: 'sse', url: old.url, headers: [] } },
    stdioSpec('calm', [oddServer]),
  ]);
  await open(bridge.urlOf('old'));
  const calm = bridge.urlOf('calm');
  const session = await open(calm);
  await ask(calm, session, 'pid');
  let isRead = false;
  const flood = async (stream: ServerResponse): Promise<void> => {
    const chunk = '\n:\nretry: 1\n'.repeat(6_000);
    for (let left = 64 * 1024 * 1024; left > 0 && !stream.destroyed; left -= chunk.length)
      if (!stream.write(chunk)) await once(stream, 'drain');
    isRead = true;
  };
  void flood(old.streams[0]!);
  for (let i = 0; i < 20; i += 1) expect(await ask(calm, session, 'pid')).toMatchObject({ pid: expect.any(Number) });
  expect(isRead).toBe(false);
});

test.each([400, 500, 0])(
  'notifications/initialized answered with %i (0: never) does not lose the server',
  async (status) => {
    const server = await rawSse((origin) => `${origin}/messages`);
    server.answerInitializedWith(status);
    const { url, log } = await bridgedSse(server.url);
    const opened = await initialize(url);
    expect(opened.status).toBe(200);
    await eventually(() => log.lines.filter(({ text }) => text.includes('notifications/initialized')).length === 1);
  },
);
