/**
 * Which requests of 2026-07-28 are refused at the door, with which status and code (2026-07-28 basic/index,
 * basic/transports/streamable-http).
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Asking } from '../../support/modern-client.ts';
import { askModern, envelope, modernRequest } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { initializeText, messagesOf, posting, send } from '../../support/plain-client.ts';
import { sayJson } from '../../support/scripted-upstream.ts';

let gateway: GatewayProcess;
let upstream: ModernUpstream;

const tool = {
  name: 'do',
  inputSchema: {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, n: { type: 'integer', 'x-mcp-header': 'N' } },
  },
};

beforeAll(async () => {
  upstream = await startModern((message, response) =>
    sayJson(response, completed(message, message.method === 'tools/list' ? { tools: [tool] } : { content: [] })),
  );
  // With one upstream alone there would be no doubt whose a name is that nobody has.
  const other = await startModern((message, response) => sayJson(response, completed(message, { tools: [] })));
  const config = { mcpServers: { up: { url: upstream.url }, other: { url: other.url } } };
  gateway = await startGateway({ config, admin: false });
  await askModern(gateway.url, 'tools/list');
});

const version = 'MCP-Protocol-Version';
/** What has reached the upstream, but for what the gateway itself asks in order to know where things are. */
const asked = (): unknown[] =>
  upstream.server.requests.map(({ json }) => (json as Rpc).method).filter((method) => !own.has(method));
const own = new Set<unknown>(['initialize', 'server/discover', 'tools/list']);
const call = { params: { name: 'up__do', arguments: {} } };
const refused: readonly (readonly [title: string, method: string, asking: Asking, status: number, code: number])[] = [
  ['no version header', 'tools/list', { headers: { [version]: undefined } }, 400, -32020],
  [
    'a version header of another revision than the body',
    'tools/list',
    { headers: { [version]: '2025-11-25' } },
    400,
    -32020,
  ],
  ['no Mcp-Method', 'tools/list', { headers: { 'Mcp-Method': undefined } }, 400, -32020],
  ['another Mcp-Method', 'tools/list', { headers: { 'Mcp-Method': 'tools/call' } }, 400, -32020],
  ['Mcp-Method in other letters', 'tools/list', { headers: { 'Mcp-Method': 'Tools/List' } }, 400, -32020],
  ['no Mcp-Name on tools/call', 'tools/call', { ...call, headers: { 'Mcp-Name': undefined } }, 400, -32020],
  ['another Mcp-Name', 'tools/call', { ...call, headers: { 'Mcp-Name': 'do' } }, 400, -32020],
  [
    'an Mcp-Name that is no canonical base64',
    'tools/call',
    { ...call, headers: { 'Mcp-Name': '=?base64?dXBfX2Rv=?=' } },
    400,
    -32020,
  ],
  [
    'no Mcp-Name on prompts/get',
    'prompts/get',
    { params: { name: 'p' }, headers: { 'Mcp-Name': undefined } },
    400,
    -32020,
  ],
  [
    'no Mcp-Name on resources/read',
    'resources/read',
    { params: { uri: 'a:b' }, headers: { 'Mcp-Name': undefined } },
    400,
    -32020,
  ],
  [
    'an argument without its header',
    'tools/call',
    { params: { name: 'up__do', arguments: { region: 'eu' } } },
    400,
    -32020,
  ],
  [
    'an argument with another header',
    'tools/call',
    { params: { name: 'up__do', arguments: { region: 'eu' } }, headers: { 'Mcp-Param-Region': 'us' } },
    400,
    -32020,
  ],
  [
    'no version in the envelope, and a header',
    'tools/list',
    { meta: { 'io.modelcontextprotocol/protocolVersion': undefined } },
    400,
    -32602,
  ],
  [
    'no capabilities in the envelope',
    'tools/list',
    { meta: { 'io.modelcontextprotocol/clientCapabilities': undefined } },
    400,
    -32602,
  ],
  [
    'capabilities that are no object',
    'tools/list',
    { meta: { 'io.modelcontextprotocol/clientCapabilities': 'all' } },
    400,
    -32602,
  ],
  [
    'no envelope on server/discover',
    'server/discover',
    { meta: { 'io.modelcontextprotocol/protocolVersion': undefined } },
    400,
    -32602,
  ],
  [
    'a version that is not known',
    'tools/list',
    { meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }, headers: { [version]: '2099-01-01' } },
    400,
    -32022,
  ],
  ['a log level that is none', 'tools/list', { meta: { 'io.modelcontextprotocol/logLevel': 'loud' } }, 200, -32602],
  ['ping, which was removed', 'ping', {}, 404, -32601],
  ['logging/setLevel, which was removed', 'logging/setLevel', { params: { level: 'info' } }, 404, -32601],
  ['resources/subscribe, which was removed', 'resources/subscribe', { params: { uri: 'up+a:b' } }, 404, -32601],
  ['resources/unsubscribe, which was removed', 'resources/unsubscribe', { params: { uri: 'up+a:b' } }, 404, -32601],
  ['tasks/list, which was removed', 'tasks/list', {}, 404, -32601],
  ['a method that nobody knows', 'x/y', {}, 404, -32601],
  ['a tool that nobody has', 'tools/call', { params: { name: 'up2__do' } }, 200, -32602],
  ['a resource that nobody has', 'resources/read', { params: { uri: 'nowhere://x' } }, 200, -32602],
];

