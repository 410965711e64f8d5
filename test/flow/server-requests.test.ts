/** Requests of a server in the middle of a call: they reach the client under sealed ids, answers the server (docs/session-token.md). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { OpenStream, PlainSession, Rpc } from '../support/plain-client.ts';
import { listenTo, openSession, openStream, posting } from '../support/plain-client.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../support/scripted-upstream.ts';
import type { StatefulServer } from '../support/stateful-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

let alpha: StatefulServer;
let gateway: GatewayProcess;
/** What the scripted upstream got besides requests. */
const heard: Rpc[] = [];
const text = (result: unknown): string => (result as { content: { text: string }[] }).content[0]?.text ?? '';

beforeAll(async () => {
  alpha = await startStatefulServer({ name: 'alpha' });
  const beta = await startStatefulServer({ name: 'beta' });
  let finish: () => void;
  const scripted = await startScripted(
    (message, response) => {
      if (message.method !== 'tools/call') {
        sayJson(response, resultOf(message, {}));
        return;
      }
      const say = sayEvents(response);
      const { say: lines } = message.params!['arguments'] as { say: string[] };
      for (const line of lines) say(line);
      finish = () => {
        say(resultOf(message, { content: [] }));
        response.end();
      };
    },
    {
      sessionId: 'scripted-1',
      heard: (message) => {
        heard.push(message);
        if (message.method === undefined) finish();
      },
    },
  );
  gateway = await startGateway({
    config: {
      mcpServers: {
        alpha: { url: alpha.url },
        beta: { url: beta.url },
        scripted: { url: scripted.url },
      },
    },
    admin: false,
  });
});

function call(session: PlainSession, name: string, args: object = {}): Promise<OpenStream> {
  return openStream(session.url, {
    headers: posting('Mcp-Session-Id', session.token),
    body: JSON.stringify({ jsonrpc: '2.0', id: 'call', method: 'tools/call', params: { name, arguments: args } }),
  });
}

const asksFor =
  (method: string) =>
  (message: Rpc): boolean =>
    message.method === method;

describe('an SDK client', () => {
  test('is asked by elicitation (which says who asks), sampling and roots, and its answers arrive', async () => {
    const { client } = await sdkClient(gateway.url, {
      elicit: ({ message }) => ({ action: 'accept', content: { answer: message.toUpperCase() } }),
      sample: ({ messages }) => ({ model: 'm', role: 'assistant', content: messages[0]!.content as never }),
      roots: [{ uri: 'file:///here', name: 'here' }],
    });
    expect(text(await client.callTool({ name: 'alpha__ask', arguments: { message: 'who?' } }))).toBe(
      '{"action":"accept","content":{"answer":"[ALPHA] WHO?"}}',
    );
    expect(text(await client.callTool({ name: 'beta__sample', arguments: { prompt: 'hi' } }))).toBe(
      '{"model":"m","content":{"type":"text","text":"hi"}}',
    );
    expect(text(await client.callTool({ name: 'alpha__roots' }))).toBe('[{"uri":"file:///here","name":"here"}]');
  });

  test('answers two servers at once, whose requests have equal ids, and each gets its own', async () => {
    const { client } = await sdkClient(gateway.url, {
      elicit: ({ message }) => ({ action: 'accept', content: { answer: `for ${message}` } }),
    });
    const answers = await Promise.all(
      ['alpha', 'beta', 'alpha', 'beta'].map((id, at) =>
        client.callTool({ name: `${id}__ask`, arguments: { message: `${id} ${at}` } }),
      ),
    );
    expect(answers.map(text)).toEqual(
      ['alpha 0', 'beta 1', 'alpha 2', 'beta 3'].map(
        (message) => `{"action":"accept","content":{"answer":"for [${message.split(' ')[0]}] ${message}"}}`,
      ),
    );
  });
});

describe('the id of a request', () => {
  test('is sealed, and an error is carried back as well as a result', async () => {
    const session = await openSession(gateway.url, { capabilities: { elicitation: {} } });
    const stream = await call(session, 'alpha__ask');
    const asked = await stream.until(asksFor('elicitation/create'));
    expect(asked.id).toEqual(expect.stringMatching(/^[A-Za-z0-9_-]{30,}$/));
    const { status } = await session.post(
      JSON.stringify({ jsonrpc: '2.0', id: asked.id, error: { code: -1, message: 'no' } }),
    );
    expect(status).toBe(202);
    const { error } = await stream.until(({ id }) => id === 'call');
    expect(error?.message).toContain('no');
  });

  test('opens for its own session alone: any other answer is 400 and reaches no server', async () => {
    const session = await openSession(gateway.url, { capabilities: { elicitation: {} } });
    const other = await openSession(gateway.url, { capabilities: { elicitation: {} } });
    const stream = await call(session, 'alpha__ask');
    const { id } = await stream.until(asksFor('elicitation/create'));
    const before = alpha.requests.length;
    const forged = `${String(id).slice(0, -2)}AA`;
    const answers = [
      await other.post(JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept' } })),
      await session.post(JSON.stringify({ jsonrpc: '2.0', id: forged, result: { action: 'accept' } })),
      await session.post('{"jsonrpc":"2.0","id":0,"result":{"action":"accept"}}'),
      await session.post('{"jsonrpc":"2.0","id":"0","result":{"action":"accept"}}'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(alpha.requests.length).toBe(before);
    await session.post(JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'decline' } }));
    const { result } = await stream.until(({ id: answered }) => answered === 'call');
    expect(text(result)).toBe('{"action":"decline","content":null}');
  });

  test('keeps its JSON type and every digit on the way back', async () => {
    const session = await openSession(gateway.url, { capabilities: { roots: {} } });
    for (const raw of ['7', '"7"', '12345678901234567890', '"\\u00e9\\n"']) {
      heard.length = 0;
      const stream = await call(session, 'scripted__x', {
        say: [`{"jsonrpc":"2.0","id":${raw},"method":"roots/list"}`],
      });
      const { id } = await stream.until(asksFor('roots/list'));
      await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`);
      await stream.until(({ id: answered }) => answered === 'call');
      expect(heard).toHaveLength(1);
      expect(heard[0]?.id).toEqual(JSON.parse(raw));
    }
  });

  test('is the same when the server takes its request back, so that the client knows which', async () => {
    const session = await openSession(gateway.url, { capabilities: { sampling: {} } });
    const stream = await call(session, 'scripted__x', {
      say: [
        '{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}',
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}',
      ],
    });
    const { id } = await stream.until(asksFor('sampling/createMessage'));
    const { params } = await stream.until(asksFor('notifications/cancelled'));
    expect(params?.['requestId']).toBe(id);
    await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`);
  });
});

