/** Requests of a client through the real command: each reaches the one upstream it names, under that upstream's own names. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession } from '../support/plain-client.ts';
import { openSession, send, posting } from '../support/plain-client.ts';
import type { StatefulServer } from '../support/stateful-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

let gateway: GatewayProcess;
let session: PlainSession;
let alpha: StatefulServer;

beforeAll(async () => {
  alpha = await startStatefulServer({ name: 'alpha' });
  const beta = await startStatelessServer({
    name: 'beta',
    enableJsonResponse: true,
    tools: ['echo', { name: 'lonely' }],
    resources: [
      { uri: 'memo://today', name: 'today', text: 'beta today' },
      { uri: 'https://beta.example/page', name: 'page', text: 'a page' },
      { uri: 'ui://panel/main', name: 'panel', text: '<p>' },
    ],
  });
  gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url }, beta: { url: beta.url } } },
    admin: false,
  });
  session = await openSession(gateway.url);
});

const body = (name: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } });

describe('tools/call', () => {
  test('reaches the upstream that the prefix names, whose answer comes back', async () => {
    const [one, two] = [
      await session.ask('tools/call', { name: 'alpha__echo', arguments: { a: 1 } }),
      await session.ask('tools/call', { name: 'beta__lonely' }),
    ];
    expect(one.result?.['structuredContent']).toEqual({ a: 1 });
    expect(two.result?.['content']).toEqual([{ type: 'text', text: 'beta:lonely' }]);
  });

  test('takes a bare name that only one upstream lists', async () => {
    const { result } = await session.ask('tools/call', { name: 'lonely' });
    expect(result?.['content']).toEqual([{ type: 'text', text: 'beta:lonely' }]);
  });

  test('answers -32602 alike for a name that two upstreams list and for one that none lists', async () => {
    const [two, none] = [
      await session.ask('tools/call', { name: 'echo' }),
      await session.ask('tools/call', { name: 'nothing' }),
    ];
    expect(two.error).toEqual({ code: -32602, message: 'Unknown tool', data: { tool: 'echo' } });
    expect(none.error).toEqual({ code: -32602, message: 'Unknown tool', data: { tool: 'nothing' } });
  });

  test("brings back the upstream's JSON-RPC error whole, and isError as a result", async () => {
    const refused = await session.ask('tools/call', { name: 'alpha__refuse' });
    expect(refused.error?.code).toBe(-32602);
    expect(refused.error?.data).toEqual({ why: 'as asked' });
    const failed = await session.ask('tools/call', { name: 'alpha__fail' });
    expect(failed.result?.['isError']).toBe(true);
  });

  test('answers as JSON or as a stream, whichever the upstream chose', async () => {
    expect((await session.post(body('alpha__echo'))).headers['content-type']).toBe('text/event-stream');
    expect((await session.post(body('beta__echo'))).headers['content-type']).toBe('application/json');
  });
});

describe('the other requests', () => {
  test('prompts/get is answered by the upstream of the prefix, and takes a bare name that is unique', async () => {
    const given = { arguments: { who: 'ada' } };
    const [prefixed, bare] = [
      await session.ask('prompts/get', { name: 'alpha__greet', ...given }),
      await session.ask('prompts/get', { name: 'greet', ...given }),
    ];
    expect(prefixed.result?.['messages']).toEqual([{ role: 'user', content: { type: 'text', text: 'Greet ada.' } }]);
    expect(bare.error?.code).toBe(-32602);
  });

  test('resources/read tells two resources of one URI apart, and answers under the URI that was asked for', async () => {
    const [one, two] = [
      await session.ask('resources/read', { uri: 'alpha+memo://today' }),
      await session.ask('resources/read', { uri: 'beta+memo://today' }),
    ];
    expect(one.result?.['contents']).toEqual([
      { uri: 'alpha+memo://today', mimeType: 'text/plain', text: 'nothing today' },
    ]);
    expect(two.result?.['contents']).toEqual([
      { uri: 'beta+memo://today', mimeType: 'text/plain', text: 'beta today' },
    ]);
  });

  test('a web URI stays as it is and is found by the lists; a ui:// URI has the upstream as its host', async () => {
    const web = await session.ask('resources/read', { uri: 'https://beta.example/page' });
    expect(web.result?.['contents']).toEqual([
      { uri: 'https://beta.example/page', mimeType: 'text/plain', text: 'a page' },
    ]);
    const panel = await session.ask('resources/read', { uri: 'ui://beta/panel/main' });
    expect(panel.result?.['contents']).toEqual([{ uri: 'ui://beta/panel/main', mimeType: 'text/plain', text: '<p>' }]);
  });

  test('a resource that is unknown is -32002, at the gateway as at the upstream, under the URI of the client', async () => {
    const [nowhere, there] = [
      await session.ask('resources/read', { uri: 'memo://nowhere' }),
      await session.ask('resources/read', { uri: 'alpha+memo://nowhere' }),
    ];
    expect(nowhere.error).toEqual({ code: -32002, message: 'Resource not found', data: { uri: 'memo://nowhere' } });
    expect(there.error?.code).toBe(-32002);
    expect(there.error?.data).toEqual({ uri: 'alpha+memo://nowhere' });
  });

  test('a template of an upstream is read under an expansion of what was listed', async () => {
    const { result } = await session.ask('resources/templates/list');
    expect(result?.['resourceTemplates']).toContainEqual(
      expect.objectContaining({ uriTemplate: 'alpha+memo://days/{day}' }),
    );
    const read = await session.ask('resources/read', { uri: 'alpha+memo://days/monday' });
    expect(read.result?.['contents']).toEqual([
      { uri: 'alpha+memo://days/monday', mimeType: 'text/plain', text: 'a day' },
    ]);
  });

  test('completion/complete goes where its reference points, by prompt and by URI template', async () => {
    const prompt = await session.ask('completion/complete', {
      ref: { type: 'ref/prompt', name: 'alpha__greet' },
      argument: { name: 'who', value: 'a' },
    });
    expect(prompt.result?.['completion']).toEqual({ values: ['ada', 'alan'], total: 2, hasMore: false });
    const template = await session.ask('completion/complete', {
      ref: { type: 'ref/resource', uri: 'alpha+memo://days/{day}' },
      argument: { name: 'day', value: '' },
    });
    expect(template.result?.['completion']).toEqual({ values: [], total: 0, hasMore: false });
  });

  test('links and embedded resources in a result carry URIs of the gateway', async () => {
    const { result } = await session.ask('tools/call', { name: 'alpha__link' });
    expect(result?.['content']).toMatchObject([
      { type: 'resource_link', uri: 'alpha+memo://today' },
      { type: 'resource', resource: { uri: 'alpha+memo://today' } },
    ]);
  });

  test('a client of 2025-03-26 gets a link as text, which its revision has', async () => {
    const old = await openSession(gateway.url, { revision: '2025-03-26' });
    const { result } = await old.ask('tools/call', { name: 'alpha__link' });
    expect(result?.['content']).toMatchObject([
      { type: 'text', text: 'today: alpha+memo://today' },
      { type: 'resource', resource: { uri: 'alpha+memo://today' } },
    ]);
  });

  test('ping is answered by the gateway itself', async () => {
    const before = alpha.requests.length;
    expect((await session.ask('ping')).result).toEqual({});
    expect(alpha.requests.length).toBe(before);
  });

  test('a request without parameters that name an upstream is -32601 where there are several', async () => {
    const { error } = await session.ask('odd/method', { some: 'thing' });
    expect(error).toEqual({ code: -32601, message: 'Method not found' });
  });

  test('params of the wrong kind are -32602 and reach nobody', async () => {
    const before = alpha.requests.length;
    for (const [method, params] of [
      ['tools/call', {}],
      ['tools/call', { name: 7 }],
      ['prompts/get', { name: null }],
      ['resources/read', { uri: ['alpha+memo://today'] }],
      ['completion/complete', { ref: 'alpha__greet' }],
      ['logging/setLevel', { level: 'loud' }],
      ['tools/list', { cursor: 1 }],
    ] as const) {
      expect([method, (await session.ask(method, params)).error?.code]).toEqual([method, -32602]);
    }
    expect(alpha.requests.length).toBe(before);
  });

  test('a call without a session works beside those with one', async () => {
    const answer = await send(gateway.url, {
      headers: posting(),
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"beta__lonely"}}',
    });
    expect(answer.status).toBe(200);
  });
});
