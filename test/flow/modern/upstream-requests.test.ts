/**
 * What an upstream of 2026-07-28 gets from the gateway on behalf of a client of the session era (2026-07-28
 * basic/transports/streamable-http).
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, sayError, startModern } from '../../support/modern-upstream.ts';
import type { PlainSession, Rpc } from '../../support/plain-client.ts';
import { openSession, openStream, posting } from '../../support/plain-client.ts';
import { sayEvents, sayJson } from '../../support/scripted-upstream.ts';

let gateway: GatewayProcess;
let upstream: ModernUpstream;
let session: PlainSession;

const schema = (property: object): object => ({ type: 'object', properties: { region: property } });
const tools = [
  {
    name: 'mirror',
    inputSchema: {
      type: 'object',
      properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' },
        deep: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } },
        on: { type: 'boolean', 'x-mcp-header': 'On' },
      },
    },
  },
  { name: 'plain', inputSchema: { type: 'object' } },
  { name: 'bad-token', inputSchema: schema({ type: 'string', 'x-mcp-header': 'no token' }) },
  { name: 'bad-type', inputSchema: schema({ type: 'object', 'x-mcp-header': 'Region' }) },
  { name: 'bad-place', inputSchema: { type: 'object', items: { type: 'string', 'x-mcp-header': 'Region' } } },
];

beforeAll(async () => {
  upstream = await startModern(
    (message, response) =>
      sayJson(response, completed(message, message.method === 'tools/list' ? { tools } : { content: [] })),
    { tools: {}, prompts: {}, resources: {} },
  );
  gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
  session = await openSession(gateway.url, { capabilities: { sampling: {}, roots: { listChanged: true } } });
});

describe('a request on its way to an upstream of 2026-07-28', () => {
  test('has the headers that repeat its body, the name without the prefix, and no session', async () => {
    await session.ask('tools/call', { name: 'up__mirror', arguments: {} });
    const { headers, params } = upstream.lastOf('tools/call');
    expect(headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'mirror',
      'content-type': 'application/json',
    });
    expect(headers).not.toHaveProperty('mcp-session-id');
    expect(params['name']).toBe('mirror');
  });

  test('has a URI that is no ASCII as base64, and the URI of a resource as the upstream knows it', async () => {
    await session.ask('resources/read', { uri: 'up+memo://größe' });
    expect(upstream.lastOf('resources/read').headers['mcp-name']).toBe('=?base64?bWVtbzovL2dyw7bDn2U=?=');
    await session.ask('resources/read', { uri: 'up+memo://today' });
    expect(upstream.lastOf('resources/read').headers['mcp-name']).toBe('memo://today');
    await session.ask('prompts/get', { name: 'up__hello' });
    expect(upstream.lastOf('prompts/get').headers['mcp-name']).toBe('hello');
  });

  test('has Mcp-Param-* made from its arguments, and none for what is absent or null', async () => {
    await session.ask('tools/list');
    await session.ask('tools/call', { name: 'up__mirror', arguments: { region: 'é', deep: { n: 42 }, on: false } });
    expect(upstream.lastOf('tools/call').headers).toMatchObject({
      'mcp-param-region': '=?base64?w6k=?=',
      'mcp-param-n': '42',
      'mcp-param-on': 'false',
    });
    await session.ask('tools/call', { name: 'up__mirror', arguments: { region: null } });
    const names = Object.keys(upstream.lastOf('tools/call').headers).filter((name) => name.startsWith('mcp-param-'));
    expect(names).toEqual([]);
  });

  test('has an envelope of the gateway beside the keys of the client, and says what the client can be asked', async () => {
    await session.ask('tools/call', { name: 'up__mirror', _meta: { 'example.com/x': 1, traceparent: '00-a-b-01' } });
    expect(upstream.lastOf('tools/call').params['_meta']).toEqual({
      'example.com/x': 1,
      traceparent: '00-a-b-01',
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': { sampling: {}, roots: {} },
      'io.modelcontextprotocol/clientInfo': expect.objectContaining({ name: 'manifold' }) as unknown,
    });
  });

  test('is a request: neither notifications nor answers of a client come to such an upstream', async () => {
    await session.post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
    await session.ask('tools/call', { name: 'up__mirror' });
    expect(upstream.server.requests.filter(({ json }) => (json as Rpc).id === undefined)).toEqual([]);
    expect(upstream.server.requests.filter(({ method }) => method !== 'POST')).toEqual([]);
  });
});

describe('an upstream of 2026-07-28', () => {
  test('whose tool annotates a header in a way that is not allowed does without that tool', async () => {
    const { result } = await session.ask('tools/list');
    expect(result?.['tools']).toMatchObject([{ name: 'up__mirror' }, { name: 'up__plain' }]);
  });

  test('that complains of the gateway’s own request is not quoted: -32603', async () => {
    for (const code of [-32020, -32021, -32022]) {
      upstream.answerWith((message, response) => sayError(response, message, 400, { code, message: 'inside' }));
      const { error } = await session.ask('tools/call', { name: 'up__mirror' });
      expect(error).toEqual({ code: -32603, message: 'Upstream server refused the request' });
    }
  });

  test('has its other errors brought back whole, whatever their HTTP status', async () => {
    const own = { code: -32602, message: 'bad', data: { why: 1 } };
    for (const status of [200, 400, 404]) {
      upstream.answerWith((message, response) => sayError(response, message, status, own));
      expect((await session.ask('tools/call', { name: 'up__mirror' })).error).toEqual(own);
    }
  });

  test('that asks for input although nothing was declared, or sends a request, is -32603', async () => {
    const requests = { resultType: 'input_required', inputRequests: {} };
    upstream.answerWith((message, response) => sayJson(response, completed(message, requests)));
    expect((await session.ask('tools/call', { name: 'up__mirror' })).error?.code).toBe(-32603);
    upstream.answerWith((_message, response) => {
      sayEvents(response)('{"jsonrpc":"2.0","id":1,"method":"roots/list"}');
    });
    expect((await session.ask('tools/call', { name: 'up__mirror' })).error?.code).toBe(-32603);
  });

  test('keeps working for a client of the session era that has left: leaving is not cancelling there', async () => {
    let left = false;
    upstream.answerWith((_message, response, request) => {
      request.signal.addEventListener('abort', () => void (left = true));
      sayEvents(response)(
        '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
      );
    });
    const call = {
      jsonrpc: '2.0',
      id: 'gone',
      method: 'tools/call',
      params: { name: 'up__mirror', _meta: { progressToken: 1 } },
    };
    const headers = posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25');
    const stream = await openStream(gateway.url, { headers, body: JSON.stringify(call) });
    stream.close();
    await session.ask('ping');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(left).toBe(false);
  });
});