test('a ping of the server is answered by the gateway and never reaches the client', async () => {
  const session = await openSession(gateway.url);
  heard.length = 0;
  const stream = await call(session, 'scripted__x', { say: ['{"jsonrpc":"2.0","id":"p","method":"ping"}'] });
  await stream.ended;
  expect(heard).toEqual([{ jsonrpc: '2.0', id: 'p', result: {} }]);
  expect(stream.messages.map(({ method, id }) => method ?? id)).toEqual(['call']);
});

test('URIs in a request of the server are those of the gateway', async () => {
  const session = await openSession(gateway.url, { capabilities: { sampling: {} } });
  const stream = await call(session, 'scripted__x', {
    say: [
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'sampling/createMessage',
        params: {
          messages: [{ role: 'user', content: { type: 'resource', resource: { uri: 'memo://x', text: 'x' } } }],
          maxTokens: 1,
        },
      }),
    ],
  });
  const { id, params } = await stream.until(asksFor('sampling/createMessage'));
  expect(params?.['messages']).toEqual([
    { role: 'user', content: { type: 'resource', resource: { uri: 'scripted+memo://x', text: 'x' } } },
  ]);
  await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`);
});

describe('a request that nobody will answer is answered by the gateway', () => {
  for (const [method, params, capabilities, code] of [
    ['roots/list', {}, { sampling: {}, elicitation: {} }, -32601],
    ['sampling/createMessage', {}, { roots: {}, elicitation: {} }, -32601],
    ['elicitation/create', {}, { roots: {}, sampling: {} }, -32601],
    ['elicitation/create', { mode: 'url', url: 'https://x.example' }, { elicitation: {} }, -32602],
    ['elicitation/create', { mode: 'form' }, { elicitation: { url: {} } }, -32602],
  ] as const) {
    test(`${method} ${JSON.stringify(params)} of a client with ${JSON.stringify(capabilities)}: ${code}`, async () => {
      const session = await openSession(gateway.url, { capabilities });
      heard.length = 0;
      const stream = await call(session, 'scripted__x', {
        say: [JSON.stringify({ jsonrpc: '2.0', id: 3, method, params })],
      });
      await stream.ended;
      expect(heard).toMatchObject([{ id: 3, error: { code } }]);
      expect(stream.messages.map(({ id }) => id)).toEqual(['call']);
    });
  }

  test('a server that goes on without an answer ends its own call', async () => {
    const session = await openSession(gateway.url);
    const { error } = await session.ask('tools/call', { name: 'alpha__ask' });
    expect(error?.message).toContain('Method not found');
  });

  test('one of an upstream without sessions is never shown to the client, who could not be told from others', async () => {
    const told: Rpc[] = [];
    const sessionless = await startScripted(
      (message, response) => {
        const say = sayEvents(response);
        say('{"jsonrpc":"2.0","id":3,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}');
        say(resultOf(message, { content: [] }));
        response.end();
      },
      { heard: (message) => void told.push(message) },
    );
    const own = await startGateway({ config: { mcpServers: { less: { url: sessionless.url } } }, admin: false });
    const session = await openSession(own.url, { capabilities: { sampling: {} } });
    const stream = await call(session, 'less__x');
    await stream.ended;
    expect(stream.messages.map(({ id, method }) => method ?? id)).toEqual(['call']);
    await expect
      .poll(() => told)
      .toContainEqual(expect.objectContaining({ id: 3, error: expect.anything() as unknown }));
  });
});

test('one that comes on the GET stream is answered by POST like any other', async () => {
  let ask: (() => void) | undefined;
  const answered: Rpc[] = [];
  const pushing = await startScripted((message, response) => sayJson(response, resultOf(message, {})), {
    sessionId: 'pushing-1',
    capabilities: { tools: { listChanged: true } },
    get: (_request, response) => {
      const say = sayEvents(response);
      ask = () => say('{"jsonrpc":"2.0","id":"g","method":"roots/list"}');
    },
    heard: (message) => void answered.push(message),
  });
  const own = await startGateway({ config: { mcpServers: { pushing: { url: pushing.url } } }, admin: false });
  const session = await openSession(own.url, { capabilities: { roots: {} } });
  const stream = await listenTo(session);
  await expect.poll(() => pushing.requests.some(({ method }) => method === 'GET')).toBe(true);
  ask?.();
  const { id } = await stream.until(asksFor('roots/list'));
  const { status } = await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"roots":[]}}`);
  expect(status).toBe(202);
  expect(answered).toContainEqual({ jsonrpc: '2.0', id: 'g', result: { roots: [] } });
  stream.close();
});
