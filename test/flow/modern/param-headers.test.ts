/**
 * Arguments that an upstream wants in headers by now, and did not when its tools were listed (2026-07-28
 * basic/transports/streamable-http).
 */
import { beforeEach, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, sayError, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import { sayEvents, sayJson } from '../../support/scripted-upstream.ts';

let upstream: ModernUpstream;
let gateway: GatewayProcess;
/** The header that the tool wants its argument in. */
let wanted: string;
/** No header is ever right. */
let insists: boolean;
let refusesOnStream: boolean;

beforeEach(async () => {
  wanted = 'Old';
  insists = false;
  refusesOnStream = false;
  upstream = await startModern((message, response, request) => {
    const schema = { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': wanted } } };
    if (message.method === 'tools/list') {
      const hints = { ttlMs: 600_000, cacheScope: 'public' };
      sayJson(response, completed(message, { tools: [{ name: 'x', inputSchema: schema }], ...hints }));
    } else if (!insists && request.headers[`mcp-param-${wanted.toLowerCase()}`] === 'v') {
      sayJson(response, completed(message, { content: [{ type: 'text', text: wanted }] }));
    } else if (refusesOnStream) {
      const error = { code: -32_020, message: 'Header mismatch' };
      sayEvents(response)(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
      response.end();
    } else sayError(response, message, 400, { code: -32_020, message: 'Header mismatch' });
  });
  gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
});

const params = { name: 'up__x', arguments: { a: 'v' } };
const textOf = ({ result }: Rpc): unknown => ((result?.['content'] ?? []) as { text: string }[])[0]?.text;

for (const [client, call] of [
  ['of the session era', async () => await (await openSession(gateway.url)).ask('tools/call', params)],
  [
    'of 2026-07-28',
    async () => {
      const headers = { 'Mcp-Param-Old': 'v' };
      return (await askModern(gateway.url, 'tools/call', { params, headers })).rpc;
    },
  ],
] as const) {
  describe(`a call of a client ${client}`, () => {
    for (const onStream of [false, true]) {
      test(`is sent again with the headers of the tool as it is by now, refused ${onStream ? 'on a stream' : 'at once'}`, async () => {
        refusesOnStream = onStream;
        expect(textOf(await call())).toBe('Old');
        wanted = 'New';
        const lists = upstream.requestsOf('tools/list').length;
        const calls = upstream.requestsOf('tools/call').length;
        expect(textOf(await call())).toBe('New');
        expect(upstream.requestsOf('tools/list').length).toBe(lists + 1);
        expect(upstream.requestsOf('tools/call').length).toBe(calls + 2);
      });
    }

    test("that is refused again is the gateway's own fault: -32603, and none of the upstream's words", async () => {
      insists = true;
      const calls = upstream.requestsOf('tools/call').length;
      const { error } = await call();
      expect(error).toEqual({ code: -32603, message: 'Upstream server refused the request' });
      expect(upstream.requestsOf('tools/call').length).toBe(calls + 2);
    });
  });
}

test('calls that are refused together wait for one list', async () => {
  const session = await openSession(gateway.url);
  await session.ask('tools/call', params);
  wanted = 'New';
  const lists = upstream.requestsOf('tools/list').length;
  const answers = await Promise.all(Array.from({ length: 5 }, async () => await session.ask('tools/call', params)));
  expect(answers.map(textOf)).toEqual(['New', 'New', 'New', 'New', 'New']);
  expect(upstream.requestsOf('tools/list').length - lists).toBe(1);
});
