/** What one revision has and another does not, as each client gets it (docs/adr/0006-both-eras.md). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession, openStream, posting } from '../../support/plain-client.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';

let gateway: GatewayProcess;
let young: ModernUpstream;

const list = { type: 'array', items: { type: 'string' } };
const tool = { name: 'x', inputSchema: { type: 'object' }, outputSchema: list };
const choice = {
  type: 'string',
  oneOf: [
    { const: 'r', title: 'Red' },
    { const: 'g', title: 'Green' },
  ],
};

beforeAll(async () => {
  young = await startModern((message, response) => {
    if (message.method === 'tools/list') sayJson(response, completed(message, { tools: [tool] }));
    else
      sayJson(response, completed(message, { content: [{ type: 'text', text: '["a"]' }], structuredContent: ['a'] }));
  });
  const old = await startScripted(
    (message, response) => {
      if (message.method === 'tools/list') sayJson(response, resultOf(message, { tools: [] }));
      else {
        const params = { message: 'Which?', requestedSchema: { type: 'object', properties: { c: choice } } };
        sayEvents(response)(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'elicitation/create', params }));
      }
    },
    { sessionId: 's1' },
  );
  gateway = await startGateway({
    config: { mcpServers: { young: { url: young.url }, old: { url: old.url } } },
    admin: false,
  });
});

describe('output that is no object', () => {
  test('is offered and given to a client of 2026-07-28', async () => {
    const { rpc } = await askModern(gateway.url, 'tools/list');
    expect(rpc.result?.['tools']).toEqual([{ ...tool, name: 'young__x' }]);
    const called = await askModern(gateway.url, 'tools/call', { params: { name: 'young__x' } });
    expect(called.rpc.result?.['structuredContent']).toEqual(['a']);
  });

  test('is text alone to a client of the session era, which would refuse the whole list', async () => {
    const { client } = await sdkClient(gateway.url);
    const { tools } = await client.listTools();
    expect(tools).toEqual([{ name: 'young__x', inputSchema: { type: 'object' } }]);
    const result = await client.callTool({ name: 'young__x' });
    expect(result.content).toEqual([{ type: 'text', text: '["a"]' }]);
    expect(result).not.toHaveProperty('structuredContent');
  });
});

describe('a choice with titles in a form', () => {
  for (const [revision, shown] of [
    ['2025-06-18', { type: 'string', enum: ['r', 'g'], enumNames: ['Red', 'Green'] }],
    ['2025-11-25', choice],
  ] as const) {
    test(`is put in the words of ${revision}`, async () => {
      const session = await openSession(gateway.url, { revision, capabilities: { elicitation: {} } });
      const headers = posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', revision);
      const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"old__x"}}';
      const stream = await openStream(gateway.url, { headers, body });
      const asked = (): Rpc | undefined => stream.messages.find(({ method }) => method === 'elicitation/create');
      await expect.poll(asked).toBeDefined();
      expect(asked()?.params?.['requestedSchema']).toEqual({ type: 'object', properties: { c: shown } });
      stream.close();
    });
  }
});

test('what a client of the session era says under the keys of the other era does not reach an upstream', async () => {
  const session = await openSession(gateway.url);
  const meta = { 'io.modelcontextprotocol/logLevel': 'debug', 'example.com/x': 1 };
  await session.ask('tools/call', { name: 'young__x', _meta: meta });
  const arrived = young.lastOf('tools/call').params['_meta'];
  expect(arrived).toMatchObject({ 'example.com/x': 1 });
  expect(arrived).not.toHaveProperty(['io.modelcontextprotocol/logLevel']);
});
