/** What an upstream does beside the specification is said in the log once for each kind, and counted each time. */
import { beforeAll, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import type { RawHandler, RawServer } from '../../support/raw-server.ts';
import { startRawServer } from '../../support/raw-server.ts';
import type { Script } from '../../support/scripted-upstream.ts';
import { resultOf, sayJson, scripted, startScripted } from '../../support/scripted-upstream.ts';

const tool = { name: 'echo', inputSchema: { type: 'object' } };
const called = { content: [{ type: 'text', text: 'heard' }] };
const secret = 'never-logged';

const calling = (call: Script, tools: object = { tools: [tool] }): Script => {
  return (message, response, request) => {
    if (message.method === 'tools/call') return call(message, response, request);
    sayJson(response, resultOf(message, message.method === 'tools/list' ? tools : {}));
    return undefined;
  };
};
const usual: Script = (message, response) => sayJson(response, resultOf(message, called));

/** An upstream that redirects its address. */
const moving: RawHandler = (request, response) => {
  if (request.path !== '/mcp') return scripted(calling(usual))(request, response);
  response.writeHead(307, { location: `/mcp/?key=${secret}` }).end();
  return undefined;
};

const pages: Script = (message, response) => {
  const isSecond = message.params?.['cursor'] === 'two';
  const items = isSecond ? [tool, { ...tool, name: 'other' }] : [tool];
  sayJson(response, resultOf(message, { tools: items, ...(isSecond ? {} : { nextCursor: 'two' }) }));
};

let lost = 0;

/** By the kind that each of them shows; called twice. */
const upstreams: Readonly<Record<string, () => Promise<RawServer>>> = {
  content_type: () =>
    startScripted(
      calling((message, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' }).end(resultOf(message, called));
      }),
    ),
  byte_order_mark: () =>
    startScripted(calling((message, response) => sayJson(response, `\uFEFF${resultOf(message, called)}`))),
  id_as_text: () =>
    startScripted(
      calling((message, response) => sayJson(response, resultOf({ ...message, id: String(message.id) }, called))),
      { sessionId: 'one-client' },
    ),
  error_status: () =>
    startScripted(
      calling((message, response) => {
        const error = { code: -32_602, message: secret };
        response.writeHead(422, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
      }),
    ),
  event_name: () =>
    startScripted(
      calling((message, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`event: ping\ndata: ${secret}\n\ndata: ${resultOf(message, called)}\n\n`);
      }),
    ),
  session_status: () =>
    startScripted(
      calling((message, response) => {
        lost += 1;
        if (lost % 2 === 0) sayJson(response, resultOf(message, called));
        else response.writeHead(400).end('Bad Request: invalid session id');
      }),
      { sessionId: 'kept' },
    ),
  list_items: () =>
    startScripted(calling(usual, { tools: [{ ...tool, description: null, icons: null }, null, { name: 'bare' }] })),
  list_pages: () =>
    startScripted((message, response, request) =>
      message.method === 'tools/list' ? pages(message, response, request) : usual(message, response, request),
    ),
  list_changed: () =>
    startScripted(calling(usual), {
      sessionId: 'telling',
      capabilities: { tools: { listChanged: false } },
      get: (_request, response) => {
        const change = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(change + change);
      },
    }),
  redirect: () => startRawServer(moving),
  revision: () => startScripted(calling(usual), { revision: '2024-11-05' }),
};
const kinds = Object.keys(upstreams);

let gateway: GatewayProcess;
let heard: readonly Rpc[];
let metrics = '';
const textOf = (): string => [...gateway.stdout, ...gateway.stderr].join('\n');

beforeAll(async () => {
  const servers = await Promise.all(
    kinds.map(async (kind) => [kind, { url: (await upstreams[kind]!()).url }] as const),
  );
  gateway = await startGateway({ config: { mcpServers: Object.fromEntries(servers) } });
  for (const _time of [1, 2]) {
    const session = await openSession(gateway.url);
    const stream = await listenTo(session);
    const listed = ((await session.ask('tools/list')).result?.['tools'] ?? []) as readonly { name: string }[];
    for (const kind of kinds) {
      const name = listed.map((each) => each.name).find((each) => each.startsWith(kind) && each.endsWith('__echo'));
      const answer = await session.ask('tools/call', { name, arguments: { secret } });
      expect([kind, answer.result ?? answer.error?.code]).toEqual([kind, kind === 'error_status' ? -32_602 : called]);
    }
    await stream.until(({ method }) => method === 'notifications/tools/list_changed');
    heard = stream.messages;
    stream.close();
  }
  metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
});

test.each(kinds)('%s', async (kind) => {
  const lines = (): string[] =>
    textOf()
      .split('\n')
      .filter((line) => line.includes(`"tolerated":"${kind}"`));
  await expect.poll(() => lines().length).toBe(1);
  expect(JSON.parse(lines()[0]!)).toMatchObject({ level: 'warn', tolerated: kind });
  expect(metrics).toMatch(new RegExp(`manifold_tolerated_total\\{upstream="${kind}",kind="${kind}"\\} [1-9]`));
});

test('a change that was not declared reaches the client all the same', () => {
  expect(heard.map(({ method }) => method)).toContain('notifications/tools/list_changed');
});

test('nothing of a message is in the log', () => {
  expect(textOf()).not.toContain(secret);
});
