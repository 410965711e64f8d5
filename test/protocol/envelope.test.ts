/** JSON-RPC 2.0 messages: what is one, and what the gateway reads of it. */
import { describe, expect, test } from 'vitest';

import { GatewayError } from '../../src/errors.ts';
import { readBatch, readClientMessage, readListResult, readServerMessage } from '../../src/protocol/envelope.ts';
import type { ListItem } from '../../src/protocol/envelope.ts';
import { rawOf, textOf } from '../../src/protocol/scan.ts';
import type { Found } from '../../src/protocol/scan.ts';

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'accepted';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

/** The raw text at a path of member names, undefined where nothing was captured. */
function at(bytes: Buffer, root: Found, ...path: string[]): string | undefined {
  let found: Found | undefined = root;
  for (const name of path) found = found?.member(name);
  return found && rawOf(bytes, found);
}

function batch(count: number): Buffer {
  return Buffer.from(`[${Array.from({ length: count }, () => '{}').join()}]`);
}

describe('JSON-RPC messages', () => {
  test('a request keeps its id as it was written', () => {
    for (const id of ['1', '"1"', '12345678901234567890', '1.0', '-1', '"a\\u0062é"', '""', '1e2']) {
      const message = readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`));
      expect([message.kind, message.id, message.method, message.params]).toEqual(['request', id, 'ping', undefined]);
    }
  });

  test('without id it is a notification', () => {
    const message = readServerMessage(Buffer.from('{"jsonrpc":"2.0","method":"notifications/x","params":{}}'));
    expect([message.kind, message.id, message.method]).toEqual(['notification', undefined, 'notifications/x']);
    expect(message.params?.kind).toBe('object');
  });

  test('a response has a result or an error, and no method', () => {
    const result = readServerMessage(Buffer.from('{"jsonrpc":"2.0","id":"a","result":{}}'));
    expect([result.kind, result.id, result.method]).toEqual(['response', '"a"', '']);
    const error = readClientMessage(Buffer.from('{"jsonrpc":"2.0","id":3,"error":{"code":-1,"message":"no"}}'));
    expect([error.kind, error.id]).toEqual(['response', '3']);
    expect(at(error.bytes, error.root, 'error', 'code')).toBe('-1');
  });

  test('an error that could not tell which request it answers has no id', () => {
    for (const text of [
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}',
      '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"}}',
    ]) {
      expect(readServerMessage(Buffer.from(text)).id).toBeUndefined();
    }
  });

  test('the order of members, space and escapes do not matter', () => {
    const message = readClientMessage(
      Buffer.from(
        ' { "params" : {"n\\u0061me":"t"} , "m\\u0065thod":"tools\\/call", "id":1, "json\\u0072pc" : "2\\u002e0" }\n',
      ),
    );
    expect([message.kind, message.method]).toEqual(['request', 'tools/call']);
    expect(message.params && at(message.bytes, message.params, 'name')).toBe('"t"');
  });

  for (const text of [
    '[]',
    '"ping"',
    'null',
    '{}',
    '{"id":1,"method":"ping"}',
    '{"jsonrpc":"1.0","id":1,"method":"ping"}',
    '{"jsonrpc":2.0,"id":1,"method":"ping"}',
    '{"jsonrpc":["2.0"],"id":1,"method":"ping"}',
    '{"jsonrpc":"2.00","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":null,"method":"ping"}',
    '{"jsonrpc":"2.0","id":true,"method":"ping"}',
    '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":7}',
    '{"jsonrpc":"2.0","id":1,"method":null}',
    '{"jsonrpc":"2.0","id":1,"method":""}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","id":1,"params":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}',
    '{"jsonrpc":"2.0","id":1,"result":{},"params":{}}',
    '{"jsonrpc":"2.0","result":{}}',
    '{"jsonrpc":"2.0","id":null,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"error":"no"}',
    '{"jsonrpc":"2.0","id":false,"error":{"code":1}}',
  ]) {
    test(`${text} is no message`, () => {
      expect(codeOf(() => readClientMessage(Buffer.from(text)))).toBe('message_invalid');
      expect(codeOf(() => readServerMessage(Buffer.from(text)))).toBe('message_invalid');
    });
  }

  for (const text of [
    '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"a","metho\\u0064":"b"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"a":1,"a":2}}}',
    '{"jsonrpc":"2.0","id":1,"method":"x","x":1,"x":2}',
  ]) {
    test(`${text} repeats a key`, () => {
      expect(codeOf(() => readClientMessage(Buffer.from(text)))).toBe('json_key_repeated');
    });
  }

  test('arguments of a tool are its own: a key repeated in them passes', () => {
    const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"x":2}}}';
    expect(codeOf(() => readClientMessage(Buffer.from(text)))).toBe('accepted');
  });
});

describe('what is captured', () => {
  test('of a client', () => {
    const bytes = Buffer.from(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'x',
        params: {
          name: 'n',
          uri: 'u',
          cursor: 'c',
          level: 'l',
          requestId: 7,
          progressToken: 'p',
          protocolVersion: 'v',
          capabilities: {
            roots: { listChanged: true },
            sampling: { context: {}, tools: {} },
            elicitation: { form: {}, url: {} },
            tasks: { list: {} },
            extensions: { 'io.modelcontextprotocol/ui': {} },
          },
          clientInfo: { name: 'cn', version: 'cv' },
          ref: { type: 'rt', name: 'rn', uri: 'ru' },
          argument: { name: 'a' },
          task: { ttl: 1 },
          taskId: 't',
          requestState: 's',
          inputResponses: {},
          notifications: {},
          _meta: { progressToken: 5, other: [1] },
        },
      }),
    );
    const { params } = readClientMessage(bytes);
    const read = (...path: string[]): string | undefined => params && at(bytes, params, ...path);
    expect(
      ['name', 'uri', 'cursor', 'level', 'requestId', 'progressToken', 'protocolVersion', 'argument'].map((name) =>
        read(name),
      ),
    ).toEqual(['"n"', '"u"', '"c"', '"l"', '7', '"p"', '"v"', '{"name":"a"}']);
    expect(['task', 'taskId', 'requestState', 'inputResponses', 'notifications'].map((name) => read(name))).toEqual([
      '{"ttl":1}',
      '"t"',
      '"s"',
      '{}',
      '{}',
    ]);
    expect(read('capabilities', 'roots', 'listChanged')).toBe('true');
    expect(read('capabilities', 'sampling', 'context')).toBe('{}');
    expect(read('capabilities', 'sampling', 'tools')).toBe('{}');
    expect(read('capabilities', 'elicitation', 'form')).toBe('{}');
    expect(read('capabilities', 'elicitation', 'url')).toBe('{}');
    expect(read('capabilities', 'tasks')).toBe('{"list":{}}');
    expect(read('capabilities', 'extensions', 'io.modelcontextprotocol/ui')).toBe('{}');
    expect(read('clientInfo', 'name')).toBe('"cn"');
    expect(read('clientInfo', 'version')).toBe('"cv"');
    expect([read('ref', 'type'), read('ref', 'name'), read('ref', 'uri')]).toEqual(['"rt"', '"rn"', '"ru"']);
    expect([read('_meta', 'progressToken'), read('_meta', 'other')]).toEqual(['5', '[1]']);
  });

  test('of a server: content blocks, one or several, and the blocks of a tool result', () => {
    const block = { type: 'resource', resource: { uri: 'a:1' } };
    for (const [content, count] of [
      [block, 1],
      [[block, block], 2],
    ] as const) {
      const bytes = Buffer.from(
        JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'sampling/createMessage',
          params: { messages: [{ content }] },
        }),
      );
      const found = readServerMessage(bytes).params?.member('messages')?.items[0]?.member('content');
      const blocks = found?.kind === 'array' ? found.items : found ? [found] : [];
      expect(blocks.map((each) => at(bytes, each, 'resource', 'uri'))).toEqual(Array(count).fill('"a:1"'));
    }
    const nested = Buffer.from(
      JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'tool_result', content: [block] }] } }),
    );
    const inner = readServerMessage(nested).root.member('result')?.member('content')?.items[0]?.member('content')
      ?.items[0];
    expect(inner && at(nested, inner, 'resource', 'uri')).toBe('"a:1"');
  });

  test('of a server: results', () => {
    const bytes = Buffer.from(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        result: {
          nextCursor: 'c',
          protocolVersion: 'v',
          capabilities: {
            tools: { listChanged: true },
            prompts: { listChanged: false },
            resources: { subscribe: true, listChanged: true },
            logging: {},
            completions: {},
            tasks: {},
            extensions: { 'io.modelcontextprotocol/ui': {} },
          },
          serverInfo: { name: 's' },
          instructions: 'i',
          resultType: 'r',
          ttlMs: 5,
          cacheScope: 'public',
          structuredContent: { a: 1 },
          contents: [{ uri: 'u' }],
          messages: [{ content: { type: 'resource_link', uri: 'w', name: 'n' } }],
          task: { taskId: 't' },
          _meta: { a: 1 },
        },
      }),
    );
    const result = readServerMessage(bytes).root.member('result');
    const read = (...path: string[]): string | undefined => result && at(bytes, result, ...path);
    expect(
      ['nextCursor', 'protocolVersion', 'instructions', 'resultType', 'structuredContent'].map((name) => read(name)),
    ).toEqual(['"c"', '"v"', '"i"', '"r"', '{"a":1}']);
    expect(read('capabilities', 'tools', 'listChanged')).toBe('true');
    expect(read('capabilities', 'prompts', 'listChanged')).toBe('false');
    expect(read('capabilities', 'resources', 'subscribe')).toBe('true');
    expect(read('capabilities', 'resources', 'listChanged')).toBe('true');
    expect(['logging', 'completions', 'tasks'].map((name) => read('capabilities', name))).toEqual(['{}', '{}', '{}']);
    expect(read('capabilities', 'extensions', 'io.modelcontextprotocol/ui')).toBe('{}');
    expect([read('ttlMs'), read('cacheScope')]).toEqual(['5', '"public"']);
    expect([read('serverInfo', 'name'), read('task', 'taskId'), read('_meta', 'a')]).toEqual(['"s"', '"t"', '1']);
    expect(result?.member('contents')?.items.map((item) => at(bytes, item, 'uri'))).toEqual(['"u"']);
    expect(result?.member('messages')?.items.map((item) => at(bytes, item, 'content', 'uri'))).toEqual(['"w"']);
  });

  test('of a server: errors and elicitation', () => {
    const error = Buffer.from(
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32042,"message":"m","data":{"uri":"u","elicitations":[{"url":"w"}]}}}',
    );
    const data = readServerMessage(error).root.member('error')?.member('data');
    expect(data && at(error, data, 'uri')).toBe('"u"');
    expect(data?.member('elicitations')?.items.map((item) => at(error, item, 'url'))).toEqual(['"w"']);
    const request = Buffer.from(
      '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"mode":"url","url":"w","message":"m","elicitationId":"e"}}',
    );
    const { params } = readServerMessage(request);
    expect(['mode', 'url', 'message', 'elicitationId'].map((name) => params && at(request, params, name))).toEqual([
      '"url"',
      '"w"',
      '"m"',
      '"e"',
    ]);
  });
});

describe('batches (2025-03-26)', () => {
  test('each element is given as its own bytes', () => {
    const elements = readBatch(Buffer.from(' [ {"a":1} ,2,\n"x"]'));
    expect(elements?.map(String)).toEqual(['{"a":1}', '2', '"x"']);
  });

  test('an object is no batch, and is not read', () => {
    for (const text of ['{"a":1}', ' {', '', '  ', '"["']) expect(readBatch(Buffer.from(text))).toBeUndefined();
  });

  test('an empty batch is invalid, and a broken one malformed', () => {
    expect(codeOf(() => readBatch(Buffer.from('[]')))).toBe('message_invalid');
    expect(codeOf(() => readBatch(Buffer.from('[{}')))).toBe('json_malformed');
  });

  test('100 messages are a batch, 101 are too many', () => {
    expect(readBatch(batch(100))).toHaveLength(100);
    expect(codeOf(() => readBatch(batch(101)))).toBe('message_invalid');
  });
});

describe('list results', () => {
  test('items come with what names them', () => {
    const bytes = Buffer.from(
      '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","title":"A","description":"d","inputSchema":{"type":"object"},' +
        '"outputSchema":{"type":"array"},"execution":{"taskSupport":"optional"},"_meta":{"ui":{"resourceUri":"ui://x"}}},' +
        '{"name":"b\\u0062"}],"nextCursor":"a\\nb"}}',
    );
    const { items, nextCursor, root } = readListResult(bytes, 'tools');
    const [one, two] = items;
    const [first, second] = [one?.found, two?.found];
    const part = one?.bytes ?? Buffer.alloc(0);
    expect(nextCursor).toBe('a\nb');
    expect(root.kind).toBe('object');
    expect(
      first && ['name', 'title', 'description', 'inputSchema', 'execution'].map((name) => at(part, first, name)),
    ).toEqual(['"a"', '"A"', '"d"', '{"type":"object"}', '{"taskSupport":"optional"}']);
    expect(first && at(part, first, 'outputSchema', 'type')).toBe('"array"');
    expect(first && at(part, first, '_meta', 'ui', 'resourceUri')).toBe('"ui://x"');
    const name = second?.member('name');
    expect(name && two && textOf(two.bytes, name)).toBe('bb');
  });

  test('an item that is no object, or names a member twice, is unreadable and costs no other', () => {
    const bytes = Buffer.from(
      '{"jsonrpc":"2.0","id":1,"result":{"tools":[null,1,{"name":"a","name":"b"}, {"name":"c"} ]}}',
    );
    const { items, left } = readListResult(bytes, 'tools');
    expect(items.map(({ bytes: part, found }) => found && at(part, found, 'name'))).toEqual([
      undefined,
      undefined,
      undefined,
      '"c"',
    ]);
    expect(left).toBe(0);
    const { items: two, left: others } = readListResult(bytes, 'tools', 2);
    expect([two.length, others]).toEqual([2, 2]);
  });

  test('a list of null is empty, and a cursor that is no text is odd', () => {
    const empty = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"tools":null,"nextCursor":7}}');
    expect(readListResult(empty, 'tools')).toMatchObject({ items: [], nextCursor: undefined, hasOddCursor: true });
  });

  test('every kind of list is read under its own member', () => {
    const lists = {
      tools: '[1]',
      prompts: '[]',
      resources: '[{"uri":"u"}]',
      resourceTemplates: '[{"uriTemplate":"t"}]',
    };
    const bytes = Buffer.from(
      `{"jsonrpc":"2.0","id":1,"result":{"prompts":${lists.prompts},"resources":${lists.resources},"resourceTemplates":${lists.resourceTemplates}}}`,
    );
    expect(readListResult(bytes, 'prompts').items).toEqual([]);
    expect(readListResult(bytes, 'resources').items.map(uriOf('uri'))).toEqual(['"u"']);
    expect(readListResult(bytes, 'resourceTemplates').items.map(uriOf('uriTemplate'))).toEqual(['"t"']);
    expect(readListResult(bytes, 'prompts').nextCursor).toBeUndefined();
  });

  test('a cursor of null is none', () => {
    const bytes = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":null}}');
    expect(readListResult(bytes, 'tools').nextCursor).toBeUndefined();
  });

  for (const text of [
    '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":[]}',
    '{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}',
    '{"jsonrpc":"2.0","id":1,"method":"x"}',
  ]) {
    test(`${text} is no list of tools`, () => {
      expect(codeOf(() => readListResult(Buffer.from(text), 'tools'))).toBe('message_invalid');
    });
  }
});

function uriOf(name: string) {
  return ({ bytes: part, found }: ListItem): string | undefined => found && at(part, found, name);
}
