/**
 * What the gateway does not own reaches the other side as it was written, to the byte, in both directions
 * (docs/adr/0003-byte-splicing-relay.md).
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession } from '../support/plain-client.ts';
import { dataOf, messagesOf, openSession } from '../support/plain-client.ts';
import type { RawServer } from '../support/raw-server.ts';
import { sayEvents, sayJson, startScripted } from '../support/scripted-upstream.ts';

/** What JSON.parse and JSON.stringify between them would change. */
const odd =
  '{ "z":1,"a":2,  "10":3,"2":4,"big":12345678901234567890,"one":1.0,"huge":1e400,"neg":-0,"exp":1E+2,"tiny":5e-999,' +
  '"esc":"\\u0041\\/\\u00e9\\ud83d\\ude00\\ud800","sp ace":"é😀","__proto__":{"x":null},"":[] ,"deep":[[[[{}]]]]\t}';

let gateway: GatewayProcess;
let upstream: RawServer;
let session: PlainSession;
/** What the upstream answers, given the id as it was sent. */
let reply: (id: string) => string;
let asEvents = false;

beforeAll(async () => {
  upstream = await startScripted(
    (message, response) => {
      const text = reply(JSON.stringify(message.id));
      if (!asEvents) {
        sayJson(response, text);
        return;
      }
      sayEvents(response)(text);
      response.end();
    },
    { sessionId: 's' },
  );
  const other = await startScripted((_message, response) => sayJson(response, ''), { sessionId: 'o' });
  gateway = await startGateway({
    config: { mcpServers: { up: { url: upstream.url }, other: { url: other.url } } },
    admin: false,
  });
  session = await openSession(gateway.url);
});

const arrived = (): string => upstream.requests.at(-1)?.body.toString() ?? '';

const sent = (name: string): string =>
  ` {"params":{"arguments":${odd} ,"_meta":{"example.com/x":${odd},"progressToken":1.0},"name":"${name}","extra":${odd}},"x-unknown":${odd}, "method":"tools/call","id":"\\u0061","jsonrpc":"2.0"}\n`;

const named = (name: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"name":"${name}","n":1.0,"odd":${odd}}}`;

const located = (uri: string): string => `{"jsonrpc":"2.0","id":2,"method":"x/z","params":{"uri":"${uri}"}}`;

describe('a request', () => {
  beforeAll(() => {
    asEvents = false;
    reply = (id) => `{"jsonrpc":"2.0","id":${id},"result":{}}`;
  });

  test('arrives as it was sent, but for its name', async () => {
    const answer = await session.post(sent('up__do'));
    expect(answer.status).toBe(200);
    expect(arrived()).toBe(sent('do'));
  });

  test('keeps an id that no number of JavaScript can hold', async () => {
    const raw = '{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/call","params":{"name":"up__do"}}';
    reply = () => '{"jsonrpc":"2.0","id":12345678901234567890,"result":{}}';
    const { body } = await session.post(raw);
    expect(arrived()).toContain('"id":12345678901234567890,');
    expect(body).toBe('{"jsonrpc":"2.0","id":12345678901234567890,"result":{}}');
    reply = (id) => `{"jsonrpc":"2.0","id":${id},"result":{}}`;
  });

  test('of a method that nobody knows travels where its name or its URI says', async () => {
    expect((await session.post(named('up__do'))).body).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    expect(arrived()).toBe(named('do'));
    expect((await session.post(located('up+memo://x'))).body).toBe('{"jsonrpc":"2.0","id":2,"result":{}}');
    expect(arrived()).toBe(located('memo://x'));
  });

  test('of a method that nobody knows goes to the only upstream where there is but one', async () => {
    const alone = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
    const raw = `{"jsonrpc":"2.0","id":3,"method":"x/alone","params":${odd}}`;
    const { body } = await (await openSession(alone.url)).post(raw);
    expect([arrived(), body]).toEqual([raw, '{"jsonrpc":"2.0","id":3,"result":{}}']);
  });

  test('a notification of a method that nobody knows arrives whole', async () => {
    const raw = `{"jsonrpc":"2.0","method":"notifications/x","params":${odd}}`;
    await session.post(raw);
    await expect.poll(arrived).toBe(raw);
  });
});

const content = (uri: string): string =>
  `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"uri":"memo://x","n":1.0}, "content":[{"uri":"${uri}","type":"resource_link","size":1.0,"x":${odd}},{"type":"text","text":"memo://x"}]}}`;

describe('an answer', () => {
  const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__do"}}';
  const answers = [
    `{"result":${odd},"jsonrpc":"2.0", "extra":${odd},"id":1}`,
    `{"jsonrpc":"2.0","id":1,"error":{"code":-32050,"message":"\\u0041","data":${odd},"more":${odd}}}`,
  ];
  for (const events of [false, true]) {
    for (const text of answers) {
      test(`${text.slice(0, 9)}… arrives as it was sent, as ${events ? 'an event' : 'JSON'}`, async () => {
        asEvents = events;
        reply = () => text;
        const { body } = await session.post(call);
        expect(events ? dataOf(body) : [body]).toEqual([text]);
      });
    }
  }

  test('only its URIs change where they stand in content', async () => {
    asEvents = false;
    reply = () => content('memo://x');
    expect((await session.post(call)).body).toBe(content('up+memo://x'));
  });

  test('progress keeps its numbers as they are', async () => {
    const progress =
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1.0,"progress":0.10,"total":1e2}}';
    asEvents = true;
    reply = () => `${progress}\n\ndata: {"jsonrpc":"2.0","id":1,"result":{}}`;
    const asking = call.replace('"params":{', '"params":{"_meta":{"progressToken":1.0},');
    const { body } = await session.post(asking);
    expect(dataOf(body)).toEqual([progress, '{"jsonrpc":"2.0","id":1,"result":{}}']);
    asEvents = false;
  });
});

const item = (name: string): string =>
  `{"inputSchema":{"type":"object","properties":{"n":{"maximum":12345678901234567890,"default":1.0}}},"name":"${name}","x":${odd}}`;

describe('a list', () => {
  test('shows each item as it was sent, but for its name', async () => {
    reply = (id) => `{"jsonrpc":"2.0","id":${id},"result":{"tools":[${item('do')}]}}`;
    const fresh = await openSession(gateway.url, { capabilities: { roots: {} } });
    const { body } = await fresh.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    expect(body).toContain(item('up__do'));
  });
});

const refused = async (body: string): Promise<readonly [number, number | undefined]> => {
  const before = upstream.requests.length;
  const answer = await session.post(body);
  expect(upstream.requests.length).toBe(before);
  return [answer.status, messagesOf(answer)[0]?.error?.code];
};

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const calling = (args: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__do","arguments":${args}}}`;

