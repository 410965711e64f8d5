/** Clients that never send `Mcp-Session-Id` back are served all the same (`sessions: optional`, docs/configuration.md). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Answer, Rpc } from '../support/plain-client.ts';
import { initializeText, messagesOf, openStream, posting, send } from '../support/plain-client.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../support/scripted-upstream.ts';
import type { StatefulServer } from '../support/stateful-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

let gateway: GatewayProcess;
let alpha: StatefulServer;
/** Calls that the scripted upstream has not answered yet. */
const held: { readonly message: Rpc; readonly body: string; finish(): void; say(text: string): void }[] = [];

beforeAll(async () => {
  alpha = await startStatefulServer({ name: 'alpha' });
  const beta = await startStatelessServer({ name: 'beta' });
  const scripted = await startScripted(
    (message, response, request) => {
      if (message.method !== 'tools/call') {
        sayJson(response, resultOf(message, { tools: [] }));
        return;
      }
      const say = sayEvents(response);
      held.push({
        message,
        body: request.body.toString(),
        say,
        finish: () => {
          say(resultOf(message, { echo: message.params?.['arguments'] }));
          response.end();
        },
      });
    },
    { sessionId: 'scripted-1' },
  );
  gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url }, beta: { url: beta.url }, scripted: { url: scripted.url } } },
    admin: false,
  });
});

const rpc = (id: unknown, method: string, params: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });
const post = (body: string, ...headers: string[]): Promise<Answer> =>
  send(gateway.url, { headers: posting(...headers), body });

test('a client that ignores the session id of `initialize` lists and calls', async () => {
  const initialized = await post(initializeText());
  expect(initialized.headers['mcp-session-id']).toBeDefined();
  expect((await post('{"jsonrpc":"2.0","method":"notifications/initialized"}')).status).toBe(202);
  const version = ['MCP-Protocol-Version', '2025-11-25'];
  const [tools] = messagesOf(await post(rpc(1, 'prompts/list'), ...version));
  expect((tools!.result!['prompts'] as { name: string }[]).map(({ name }) => name)).toEqual([
    'alpha__greet',
    'beta__greet',
  ]);
  for (const id of ['alpha', 'beta']) {
    const [called] = messagesOf(
      await post(rpc(2, 'tools/call', { name: `${id}__echo`, arguments: { id } }), ...version),
    );
    expect([called?.id, called?.result?.['structuredContent']]).toEqual([2, { id }]);
  }
  const [read] = messagesOf(await post(rpc(3, 'resources/read', { uri: 'beta+memo://today' }), ...version));
  expect(read?.result?.['contents']).toMatchObject([{ uri: 'beta+memo://today' }]);
});

test('a client that never sends `initialize` is served as well, with or without a version header', async () => {
  for (const headers of [[], ['MCP-Protocol-Version', '2025-06-18'], ['MCP-Protocol-Version', '2025-03-26']]) {
    const [called] = messagesOf(await post(rpc('a', 'tools/call', { name: 'alpha__echo' }), ...headers));
    expect([called?.id, called?.error]).toEqual(['a', undefined]);
  }
});

const begin = (at: number): ReturnType<typeof openStream> =>
  openStream(gateway.url, {
    headers: posting(),
    body: rpc(1, 'tools/call', { name: 'scripted__x', arguments: { at }, _meta: { progressToken: 1 } }),
  });

describe('at the same time, with equal ids', () => {
  test('each call gets its own answer', async () => {
    const calls = Array.from({ length: 20 }, (_, at) =>
      post(rpc(1, 'tools/call', { name: `${at % 2 === 0 ? 'alpha' : 'beta'}__echo`, arguments: { at } })),
    );
    const answers = (await Promise.all(calls)).map((answer) => messagesOf(answer)[0]);
    expect(answers.map((message) => [message?.id, message?.result?.['structuredContent']])).toEqual(
      Array.from({ length: 20 }, (_, at) => [1, { at }]),
    );
  });

  test('the upstream sees ids and progress tokens that differ, and each client its own', async () => {
    held.length = 0;
    const streams = [await begin(0), await begin(1)];
    const tokens = held.map(({ message }) => (message.params!['_meta'] as { progressToken: unknown }).progressToken);
    expect(new Set(held.map(({ message }) => message.id)).size).toBe(2);
    expect(new Set(tokens).size).toBe(2);
    for (const [at, call] of held.entries()) {
      call.say(
        JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: tokens[at], progress: at },
        }),
      );
    }
    for (const call of held.toReversed()) call.finish();
    await Promise.all(streams.map(({ ended }) => ended));
    for (const [at, { messages }] of streams.entries()) {
      expect(messages).toEqual([
        { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: at } },
        { jsonrpc: '2.0', id: 1, result: { echo: { at } } },
      ]);
    }
  });

  test('one client cannot cancel the call of another by its id', async () => {
    const stream = await openStream(gateway.url, {
      headers: posting(),
      body: rpc(5, 'tools/call', { name: 'alpha__slow', arguments: { times: 1, everyMs: 400 } }),
    });
    const before = alpha.cancelled.length;
    const { status } = await post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}');
    expect(status).toBe(202);
    const { result } = await stream.until(({ id }) => id === 5);
    expect(result?.['content']).toEqual([{ type: 'text', text: 'done after 1' }]);
    expect(alpha.cancelled.length).toBe(before);
  });
});

test('a notification without a session reaches no upstream, whose session others share', async () => {
  const before = alpha.requests.length;
  expect((await post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}')).status).toBe(202);
  expect(messagesOf(await post(rpc(1, 'logging/setLevel', { level: 'error' })))[0]?.result).toEqual({});
  expect(alpha.requests.length).toBe(before);
});

test('a cursor of one request is good in the next, also without a session', async () => {
  const many = await startStatelessServer({
    name: 'many',
    enableJsonResponse: true,
    tools: Array.from({ length: 1_100 }, (_, at) => ({ name: `t${at}` })),
    pageSize: 1_000,
  });
  const own = await startGateway({ config: { mcpServers: { many: { url: many.url } } }, admin: false });
  const ask = async (params: object): Promise<Rpc | undefined> =>
    messagesOf(await send(own.url, { headers: posting(), body: rpc(1, 'tools/list', params) }))[0];
  const first = await ask({});
  const second = await ask({ cursor: first?.result?.['nextCursor'] });
  expect([first, second].map((page) => (page!.result!['tools'] as unknown[]).length)).toEqual([1_000, 100]);
});

test('an upstream that restarts is healed for clients without a session too', async () => {
  await post(rpc(1, 'tools/call', { name: 'alpha__counter' }));
  await alpha.restart();
  const [called] = messagesOf(await post(rpc(1, 'tools/call', { name: 'alpha__counter' })));
  expect(called?.result?.['content']).toEqual([{ type: 'text', text: '1' }]);
});

test('`--sessions required` refuses them with 400, and still takes `initialize`', async () => {
  const strict = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url } } },
    args: ['--sessions', 'required'],
    admin: false,
  });
  const refused = await send(strict.url, { headers: posting(), body: rpc(1, 'ping') });
  expect([refused.status, refused.body]).toEqual([
    400,
    '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Mcp-Session-Id header is required"},"id":null}',
  ]);
  const get = await send(strict.url, { method: 'GET', headers: ['Accept', 'text/event-stream'] });
  expect(get.status).toBe(400);
  expect((await send(strict.url, { headers: posting(), body: initializeText() })).status).toBe(200);
});
