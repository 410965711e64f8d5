/** What known servers and clients do beside the specification, through the real command: tolerated where it does no harm. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Answer, Rpc } from '../../support/plain-client.ts';
import { openSession, posting, send } from '../../support/plain-client.ts';
import { startRawServer } from '../../support/raw-server.ts';
import type { RawServer } from '../../support/raw-server.ts';
import type { Script } from '../../support/scripted-upstream.ts';
import { resultOf, sayJson, scripted, startScripted } from '../../support/scripted-upstream.ts';

const tools = { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] };
const called = { content: [{ type: 'text', text: 'heard' }] };

/** Lists one tool; its call is what the test is about. */
function calling(call: Script): Script {
  return (message, response, request) => {
    if (message.method === 'tools/call') return call(message, response, request);
    sayJson(response, resultOf(message, message.method === 'tools/list' ? tools : {}));
    return undefined;
  };
}

const errorOf = (message: Rpc, code: number, text: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code, message: text } });

const servers: Record<string, RawServer> = {};
let gateway: GatewayProcess;
let abroad: RawServer;
let token = '';

beforeAll(async () => {
  for (const status of [400, 404, 409, 422, 500])
    servers[`s${status}`] = await startScripted(
      calling((message, response) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(errorOf(message, status === 404 ? -32_601 : -32_602, 'argument "city" is missing'));
      }),
      { sessionId: `of-${status}` },
    );
  const usual = scripted(calling((message, response) => sayJson(response, resultOf(message, called))));
  for (const [name, status, to] of [
    ['absolute', 307, (host: string) => `http://${host}/mcp/`],
    ['relative', 308, () => '/mcp/'],
  ] as const)
    servers[name] = await startRawServer((request, response) => {
      if (request.path === '/mcp') {
        response.writeHead(status, { location: to(request.headers.host ?? '') }).end();
        return undefined;
      }
      return usual(request, response);
    });
  servers['text'] = await startScripted(
    calling((message, response) => sayJson(response, resultOf({ ...message, id: String(message.id) }, called))),
  );
  servers['marked'] = await startScripted(
    calling((message, response) => sayJson(response, `\uFEFF${resultOf(message, called)}`)),
  );
  servers['typeless'] = await startScripted(
    calling((message, response) => void response.writeHead(200).end(resultOf(message, called))),
  );
  servers['pinging'] = await startScripted(
    calling((message, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`event: ping\ndata: now\n\nevent: message\ndata: ${resultOf(message, called)}\n\n`);
    }),
  );
  servers['large'] = await startScripted(
    calling((message, response) => {
      const { size } = (message.params?.['arguments'] ?? { size: 0 }) as { readonly size: number };
      sayJson(response, resultOf(message, { content: [{ type: 'text', text: 'x'.repeat(size) }] }));
    }),
  );
  const elsewhere = await startRawServer(usual);
  servers['elsewhere'] = elsewhere;
  abroad = await startRawServer(
    (_request, response) => void response.writeHead(307, { location: elsewhere.url }).end(),
  );
  const { elsewhere: _unused, ...configured } = servers;
  const mcpServers = Object.fromEntries(
    [...Object.entries(configured), ['abroad', abroad] as const].map(([name, { url }]) => [name, { url }]),
  );
  gateway = await startGateway({ config: { mcpServers } });
  token = (await openSession(gateway.url)).token;
});

afterAll(async () => void (await gateway.kill()));

async function call(name: string, args: object = {}): Promise<Rpc> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 7,
    method: 'tools/call',
    params: { name: `${name}__echo`, arguments: args },
  });
  const { body: text } = await send(gateway.url, { headers: posting('Mcp-Session-Id', token), body });
  return JSON.parse(text.includes('data: ') ? /^data: (.*)$/m.exec(text)![1]! : text) as Rpc;
}

describe('a JSON-RPC error with another status than 200 reaches the client whole', () => {
  for (const status of [400, 404, 409, 422, 500])
    test(`${status}`, async () => {
      const before = servers[`s${status}`]!.requests.filter(
        ({ json }) => (json as Rpc)?.method === 'initialize',
      ).length;
      expect((await call(`s${status}`)).error).toEqual({
        code: status === 404 ? -32_601 : -32_602,
        message: 'argument "city" is missing',
      });
      const after = servers[`s${status}`]!.requests.filter(({ json }) => (json as Rpc)?.method === 'initialize').length;
      expect(after - before).toBe(0);
    });
});