describe('what is refused', () => {
  test('a key that stands twice in the message or its params is -32600, also when one is written with escapes', async () => {
    for (const body of [
      '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/list"}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__do","name":"up__other"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__do","n\\u0061me":"up__other"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__do","x":1,"x":2}}',
    ]) {
      expect([body, ...(await refused(body))]).toEqual([body, 400, -32600]);
    }
  });

  test('128 levels are let through, 129 are -32700', async () => {
    reply = (id) => `{"jsonrpc":"2.0","id":${id},"result":{}}`;
    // The message, its params and the array itself.
    expect((await session.post(calling(nested(126)))).status).toBe(200);
    expect(await refused(calling(nested(127)))).toEqual([400, -32700]);
  });

  test('a body of 4 MiB is let through, one byte more is 413', async () => {
    reply = (id) => `{"jsonrpc":"2.0","id":${id},"result":{}}`;
    const room = 4_194_304 - calling('""').length;
    expect((await session.post(calling(`"${'x'.repeat(room)}"`))).status).toBe(200);
    expect((await refused(calling(`"${'x'.repeat(room + 1)}"`)))[0]).toBe(413);
  });

  test('what is no JSON, or no JSON-RPC, is 400', async () => {
    for (const [body, code] of [
      ['', -32700],
      ['{', -32700],
      ["{'jsonrpc':'2.0'}", -32700],
      ['{"jsonrpc":"2.0","id":1,"method":"ping",}', -32700],
      ['{"jsonrpc":"2.0","id":1,"method":"ping"} {}', -32700],
      ['{"jsonrpc":"2.0","id":01,"method":"ping"}', -32700],
      ['7', -32600],
      ['null', -32600],
      ['{}', -32600],
      ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
      ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
      ['{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600],
      ['{"jsonrpc":"2.0","id":1,"method":7}', -32600],
      ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
      ['{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', -32600],
    ] as const) {
      expect([body, ...(await refused(body))]).toEqual([body, 400, code]);
    }
  });
});

describe('an upstream that says what is no answer', () => {
  for (const [what, text] of [
    ['no JSON', 'hello'],
    ['a key twice', '{"jsonrpc":"2.0","id":1,"result":{},"result":{}}'],
    ['too deep', `{"jsonrpc":"2.0","id":1,"result":${'['.repeat(200)}${']'.repeat(200)}}`],
    ['another id', '{"jsonrpc":"2.0","id":2,"result":{}}'],
    ['another id as text', '{"jsonrpc":"2.0","id":"2","result":{}}'],
  ] as const) {
    test(`${what}: its call alone ends with -32603`, async () => {
      asEvents = false;
      reply = () => text;
      const answer = await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__do"}}');
      expect(JSON.parse(answer.body)).toEqual({
        jsonrpc: '2.0',
        error: { code: -32603, message: 'Upstream server gave an invalid answer' },
        id: 1,
      });
      expect((await session.ask('ping')).result).toEqual({});
    });
  }

  test('too much: its call alone ends with -32603, which says how much there may be', async () => {
    asEvents = false;
    reply = () => `{"jsonrpc":"2.0","id":1,"result":{"x":"${'x'.repeat(16 * 1_048_576)}"}}`;
    const answer = await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__do"}}');
    const { error, id } = JSON.parse(answer.body) as { error: { code: number; message: string }; id: number };
    expect([error.code, id]).toEqual([-32603, 1]);
    expect(error.message).toContain('larger than 16777216 bytes');
    expect((await session.ask('ping')).result).toEqual({});
  });
});
