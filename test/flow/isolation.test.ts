/**
 * What must not pass from one hop to the other: headers, cookies, redirects and error bodies (MCP Security Best Practices §Token
 * Passthrough).
 */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession, Rpc } from '../support/plain-client.ts';
import { listenTo, messagesOf, openSession, posting, send } from '../support/plain-client.ts';
import type { RawServer } from '../support/raw-server.ts';
import type { Script } from '../support/scripted-upstream.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../support/scripted-upstream.ts';

const secret = 'do-not-show-this';
const call = (name: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}"}}`;

describe('from the upstream to the client', () => {
  let gateway: GatewayProcess;
  let session: PlainSession;
  let script: Script;
  const leaky = {
    'www-authenticate': `Bearer resource_metadata="http://${secret}.example/"`,
    'proxy-authenticate': `Basic realm="${secret}"`,
    'set-cookie': `id=${secret}`,
    location: `http://${secret}.example/`,
    server: secret,
    'x-powered-by': secret,
    'x-custom': secret,
  };

  beforeAll(async () => {
    const upstream = await startScripted((message, response, request) => script(message, response, request), {
      sessionId: secret,
    });
    script = (message, response) => sayJson(response, resultOf(message, {}));
    gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
    session = await openSession(gateway.url);
  });

  for (const status of [301, 302, 307, 400, 401, 403, 407, 418, 429, 500, 502, 503]) {
    test(`${status} becomes -32603 with nothing of its headers or its body`, async () => {
      let body = '';
      script = (_message, response) => {
        response.writeHead(status, { ...leaky, 'content-type': 'application/json' });
        response.end(body);
      };
      for (body of [
        `{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"${secret}"}}`,
        `{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"${secret}"}}`,
        `{"jsonrpc":"2.0","error":{"code":-1,"message":"${secret}"}}`,
        `{"jsonrpc":"2.0","id":1,"result":{"text":"${secret}"}}`,
        `{"error":"${secret}"}`,
        `<p>${secret}</p>`,
      ]) {
        const answer = await session.post(call('up__x'));
        expect([answer.status, messagesOf(answer)[0]?.error?.code]).toEqual([200, -32603]);
        expect(JSON.stringify(answer)).not.toContain(secret);
        expect(answer.headers['www-authenticate']).toBeUndefined();
      }
    });
  }

  test('a JSON-RPC error about this very request passes whole, and no header with it; a challenge never does', async () => {
    for (const [status, code] of [
      [400, -1],
      [422, -1],
      [500, -1],
      [401, -32603],
    ] as const) {
      script = (_message, response) => {
        response.writeHead(status, { ...leaky, 'content-type': 'application/json' });
        response.end('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"of this request"}}');
      };
      const answer = await session.post(call('up__x'));
      expect([status, messagesOf(answer)[0]?.error?.code]).toEqual([status, code]);
      expect(JSON.stringify(answer)).not.toContain(secret);
    }
  });

  test('a good answer brings none of its headers either, as JSON or as a stream', async () => {
    for (const type of ['application/json', 'text/event-stream']) {
      script = (message, response) => {
        response.writeHead(200, { ...leaky, 'content-type': `${type}; charset=utf-8` });
        const text = resultOf(message, { content: [] });
        response.end(type === 'application/json' ? text : `data: ${text}\n\n`);
      };
      const answer = await session.post(call('up__x'));
      expect(messagesOf(answer)).toEqual([{ jsonrpc: '2.0', id: 1, result: { content: [] } }]);
      expect(JSON.stringify(answer)).not.toContain(secret);
    }
  });

  test('a page of HTML with status 200 is no answer, and its text stays behind', async () => {
    script = (_message, response) =>
      void response.writeHead(200, { 'content-type': 'text/html' }).end(`<p>${secret}</p>`);
    const answer = await session.post(call('up__x'));
    expect(messagesOf(answer)[0]?.error).toEqual({ code: -32603, message: 'Upstream server gave an invalid answer' });
    expect(JSON.stringify(answer)).not.toContain(secret);
  });

  test('an answer to another request, slipped into the stream of this one, is dropped', async () => {
    script = (message, response) => {
      const say = sayEvents(response);
      say(`{"jsonrpc":"2.0","id":2,"result":{"text":"${secret}"}}`);
      say(`{"jsonrpc":"2.0","id":"2","result":{"text":"${secret}"}}`);
      say(resultOf(message, { content: [] }));
      say(`{"jsonrpc":"2.0","id":1,"result":{"text":"${secret}"}}`);
      response.end();
    };
    const answer = await session.post(call('up__x'));
    expect(messagesOf(answer)).toEqual([{ jsonrpc: '2.0', id: 1, result: { content: [] } }]);
  });
});

/** Lists one item of each kind, and answers everything else with an empty result. */
const offering: Script = (message: Rpc, response) => {
  const item = { name: 't', uri: 'memo://t', uriTemplate: 'memo://{t}', inputSchema: { type: 'object' } };
  const lists = { tools: [item], prompts: [item], resources: [item], resourceTemplates: [item] };
  sayJson(response, resultOf(message, message.method?.endsWith('/list') === true ? lists : { content: [] }));
};