test.each(['absolute', 'relative'])(
  'a redirect to another path of the same origin is followed, once (%s)',
  async (name) => {
    expect((await call(name)).result).toEqual(called);
    expect((await call(name)).result).toEqual(called);
    expect(servers[name]!.requests.filter(({ path }) => path === '/mcp').length).toBeLessThanOrEqual(2);
  },
);

test('another origin is not followed, and the log names it', async () => {
  expect(servers['elsewhere']!.requests).toEqual([]);
  await expect
    .poll(() =>
      [...gateway.stdout, ...gateway.stderr].some(
        (line) => line.includes('abroad') && line.includes(servers['elsewhere']!.url),
      ),
    )
    .toBe(true);
});

test.each(['text', 'marked', 'typeless', 'pinging'])('an answer that is odd but plain is taken: %s', async (name) => {
  const { id, result } = await call(name);
  expect([id, result]).toEqual([7, called]);
});

test('an answer of 15 MiB arrives, and of one that is larger than 16 MiB the client is told the limit', async () => {
  const { result } = await call('large', { size: 15 * 1_048_576 });
  expect(JSON.stringify(result).length).toBeGreaterThan(15 * 1_048_576);
  expect((await call('large', { size: 17 * 1_048_576 })).error?.message).toBe(
    'Upstream server gave an answer that is too large: larger than 16777216 bytes',
  );
});

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

const ok = (answer: Answer): unknown => [answer.status, JSON.parse(answer.body)];

describe('a client that says little', () => {
  const json = ['Content-Type', 'application/json'];

  test('without Accept is answered', async () => {
    expect(ok(await send(gateway.url, { headers: json, body: ping }))).toEqual([
      200,
      { jsonrpc: '2.0', id: 1, result: {} },
    ]);
  });

  test('at the endpoint with a slash behind it is answered', async () => {
    expect((await send(`${gateway.url}/`, { body: ping })).status).toBe(200);
    expect((await send(`${gateway.url}//`, { body: ping })).status).toBe(404);
  });

  test('with a byte order mark, or params of null, is answered', async () => {
    expect((await send(gateway.url, { body: `\uFEFF${ping}` })).status).toBe(200);
    const { status } = await send(gateway.url, { body: ping.replace('}', ',"params":null}') });
    expect(status).toBe(200);
  });

  test('of 2024-11-05 is answered in that revision and may name it', async () => {
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'old', version: '1' } },
    });
    const opened = await send(gateway.url, { body });
    expect((JSON.parse(opened.body) as Rpc).result?.['protocolVersion']).toBe('2024-11-05');
    const session = String(opened.headers['mcp-session-id']);
    const headers = posting('Mcp-Session-Id', session, 'MCP-Protocol-Version', '2024-11-05');
    expect((await send(gateway.url, { headers, body: ping })).status).toBe(200);
  });
});

const statusFor = async (host: string): Promise<number> =>
  (await send(`${gateway.adminUrl}/healthz`, { method: 'GET', headers: ['Host', host] })).status;

describe('what is refused says why', () => {
  test('another charset than UTF-8 is 415', async () => {
    for (const [type, status] of [
      ['application/json; charset=utf-8', 200],
      ['application/json; charset="UTF-8"', 200],
      ['application/json; charset=iso-8859-1', 415],
      ['application/json;charset=utf-16', 415],
    ] as const) {
      const headers = ['Content-Type', type, 'Accept', '*/*'];
      expect([type, (await send(gateway.url, { headers, body: ping })).status]).toEqual([type, status]);
    }
  });

  test('two lines of Authorization are 400', async () => {
    const headers = posting('Authorization', 'Bearer a', 'authorization', 'Bearer b');
    const { status, body } = await send(gateway.url, { headers, body: ping });
    expect([status, body]).toEqual([400, expect.stringContaining('authorization')]);
  });

  test('an unsupported version names the supported ones', async () => {
    const { status, body } = await send(gateway.url, {
      headers: posting('MCP-Protocol-Version', '1999-01-01'),
      body: ping,
    });
    expect([status, body]).toEqual([400, expect.stringContaining('2025-11-25, 2026-07-28')]);
  });

  test('the admin port answers to its own names alone', async () => {
    expect([await statusFor('localhost'), await statusFor('evil.example')]).toEqual([200, 403]);
  });
});
