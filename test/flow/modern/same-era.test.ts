/** Client and upstream both of 2026-07-28: nothing is bridged, so all that the gateway does not own passes (docs/adr/0006-both-eras.md). */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { beforeAll, describe, expect, test } from 'vitest';
import { startEverything } from '../../support/everything.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { sayError, startModern } from '../../support/modern-upstream.ts';
import { openStream, posting, send } from '../../support/plain-client.ts';
import { sayEvents, sayJson } from '../../support/scripted-upstream.ts';
import { closedAtTheEnd } from '../../support/started.ts';

/** What JSON.parse and JSON.stringify between them would change. */
const odd =
  '{ "z":1,"10":3,"2":4,"big":12345678901234567890,"one":1.0,"huge":1e400,"neg":-0,"esc":"\\u0041\\/\\ud800","":[]\t}';

let gateway: GatewayProcess;
let upstream: ModernUpstream;
let everything: string;

beforeAll(async () => {
  everything = await startEverything('modern');
  upstream = await startModern((message, response) =>
    sayJson(
      response,
      `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"resultType":"complete","odd":${odd}}}`,
    ),
  );
  gateway = await startGateway({
    config: { mcpServers: { up: { url: upstream.url }, every: { url: everything } } },
    admin: false,
  });
});

describe('the SDK’s client of 2026-07-28', () => {
  test('discovers, lists, calls, is asked and answers, and hears of changes, as without the gateway', async () => {
    const client = new Client(
      { name: 'v2', version: '1' },
      { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept',
      content: { name: 'Ada', color: 'teal' },
    }));
    closedAtTheEnd(() => client.close());
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url)));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain('every__test_simple_text');
    const { content } = await client.callTool({ name: 'every__test_input_required_result_multi_round' });
    expect(content).toEqual([{ type: 'text', text: 'Ada likes teal.' }]);
    const progress: number[] = [];
    await client.callTool(
      { name: 'every__test_tool_with_progress' },
      { onprogress: (step) => void progress.push(step.progress) },
    );
    expect(progress).toEqual([0, 50, 100]);
    const uri = 'every+test://static-text';
    expect((await client.readResource({ uri })).contents[0]?.uri).toBe(uri);
  });
});

describe('a call between peers of 2026-07-28', () => {
  test('keeps its bytes in both directions, but for its name, its id and its envelope', async () => {
    const call = `{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/call","params":{"extra":${odd},"arguments":${odd},"name":"up__do","_meta":{"example.com/x":${odd},"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`;
    const { body } = await send(gateway.url, {
      headers: posting('MCP-Protocol-Version', '2026-07-28', 'Mcp-Method', 'tools/call', 'Mcp-Name', 'up__do'),
      body: call,
    });
    const arrived = upstream.lastOf('tools/call').text;
    expect(arrived).toContain(`"params":{"extra":${odd},"arguments":${odd},"name":"do","_meta":{`);
    expect(arrived).toContain(`"example.com/x":${odd}`);
    expect(body).toContain('"id":12345678901234567890,');
    expect(body).toContain(`"resultType":"complete","odd":${odd}`);
  });

  test('tells the upstream who asks, what the client can, which logs it wants, and its trace', async () => {
    await askModern(gateway.url, 'tools/call', {
      params: { name: 'up__do' },
      capabilities: { sampling: {}, elicitation: { form: {}, url: {} } },
      meta: { 'io.modelcontextprotocol/logLevel': 'warning', traceparent: '00-a-b-01', 'example.com/x': null },
    });
    expect(upstream.lastOf('tools/call').params['_meta']).toEqual({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': { sampling: {}, elicitation: { form: {}, url: {} } },
      'io.modelcontextprotocol/clientInfo': { name: 'modern', version: '1' },
      'io.modelcontextprotocol/logLevel': 'warning',
      traceparent: '00-a-b-01',
      'example.com/x': null,
    });
  });

  test('brings log messages to the client that asked for them, and to no other', async () => {
    for (const [level, count] of [
      ['info', 1],
      [undefined, 0],
    ] as const) {
      const { messages } = await askModern(gateway.url, 'tools/call', {
        params: { name: 'every__test_logging_tool' },
        meta: level === undefined ? {} : { 'io.modelcontextprotocol/logLevel': level },
      });
      expect(messages.filter(({ method }) => method === 'notifications/message').length).toBe(count);
    }
  });

  test('whose client leaves is closed at the upstream, which is how it is cancelled there', async () => {
    let left = 0;
    upstream.answerWith((message, response, request) => {
      request.signal.addEventListener('abort', () => void (left += 1));
      const { progressToken } = { ...(message.params?.['_meta'] as { progressToken?: string } | undefined) };
      const params = { progressToken, progress: 1 };
      sayEvents(response)(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }));
    });
    const asking = { params: { name: 'up__do' }, meta: { progressToken: 'mine' } };
    const stream = await openStream(gateway.url, modernRequest('tools/call', asking));
    const progress = await stream.until(({ method }) => method === 'notifications/progress');
    expect(progress.params?.['progressToken']).toBe('mine');
    stream.close();
    await expect.poll(() => left).toBe(1);
  });

  test('that fails brings the error of the upstream: 404 for a method it lacks, -32603 for a code it may not use', async () => {
    for (const [status, code, seen] of [
      [404, -32601, [404, -32601]],
      [200, -32602, [200, -32602]],
      [200, -32050, [200, -32603]],
      [200, -32002, [200, -32602]],
      [200, 7, [200, 7]],
    ] as const) {
      upstream.answerWith((message, response) => sayError(response, message, status, { code, message: 'm' }));
      const { status: got, rpc } = await askModern(gateway.url, 'tools/call', { params: { name: 'up__do' } });
      expect([got, rpc.error?.code]).toEqual(seen);
    }
  });

  test('with a result of a type that is not known is -32603, for nobody could read it', async () => {
    upstream.answerWith((message, response) =>
      sayJson(
        response,
        JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'task', taskId: 't' } }),
      ),
    );
    const { rpc } = await askModern(gateway.url, 'tools/call', { params: { name: 'up__do' } });
    expect(rpc.error).toEqual({ code: -32603, message: 'Upstream server gave an invalid answer' });
  });
});