describe('from the client to the upstream', () => {
  let gateway: GatewayProcess;
  const upstreams: RawServer[] = [];
  const asked = (): number => upstreams[1]!.requests.filter(({ body }) => body.includes('"tools/list"')).length;
  const client = [
    ['Authorization', `Bearer ${secret}`],
    ['Cookie', `id=${secret}`],
    ['Proxy-Authorization', `Basic ${secret}`],
    ['Origin', 'http://localhost:1'],
    ['X-Forwarded-For', secret],
    ['Forwarded', `for=${secret}`],
    ['X-Tenant', 'acme'],
    ['X-Other', secret],
    ['Last-Event-ID', secret],
    ['Mcp-Method', secret],
    ['Mcp-Param-X', secret],
    ['User-Agent', secret],
    ['Accept-Language', secret],
    ['Traceparent', secret],
  ].flat();

  beforeAll(async () => {
    for (let at = 0; at < 3; at += 1) {
      upstreams.push(
        await startScripted(offering, {
          sessionId: `session-${at}`,
          capabilities: { tools: { listChanged: true }, prompts: {}, resources: {}, completions: {}, logging: {} },
        }),
      );
    }
    const [plain, tenant, trusted] = upstreams.map(({ url }) => url);
    gateway = await startGateway({
      config: {
        mcpServers: {
          plain: { url: plain, headers: { 'X-Fixed': 'fixed' } },
          tenant: { url: tenant, forwardHeaders: ['X-Tenant', 'x-team'] },
          trusted: { url: trusted, forwardHeaders: ['Authorization'], acknowledgeTokenPassthrough: true },
        },
      },
      admin: false,
    });
  });

  beforeEach(() => {
    for (const { requests } of upstreams) (requests as unknown[]).length = 0;
  });

  /** Everything a client can ask, with all its headers each time. */
  async function everything(headers: readonly string[]): Promise<void> {
    const session = await openSession(gateway.url, { headers, capabilities: { roots: { listChanged: true } } });
    for (const id of ['plain', 'tenant', 'trusted']) {
      await session.ask('tools/call', { name: `${id}__t` }, ...headers);
      await session.ask('prompts/get', { name: `${id}__t` }, ...headers);
      await session.ask('resources/read', { uri: `${id}+memo://t` }, ...headers);
    }
    for (const list of ['tools', 'prompts', 'resources', 'resources/templates']) {
      await session.ask(`${list}/list`, {}, ...headers);
    }
    await session.ask('logging/setLevel', { level: 'info' }, ...headers);
    await session.post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}', ...headers);
    await send(gateway.url, { method: 'DELETE', headers: ['Mcp-Session-Id', session.token, ...headers] });
  }

  test('nothing of the client’s headers arrives where nothing was configured', async () => {
    await everything(client);
    const [plain] = upstreams;
    const stream = await listenTo(await openSession(gateway.url), secret);
    await expect.poll(() => plain?.requests.some(({ method }) => method === 'GET')).toBe(true);
    stream.close();
    const methods = new Set(plain?.requests.map(({ method }) => method));
    expect(methods).toEqual(new Set(['POST', 'GET', 'DELETE']));
    const names = new Set(plain?.requests.flatMap(({ headers }) => Object.keys(headers)));
    expect([...names].toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
      'mcp-protocol-version',
      'mcp-session-id',
      'user-agent',
      'x-fixed',
    ]);
    expect(JSON.stringify(plain?.requests.map(({ rawHeaders }) => rawHeaders))).not.toContain(secret);
  });

  test('a header named in forwardHeaders arrives there with every request of the call, and nowhere else', async () => {
    // Another value than before, whose lists nobody has asked for yet.
    await everything(client.map((text) => (text === 'acme' ? 'globex' : text)));
    const [plain, tenant, trusted] = upstreams.map(({ requests }) => requests);
    // Handshake, three calls, four lists, level, roots, end.
    expect(tenant?.length).toBeGreaterThanOrEqual(12);
    expect(
      tenant?.filter(({ headers }) => headers['x-tenant'] !== 'globex').map(({ body }) => body.toString()),
    ).toEqual([]);
    for (const each of [...(plain ?? []), ...(trusted ?? [])]) expect(each.headers['x-tenant']).toBeUndefined();
    for (const each of [...(plain ?? []), ...(tenant ?? [])]) {
      expect(each.headers.authorization).toBeUndefined();
      expect(each.headers['x-other']).toBeUndefined();
    }
  });

  test('the credential of the client arrives only where that was acknowledged', async () => {
    await everything(client);
    const trusted = upstreams[2]?.requests.filter(({ body }) => body.includes('"tools/call"'));
    expect(trusted?.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${secret}`]);
    expect(trusted?.map(({ headers }) => headers.cookie)).toEqual([undefined]);
  });

  test('of a header that stands twice, both lines arrive in their order', async () => {
    const session = await openSession(gateway.url);
    await session.ask('tools/call', { name: 'tenant__t' }, 'X-Team', 'red', 'x-team', 'blue');
    const { rawHeaders = [] } = upstreams[1]?.requests.at(-1) ?? {};
    expect(rawHeaders.filter((_text, at) => rawHeaders[at - 1]?.toLowerCase() === 'x-team')).toEqual(['red', 'blue']);
  });

  test('a list that was made with one value is not shown to a client with another', async () => {
    const session = await openSession(gateway.url);
    const list = (...headers: string[]): Promise<Rpc> => session.ask('tools/list', {}, ...headers);
    await list('X-Tenant', 'one');
    expect(asked()).toBe(1);
    await list('X-Tenant', 'one');
    expect(asked()).toBe(1);
    await list('X-Tenant', 'two');
    expect(asked()).toBe(2);
    await list();
    expect(asked()).toBe(3);
    await list();
    expect(asked()).toBe(3);
  });

  test('a client without a session is told apart in the same way', async () => {
    const body = call('tenant__t');
    await send(gateway.url, { headers: posting('X-Tenant', 'one'), body });
    await send(gateway.url, { headers: posting(), body });
    const calls = upstreams[1]?.requests.filter((each) => each.body.includes('"tools/call"'));
    expect(calls?.map(({ headers }) => headers['x-tenant'])).toEqual(['one', undefined]);
  });
});
