import { describe, expect, test } from 'vitest';

import {
  inwardCall,
  outwardModernResult,
  outwardNotification,
  outwardRequest,
  outwardResult,
  withId,
} from '../../src/aggregate/rewrite.ts';
import type { InwardTarget } from '../../src/aggregate/rewrite.ts';
import { readClientMessage, readServerMessage } from '../../src/protocol/envelope.ts';
import type { Message } from '../../src/protocol/envelope.ts';
import { anUpstream } from './an-upstream.ts';

const up = anUpstream('up', { name: 'My "up"' });

function fromServer(text: string): Message {
  return readServerMessage(Buffer.from(text));
}

function result(inner: string, revision = '2025-11-25'): string {
  const whole = outwardResult(fromServer(`{"jsonrpc":"2.0","id":1,"result":${inner}}`), up, revision).toString();
  expect(whole.startsWith('{"jsonrpc":"2.0","id":1,"result":')).toBe(true);
  return whole.slice('{"jsonrpc":"2.0","id":1,"result":'.length, -1);
}

describe('results on their way to the client', () => {
  test('a result with nothing to rewrite is the same Buffer', () => {
    const message = fromServer('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"file:///x"}]}}');
    expect(outwardResult(message, up, '2025-03-26')).toBe(message.bytes);
  });

  for (const [what, inner, outward] of [
    [
      'a resource link of a tool',
      '{"content":[{"type":"resource_link","uri":"file:///a","name":"a"}]}',
      '{"content":[{"type":"resource_link","uri":"up+file:///a","name":"a"}]}',
    ],
    [
      'an embedded resource of a tool',
      '{"content":[{"type":"text","text":"t"},{"type":"resource","resource":{"text":"x","uri":"file:///a"}}]}',
      '{"content":[{"type":"text","text":"t"},{"type":"resource","resource":{"text":"x","uri":"up+file:///a"}}]}',
    ],
    [
      'the contents of resources/read',
      '{"contents":[{"uri":"file:///a","text":"file:///a"},{"uri":"ui://h/x"}]}',
      '{"contents":[{"uri":"up+file:///a","text":"file:///a"},{"uri":"ui://up/h/x"}]}',
    ],
    [
      'the messages of prompts/get',
      '{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"file:///a"}}}]}',
      '{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"up+file:///a"}}}]}',
    ],
    [
      'the resource of an MCP App',
      '{"content":[],"_meta":{"a":1,"ui":{"b":{},"resourceUri":"ui://h"},"ui/resourceUri":"ui://h"}}',
      '{"content":[],"_meta":{"a":1,"ui":{"b":{},"resourceUri":"ui://up/h"},"ui/resourceUri":"ui://up/h"}}',
    ],
  ] as const) {
    test(`${what} is renamed`, () => {
      expect(result(inner)).toBe(outward);
    });
  }

  for (const inner of [
    '{"content":[{"type":"resource_link","uri":"https://x/"}]}',
    '{"content":[{"type":"custom","uri":"file:///a"}]}',
    '{"structuredContent":{"uri":"file:///a","content":[{"type":"resource_link","uri":"file:///a"}]}}',
    '{"content":[{"type":"resource","resource":{"uri":7}}],"contents":3,"messages":{},"_meta":{"ui":true}}',
    '{"content":"text"}',
    '[1,2]',
  ]) {
    test(`${inner} stays as it is`, () => {
      expect(result(inner)).toBe(inner);
    });
  }

  test('the URI in the data of an error is renamed', () => {
    const error = '{"jsonrpc":"2.0","error":{"code":-32002,"message":"m","data":{"uri":"file:///a"}},"id":1}';
    expect(outwardResult(fromServer(error), up, '2025-11-25').toString()).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32002,"message":"m","data":{"uri":"up+file:///a"}},"id":1}',
    );
  });

  test('the id can be replaced with the same splice', () => {
    const message = fromServer('{"result":{"contents":[{"uri":"a:b"}]},"jsonrpc":"2.0","id":"gw-1"}');
    expect(outwardResult(message, up, '2025-11-25', '12345678901234567890').toString()).toBe(
      '{"result":{"contents":[{"uri":"up+a:b"}]},"jsonrpc":"2.0","id":12345678901234567890}',
    );
  });
});