describe('a request', () => {
  for (const [title, method, asking, status, code] of refused) {
    test(`with ${title} is ${code} under HTTP ${status}, with its id, and reaches nobody`, async () => {
      const before = asked();
      for (const id of ['7', '"7"', '12345678901234567890']) {
        const refusal = await askModern(gateway.url, method, { ...asking, id });
        expect([refusal.status, refusal.rpc.error?.code]).toEqual([status, code]);
        expect(refusal.answer.body).toContain(`"id":${id}}`);
      }
      expect(asked()).toEqual(before);
    });
  }

  test('whose name is base64 between markers, or whose integer is written otherwise, is served', async () => {
    const named = `=?base64?${Buffer.from('up__do').toString('base64')}?=`;
    const asked = await askModern(gateway.url, 'tools/call', {
      params: { name: 'up__do', arguments: { n: 42, region: 'größe' } },
      headers: { 'Mcp-Name': named, 'Mcp-Param-N': '42.0', 'Mcp-Param-Region': '=?base64?Z3LDtsOfZQ==?=' },
    });
    expect([asked.status, asked.rpc.error]).toEqual([200, undefined]);
  });

  test('with headers that no annotation asks for is served, for they are ignored', async () => {
    const asked = await askModern(gateway.url, 'tools/call', { ...call, headers: { 'Mcp-Param-Odd': 'x' } });
    expect(asked.rpc.result?.['resultType']).toBe('complete');
  });

  test('that lacks required keys is told which, and one of an unknown version what there is', async () => {
    const bare = await send(gateway.url, {
      headers: posting(version, '2026-07-28', 'Mcp-Method', 'tools/list'),
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(bare.status).toBe(400);
    expect(messagesOf(bare)[0]?.error).toMatchObject({
      code: -32602,
      data: { missing: ['io.modelcontextprotocol/protocolVersion', 'io.modelcontextprotocol/clientCapabilities'] },
    });
    const future = await askModern(gateway.url, 'tools/list', {
      meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' },
      headers: { [version]: '2099-01-01' },
    });
    expect(future.rpc.error?.data).toEqual({ supported: ['2026-07-28'], requested: '2099-01-01' });
  });

  test('of initialize under the header of 2026-07-28 is -32020', async () => {
    const answer = await send(gateway.url, { headers: posting(version, '2026-07-28'), body: initializeText() });
    expect([answer.status, messagesOf(answer)[0]?.error?.code, messagesOf(answer)[0]?.id]).toEqual([
      400,
      -32020,
      'init',
    ]);
  });

  test('needs no name of its client', async () => {
    const asked = await askModern(gateway.url, 'tools/list', {
      meta: { 'io.modelcontextprotocol/clientInfo': undefined },
    });
    expect(asked.status).toBe(200);
  });
});

describe('the session era on the same endpoint', () => {
  test('a session id on a modern request is ignored, never checked and never given back', async () => {
    const asked = await askModern(gateway.url, 'tools/list', { headers: { 'Mcp-Session-Id': 'made-up' } });
    expect(asked.status).toBe(200);
    expect(asked.answer.headers['mcp-session-id']).toBeUndefined();
  });

  test('GET and DELETE are of the session era, which has no such version: 400', async () => {
    for (const method of ['GET', 'DELETE']) {
      const headers = ['Accept', 'text/event-stream', version, '2026-07-28', 'Mcp-Session-Id', 'made-up'];
      expect((await send(gateway.url, { method, headers })).status).toBe(400);
    }
  });

  test('a batch and a posted answer under the header of 2026-07-28 are 400', async () => {
    const { headers = [], body } = modernRequest('tools/list');
    expect((await send(gateway.url, { headers, body: `[${String(body)}]` })).status).toBe(400);
    expect((await send(gateway.url, { headers, body: '{"jsonrpc":"2.0","id":1,"result":{}}' })).status).toBe(400);
  });

  test('a notification is taken with 202 and reaches nobody', async () => {
    const before = upstream.server.requests.length;
    const answer = await send(gateway.url, {
      headers: posting(version, '2026-07-28'),
      body: JSON.stringify({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: 1, _meta: envelope() },
      }),
    });
    expect([answer.status, answer.body]).toEqual([202, '']);
    expect(upstream.server.requests.length).toBe(before);
  });
});
