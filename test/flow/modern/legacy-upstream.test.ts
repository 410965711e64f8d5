/** Clients of 2026-07-28 in front of upstreams that know sessions alone (docs/adr/0006-both-eras.md). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openStream } from '../../support/plain-client.ts';
import type { RawServer } from '../../support/raw-server.ts';
import type { Script } from '../../support/scripted-upstream.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import type { StatefulServer } from '../../support/stateful-server.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';
import { startStatelessServer } from '../../support/stateless-server.ts';

let gateway: GatewayProcess;
let alpha: StatefulServer;
let raw: RawServer;
let script: Script;
const withNothing: Script = (message, response) => sayJson(response, resultOf(message, {}));
/** Notifications and answers that the scripted upstream got. */
const heard: Rpc[] = [];

beforeAll(async () => {
  alpha = await startStatefulServer({ name: 'alpha', instructions: 'Alpha first.' });
  const beta = await startStatelessServer({ name: 'beta', enableJsonResponse: true });
  raw = await startScripted((...args) => script(...args), {
    sessionId: 'raw-1',
    heard: (message) => void heard.push(message),
  });
  script = withNothing;
  gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url }, beta: { url: beta.url }, raw: { url: raw.url } } },
    admin: false,
  });
});

const serverInfo = { 'io.modelcontextprotocol/serverInfo': expect.objectContaining({ name: 'manifold' }) as unknown };

describe('server/discover', () => {
  test('tells what all upstreams together offer, in the shape of 2026-07-28', async () => {
    const { rpc, answer } = await askModern(gateway.url, 'server/discover');
    expect(rpc.result).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true } },
      ttlMs: 0,
      cacheScope: 'private',
      _meta: serverInfo,
    });
    expect(rpc.result?.['instructions']).toContain('Alpha first.');
    expect(answer.headers['mcp-session-id']).toBeUndefined();
  });

  test('offers logging and subscriptions, which the gateway asks such upstreams for', async () => {
    const { rpc } = await askModern(gateway.url, 'server/discover');
    expect(rpc.result?.['capabilities']).toMatchObject({ logging: {}, resources: { subscribe: true } });
  });

  test('offers no subscriptions of an upstream that keeps no sessions to subscribe in', async () => {
    const sessionless = await startScripted((message, response) => sayJson(response, resultOf(message, {})), {
      capabilities: { resources: { subscribe: true } },
    });
    const own = await startGateway({ config: { mcpServers: { own: { url: sessionless.url } } }, admin: false });
    const { rpc } = await askModern(own.url, 'server/discover');
    expect(rpc.result?.['capabilities']).toEqual({ resources: { listChanged: true } });
  });
});

describe('results of upstreams of the session era', () => {
  test('of the four lists and of resources/read say that they are complete and not to be kept', async () => {
    for (const [method, params, member] of [
      ['tools/list', {}, 'tools'],
      ['prompts/list', {}, 'prompts'],
      ['resources/list', {}, 'resources'],
      ['resources/templates/list', {}, 'resourceTemplates'],
      ['resources/read', { uri: 'alpha+memo://today' }, 'contents'],
    ] as const) {
      const { status, rpc } = await askModern(gateway.url, method, { params });
      expect([method, status]).toEqual([method, 200]);
      expect(rpc.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private', _meta: serverInfo });
      expect(rpc.result?.[member]).not.toEqual([]);
    }
  });

  test('of calls, prompts and completions are complete and have no hints for keeping them', async () => {
    for (const [method, params] of [
      ['tools/call', { name: 'alpha__echo', arguments: { a: 1 } }],
      ['tools/call', { name: 'beta__echo', arguments: { a: 1 } }],
      ['prompts/get', { name: 'alpha__greet', arguments: { who: 'ada' } }],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'alpha__greet' }, argument: { name: 'who', value: 'a' } },
      ],
    ] as const) {
      const { rpc } = await askModern(gateway.url, method, { params });
      expect(rpc.result).toMatchObject({ resultType: 'complete', _meta: serverInfo });
      expect(rpc.result).not.toHaveProperty('ttlMs');
    }
  });

  test('a resource that is not there is -32602 and names the URI that was asked for', async () => {
    const uri = 'alpha+memo://nowhere';
    const { status, rpc } = await askModern(gateway.url, 'resources/read', { params: { uri } });
    expect([status, rpc.error?.code, rpc.error?.data]).toEqual([200, -32602, { uri }]);
  });

  test('a code that 2026-07-28 reserves becomes -32603 with the original in data', async () => {
    script = (message, response) =>
      sayJson(
        response,
        JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: -32042, message: 'urls', data: 1 } }),
      );
    const { rpc } = await askModern(gateway.url, 'tools/call', { params: { name: 'raw__do' } });
    expect(rpc.error).toEqual({ code: -32603, message: 'urls', data: { code: -32042, data: 1 } });
  });
});