describe('what a client of an older revision does not know', () => {
  test('2025-03-26 gets resource links as text, whatever else the block holds', () => {
    expect(
      result(
        '{"content":[{"type":"resource_link","resource":{"uri":"x:y"},"uri":"file:///a","name":"A \\"b\\""},' +
          '{"uri":"file:///c","type":"resource_link"}]}',
        '2025-03-26',
      ),
    ).toBe('{"content":[{"type":"text","text":"A \\"b\\": up+file:///a"},{"type":"text","text":"up+file:///c"}]}');
  });

  test('2025-06-18 gets resource links', () => {
    expect(result('{"content":[{"type":"resource_link","uri":"a:b"}]}', '2025-06-18')).toBe(
      '{"content":[{"type":"resource_link","uri":"up+a:b"}]}',
    );
  });

  for (const [inner, outward] of [
    ['{"resultType":"complete","content":[]}', '{"content":[]}'],
    ['{"content":[],"structuredContent":[1]}', '{"content":[]}'],
    ['{"resultType":"complete" , "structuredContent":null}', '{}'],
    [
      '{"structuredContent":{"a":1.0},"resultType":"x","content":[{"type":"resource_link","uri":"a:b"}]}',
      '{"structuredContent":{"a":1.0},"content":[{"type":"resource_link","uri":"up+a:b"}]}',
    ],
  ] as const) {
    test(`of ${inner} a session-era client gets ${outward}`, () => {
      expect(result(inner)).toBe(outward);
    });
  }

  for (const [inner, outward] of [
    ['{"ttlMs":1,"contents":[],"cacheScope":"public"}', '{"contents":[]}'],
    ['{"resultType":"complete", "a":1,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}', '{"a":1}'],
    [
      '{"_meta":{"b":1.0,"io.modelcontextprotocol/serverInfo":{},"io.modelcontextprotocol/subscriptionId":2}}',
      '{"_meta":{"b":1.0}}',
    ],
    [
      '{"_meta":{"io.modelcontextprotocol/serverInfo":{},"ui":{"resourceUri":"ui://h"}},"resultType":"complete"}',
      '{"_meta":{"ui":{"resourceUri":"ui://up/h"}}}',
    ],
  ] as const) {
    test(`of ${inner} it gets neither cache hints nor the name of the server behind: ${outward}`, () => {
      expect(result(inner)).toBe(outward);
    });
  }

  test('what 2025-11-25 itself reserves in _meta stays', () => {
    const inner = '{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}';
    expect(result(inner)).toBe(inner);
  });
});

describe('what a client of revision 2026-07-28 gets', () => {
  const answer = {
    method: 'tools/call',
    serverInfo: '{"name":"manifold","version":"1"}',
    sealState: (state: string) => `sealed ${state}`,
  };

  test('links, structured content of any kind and outward URIs, under its own id and in one splice', () => {
    const message = fromServer(
      '{"id":"gw-1","result":{"structuredContent":[1.0],"resultType":"complete","_meta":{"ui":{"resourceUri":"ui://h"}},' +
        '"content":[{"type":"resource_link","uri":"a:b"}]},"jsonrpc":"2.0"}',
    );
    expect(outwardModernResult(message, up, answer, '7').toString()).toBe(
      '{"id":7,"result":{"structuredContent":[1.0],"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":' +
        '{"name":"manifold","version":"1"},"ui":{"resourceUri":"ui://up/h"}},' +
        '"content":[{"type":"resource_link","uri":"up+a:b"}]},"jsonrpc":"2.0"}',
    );
  });

  test('an error about a resource by its outward URI', () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"m","data":{"x":1.0,"uri":"file:///a"}}}';
    expect(outwardModernResult(fromServer(error), up, { ...answer, method: 'resources/read' }).toString()).toBe(
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m","data":{"x":1.0,"uri":"up+file:///a"}}}',
    );
  });

  test('the whole of the data of an error under a code it may not be sent, with outward URIs', () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"data":{"uri":"file:///a"},"message":"m","code":-32000.0}}';
    expect(outwardModernResult(fromServer(error), up, answer).toString()).toBe(
      '{"jsonrpc":"2.0","id":1,"error":{"data":{"code":-32000.0,"data":{"uri":"up+file:///a"}},"message":"m","code":-32603}}',
    );
  });
});

describe('notifications on their way to the client', () => {
  test('resources/updated names the outward URI', () => {
    const text = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"x":1.0,"uri":"file:///a"}}';
    expect(outwardNotification(fromServer(text), up).toString()).toBe(text.replace('file:', 'up+file:'));
  });

  test('any other is the same Buffer', () => {
    const message = fromServer('{"jsonrpc":"2.0","method":"notifications/message","params":{"uri":"file:///a"}}');
    expect(outwardNotification(message, up)).toBe(message.bytes);
  });
});