describe('a call', () => {
  test('reports progress under the token of its client, a text or a number', async () => {
    for (const progressToken of ['mine', 7]) {
      const { messages, rpc } = await askModern(gateway.url, 'tools/call', {
        params: { name: 'alpha__slow', arguments: { times: 2, everyMs: 1 } },
        meta: { progressToken },
      });
      const progress = messages.filter(({ method }) => method === 'notifications/progress');
      expect(progress.map(({ params }) => [params?.['progressToken'], params?.['progress']])).toEqual([
        [progressToken, 1],
        [progressToken, 2],
      ]);
      expect(rpc.result?.['content']).toEqual([{ type: 'text', text: 'done after 2' }]);
    }
  });

  test('brings log messages where they are asked for, and only there', async () => {
    for (const [meta, count] of [
      [{}, 1],
      [{ 'io.modelcontextprotocol/logLevel': 'debug' }, 4],
    ] as const) {
      const { messages } = await askModern(gateway.url, 'tools/call', {
        params: { name: 'alpha__log', arguments: { times: 3 } },
        meta,
      });
      expect(messages.length).toBe(count);
    }
  });

  test('has no event ids, and is not to be taken up again', async () => {
    const { answer } = await askModern(gateway.url, 'tools/call', { params: { name: 'alpha__echo' } });
    expect(answer.body).not.toMatch(/^id:|^retry:/m);
  });

  test('reaches the upstream without the envelope and its headers, with the other keys of _meta', async () => {
    script = (message, response) => sayJson(response, resultOf(message, {}));
    await askModern(gateway.url, 'tools/call', {
      params: { name: 'raw__do', arguments: { a: 1 } },
      meta: { 'io.modelcontextprotocol/logLevel': 'info', 'example.com/x': 1 },
    });
    const arrived = raw.requests.findLast(({ json }) => (json as Rpc).method === 'tools/call');
    expect(arrived?.body.toString()).not.toContain('io.modelcontextprotocol');
    expect(arrived?.json).toMatchObject({ params: { name: 'do', arguments: { a: 1 }, _meta: { 'example.com/x': 1 } } });
    expect(arrived?.headers).toMatchObject({ 'mcp-session-id': 'raw-1', 'mcp-protocol-version': '2025-11-25' });
    expect(arrived?.headers).not.toHaveProperty('mcp-method');
    expect(arrived?.headers).not.toHaveProperty('mcp-name');
  });

  test('whose client leaves is taken back: notifications/cancelled with the id that the upstream knows', async () => {
    let id: unknown;
    script = (message, response) => {
      id = message.id;
      sayEvents(response)(
        '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
      );
    };
    const stream = await openStream(gateway.url, modernRequest('tools/call', { params: { name: 'raw__do' } }));
    stream.close();
    await expect
      .poll(() =>
        heard.filter(({ method }) => method === 'notifications/cancelled').map(({ params }) => params?.['requestId']),
      )
      .toEqual([id]);
    const left = await openStream(
      gateway.url,
      modernRequest('tools/call', {
        params: { name: 'alpha__slow', arguments: { times: 100, everyMs: 50 } },
        meta: { progressToken: 1 },
      }),
    );
    left.close();
    await expect.poll(() => alpha.cancelled).toEqual(['slow']);
  });

  test('under an id that another client uses too gets its own answer and its own progress', async () => {
    const held: { readonly id: Rpc['id']; readonly token: unknown; readonly finish: () => void }[] = [];
    script = (message, response) => {
      const say = sayEvents(response);
      const { arguments: args, _meta: meta } = message.params as Record<string, Record<string, unknown>>;
      const token = meta?.['progressToken'];
      held.push({
        id: message.id,
        token,
        finish: () => {
          const params = { progressToken: token, progress: 1, message: args?.['who'] };
          say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }));
          say(resultOf(message, { content: [{ type: 'text', text: args?.['who'] }] }));
          response.end();
        },
      });
    };
    const asked = ['ann', 'ben'].map((who) =>
      askModern(gateway.url, 'tools/call', {
        id: '1',
        params: { name: 'raw__do', arguments: { who } },
        meta: { progressToken: 1 },
      }),
    );
    await expect.poll(() => held.length).toBe(2);
    expect(held[0]?.id).not.toEqual(held[1]?.id);
    expect(held[0]?.token).not.toEqual(held[1]?.token);
    for (const { finish } of held.toReversed()) finish();
    for (const [index, { messages, rpc }] of (await Promise.all(asked)).entries()) {
      const who = ['ann', 'ben'][index];
      expect(messages[0]?.params).toMatchObject({ progressToken: 1, message: who });
      expect([rpc.id, rpc.result?.['content']]).toEqual([1, [{ type: 'text', text: who }]]);
    }
  });
});

describe('a method that no revision has, at the only upstream', () => {
  let unknown: GatewayProcess;
  let answers: Script = withNothing;

  beforeAll(async () => {
    const only = await startScripted((...args) => answers(...args), { sessionId: 'only-1' });
    unknown = await startGateway({ config: { mcpServers: { only: { url: only.url } } }, admin: false });
  });

  const refusal = { code: -32_601, message: 'Method not found' };

  test('is 404 where the upstream refuses it, as JSON or on a stream', async () => {
    const refused = (message: Rpc): string => JSON.stringify({ jsonrpc: '2.0', id: message.id, error: refusal });
    answers = (message, response) => sayJson(response, refused(message));
    const asJson = await askModern(unknown.url, 'vendor/thing');
    expect([asJson.status, asJson.rpc.error]).toEqual([404, refusal]);
    answers = (message, response) => {
      const say = sayEvents(response);
      // The head comes in a packet of its own.
      response.flushHeaders();
      setTimeout(() => {
        say(refused(message));
        response.end();
      }, 50);
    };
    const onStream = await askModern(unknown.url, 'vendor/thing');
    expect([onStream.status, onStream.rpc.error]).toEqual([404, refusal]);
  });

  test('is answered on a stream where the upstream does so, with what comes before', async () => {
    answers = (message, response) => {
      const say = sayEvents(response);
      say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/vendor', params: { n: 1 } }));
      say(JSON.stringify({ jsonrpc: '2.0', id: message.id, error: refusal }));
      response.end();
    };
    const { status, messages } = await askModern(unknown.url, 'vendor/thing');
    expect([status, messages.length]).toEqual([200, 2]);
    answers = (message, response) => {
      sayEvents(response)(resultOf(message, { own: true }));
      response.end();
    };
    const answered = await askModern(unknown.url, 'vendor/thing');
    expect([answered.status, answered.rpc.result]).toMatchObject([200, { own: true }]);
  });
});