describe('requests on their way to the client', () => {
  test('a sealed id and a sealed progress token take the place of those of the upstream', () => {
    const message = fromServer(
      '{"jsonrpc":"2.0","id":7,"method":"roots/list","params":{"_meta":{"progressToken":7,"x":1e400}}}',
    );
    expect(outwardRequest(message, up, 'sealed"id', 'sealed token').toString()).toBe(
      '{"jsonrpc":"2.0","id":"sealed\\"id","method":"roots/list","params":{"_meta":{"progressToken":"sealed token","x":1e400}}}',
    );
  });

  test('a request without params or token gets neither', () => {
    const message = fromServer('{"method":"ping","id":"a","jsonrpc":"2.0"}');
    expect(outwardRequest(message, up, 's', 't').toString()).toBe('{"method":"ping","id":"s","jsonrpc":"2.0"}');
  });

  test('sampling messages name outward URIs, tool results inside them too', () => {
    const text =
      '{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"messages":[' +
      '{"role":"user","content":{"type":"resource_link","uri":"a:b"}},' +
      '{"role":"user","content":[{"type":"tool_result","toolUseId":"1","content":[{"type":"resource_link","uri":"a:b"}]},' +
      '{"type":"resource_link","uri":"a:b"}]}]}}';
    expect(outwardRequest(fromServer(text), up, 's').toString()).toBe(text.replaceAll('a:b', 'up+a:b'));
  });

  test('an elicitation says which upstream asks, and keeps the spelling of its message', () => {
    const message = fromServer(
      '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"\\u0041sk","requestedSchema":{"n":1.0}}}',
    );
    expect(outwardRequest(message, up, 's').toString()).toBe(
      '{"jsonrpc":"2.0","id":"s","method":"elicitation/create","params":{"message":"[My \\"up\\"] \\u0041sk","requestedSchema":{"n":1.0}}}',
    );
  });

  for (const url of ['https://x/?a=%2f', 'http://x', 'HTTPS://X']) {
    test(`an elicitation may lead to ${url}, which stays as it is`, () => {
      const text = `{"jsonrpc":"2.0","id":"s","method":"elicitation/create","params":{"mode":"url","url":"${url}"}}`;
      expect(outwardRequest(fromServer(text), up, 's').toString()).toBe(text);
    });
  }

  for (const params of [
    '{"mode":"url","url":"javascript:alert(1)"}',
    '{"mode":"url","url":" javascript:alert(1)"}',
    '{"mode":"url","url":"java\\tscript:alert(1)"}',
    '{"mode":"url","url":"data:text/html,x"}',
    '{"mode":"url","url":"file:///etc/passwd"}',
    '{"mode":"url","url":"/relative"}',
    '{"mode":"url","url":7}',
    '{"mode":"url"}',
    '{"mode":"\\u0075rl","url":"file:///x"}',
    '{"url":"file:///x"}',
  ]) {
    test(`an elicitation with ${params} is refused`, () => {
      const message = fromServer(`{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":${params}}`);
      expect(() => outwardRequest(message, up, 's')).toThrow('upstream_malformed');
    });
  }

  test('the elicitations of URLElicitationRequiredError are labelled and checked alike', () => {
    const good =
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32042,"message":"m","data":{"elicitations":[' +
      '{"mode":"url","elicitationId":"e","url":"https://x/","message":"go"}]}}}';
    expect(outwardResult(fromServer(good), up, '2025-11-25').toString()).toBe(
      good.replace('"go"', String.raw`"[My \"up\"] go"`),
    );
    const bad = good.replace('{"mode"', '{"url":"javascript:0"},{"mode"');
    expect(() => outwardResult(fromServer(bad), up, '2025-11-25')).toThrow('upstream_malformed');
  });
});

function inward(text: string, target: InwardTarget): string {
  return inwardCall(readClientMessage(Buffer.from(text)), target).toString();
}

describe('requests on their way to the upstream', () => {
  test('the upstream reads its own tool name; arguments arrive as they were', () => {
    const call =
      '{ "jsonrpc":"2.0","id":12345678901234567890,"method":"tools/call",' +
      String.raw`"params":{"name":"up__a\u002fb","arguments":{"n":1.0,"e":1e400,"s":"\u00e9\/"}}}`;
    expect(inward(call, { name: 'a/b' })).toBe(call.replace(String.raw`"up__a\u002fb"`, '"a/b"'));
  });

  test('the upstream reads its own URI', () => {
    const read = '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"up+file:///a"}}';
    expect(inward(read, { uri: 'file:///a' })).toBe(read.replace('up+', ''));
  });

  test('the upstream reads its own names and URIs in the reference of a completion', () => {
    const prompt =
      '{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"up__p"},"argument":1}}';
    expect(inward(prompt, { refName: 'p' })).toBe(prompt.replace('up__', ''));
    const template = prompt.replace('"name":"up__p"', '"uri":"up+a:{b}"');
    expect(inward(template, { refUri: 'a:{b}' })).toBe(template.replace('up+', ''));
  });

  test('on shared sessions id and progress token are replaced with the same splice', () => {
    expect(
      inward('{"params":{"_meta":{"progressToken":1},"name":"up__a"},"id":1,"method":"tools/call","jsonrpc":"2.0"}', {
        name: 'a',
        id: '"gw-1"',
        progressToken: '77',
      }),
    ).toBe('{"params":{"_meta":{"progressToken":77},"name":"a"},"id":"gw-1","method":"tools/call","jsonrpc":"2.0"}');
  });

  test('a call that already says what it should is the same Buffer', () => {
    const message = readClientMessage(
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\\u0062"}}'),
    );
    expect(inwardCall(message, { name: 'ab', id: '1' })).toBe(message.bytes);
  });

  for (const params of ['', ',"params":{}', ',"params":{"name":7}', ',"params":{"ref":{"name":"x"}}']) {
    test(`a call with ${params === '' ? 'no params' : params} has no name to replace: params_invalid`, () => {
      expect(() => inward(`{"jsonrpc":"2.0","id":1,"method":"tools/call"${params}}`, { name: 'a' })).toThrow(
        'params_invalid',
      );
    });
  }
});

describe('replacing an id', () => {
  for (const [id, other] of [
    ['1', '"1"'],
    ['"a\\u0062"', '12345678901234567890'],
    ['1.0', '1'],
  ] as const) {
    test(`${id} becomes ${other}, and nothing else changes`, () => {
      const text = ` {"result" : {"id":1} ,"id" : ${id} , "jsonrpc":"2.0"}`;
      expect(withId(fromServer(text), other).toString()).toBe(
        ` {"result" : {"id":1} ,"id" : ${other} , "jsonrpc":"2.0"}`,
      );
    });
  }

  test('a message without an id stays without', () => {
    const message = fromServer('{"jsonrpc":"2.0","method":"x"}');
    expect(withId(message, '1')).toBe(message.bytes);
  });
});

const contents = (uri: string): string =>
  `{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"${uri}","text":"t"}]}}`;

describe('a resource that is answered as it was asked for', () => {
  test('a bare URI stays bare, a prefixed one gets its prefix, and another is what it always is', () => {
    const answered = (uri: string, asked: string, upstream = up): string =>
      outwardResult(fromServer(contents(uri)), upstream, '2025-11-25', undefined, asked).toString();
    expect(answered('file:///a', 'file:///a')).toBe(contents('file:///a'));
    expect(answered('file:///a', 'up+file:///a')).toBe(contents('up+file:///a'));
    expect(answered('file:///a', 'file:///b')).toBe(contents('up+file:///a'));
    const only = anUpstream('up', { isOnly: true });
    expect(answered('file:///a', 'up+file:///a', only)).toBe(contents('up+file:///a'));
    expect(answered('file:///a', 'file:///b', only)).toBe(contents('file:///a'));
  });

  test('so is an error about it, and an update of it', () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"m","data":{"uri":"file:///a"}}}';
    expect(outwardResult(fromServer(error), up, '2025-11-25', undefined, 'file:///a').toString()).toBe(error);
    const update = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}';
    expect(outwardNotification(fromServer(update), up, 'file:///a').toString()).toBe(update);
  });
});

test('the only upstream of a route asks as it does: no other could be meant', () => {
  const asking =
    '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"Sure?","requestedSchema":{}}}';
  const only = anUpstream('up', { isOnly: true });
  expect(outwardRequest(fromServer(asking), only, 'sealed').toString()).toBe(asking.replace('"id":1', '"id":"sealed"'));
});
