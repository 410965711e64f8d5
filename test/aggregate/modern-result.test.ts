/** Responses for clients of revision 2026-07-28 (2026-07-28 basic/index §ResultType, server/utilities/caching). */
import { describe, expect, test } from 'vitest';

import { modernResult } from '../../src/aggregate/modern-result.ts';
import { outwardModernResult } from '../../src/aggregate/rewrite.ts';
import { GatewayError } from '../../src/errors.ts';
import { readServerMessage } from '../../src/protocol/envelope.ts';
import { anUpstream } from './an-upstream.ts';

const serverInfo = '{"name":"manifold","version":"1"}';
const meta = '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"manifold","version":"1"}}';

function shaped(method: string, member: 'result' | 'error', inner: string, uri?: string): string {
  const bytes = Buffer.from(`{"jsonrpc":"2.0","id":1,"${member}":${inner}}`);
  const answer = { method, serverInfo, uri, sealState: (state: string) => `sealed ${state}` };
  const whole = outwardModernResult(readServerMessage(bytes), anUpstream(), answer).toString();
  const head = `{"jsonrpc":"2.0","id":1,"${member}":`;
  expect(whole.startsWith(head)).toBe(true);
  return whole.slice(head.length, -1);
}

function faultOf(method: string, inner: string): string {
  try {
    return shaped(method, 'result', inner);
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

describe('a result', () => {
  test('says that it is complete and that it came from the gateway', () => {
    expect(shaped('tools/call', 'result', '{"content":[]}')).toBe(`{"resultType":"complete",${meta},"content":[]}`);
    expect(shaped('completion/complete', 'result', '{ }')).toBe(`{"resultType":"complete",${meta} }`);
  });

  test('of a modern server keeps what it says of itself, but for the name of the server', () => {
    expect(
      shaped(
        'tools/call',
        'result',
        '{"resultType":"complete","_meta":{"a":1.0,"io.modelcontextprotocol/serverInfo":{"name":"s","version":"9"}},"content":[]}',
      ),
    ).toBe(
      `{"resultType":"complete","_meta":{"a":1.0,"io.modelcontextprotocol/serverInfo":${serverInfo}},"content":[]}`,
    );
  });

  test('with a _meta that is no object gets one', () => {
    expect(shaped('prompts/get', 'result', '{"_meta":null,"messages":[]}')).toBe(
      `{"resultType":"complete",${meta},"messages":[]}`,
    );
  });

  for (const method of [
    'server/discover',
    'tools/list',
    'prompts/list',
    'resources/list',
    'resources/templates/list',
    'resources/read',
  ]) {
    test(`of ${method} without cache hints is not to be kept`, () => {
      expect(shaped(method, 'result', '{}')).toBe(`{"resultType":"complete","ttlMs":0,"cacheScope":"private",${meta}}`);
    });
  }

  for (const method of ['tools/call', 'prompts/get', 'completion/complete', 'subscriptions/listen']) {
    test(`of ${method} gets no cache hints`, () => {
      expect(shaped(method, 'result', '{}')).toBe(`{"resultType":"complete",${meta}}`);
    });
  }

  test('keeps cache hints that are valid, to the byte', () => {
    for (const hints of ['"ttlMs":0.0,"cacheScope":"public"', '"cacheScope":"private","ttlMs":6e4']) {
      expect(shaped('resources/read', 'result', `{${hints},"resultType":"complete",${meta}}`)).toBe(
        `{${hints},"resultType":"complete",${meta}}`,
      );
    }
  });

  for (const ttl of ['-1', '1.5', '9007199254740992', '1e400', '"60000"', 'null', '{}']) {
    test(`with a ttlMs of ${ttl} is not to be kept`, () => {
      expect(shaped('resources/read', 'result', `{"ttlMs":${ttl},"cacheScope":"public","resultType":"complete"}`)).toBe(
        `{${meta},"ttlMs":0,"cacheScope":"public","resultType":"complete"}`,
      );
    });
  }

  for (const scope of ['"PUBLIC"', '"shared"', '1', 'null']) {
    test(`with a cacheScope of ${scope} is for one authorization context`, () => {
      expect(shaped('resources/read', 'result', `{"ttlMs":5,"cacheScope":${scope},"resultType":"complete"}`)).toBe(
        `{${meta},"ttlMs":5,"cacheScope":"private","resultType":"complete"}`,
      );
    });
  }

  test('that asks for input has no cache hints', () => {
    const asking = '"resultType":"input_required","requestState":"s"';
    for (const method of ['tools/call', 'prompts/get', 'resources/read']) {
      expect(shaped(method, 'result', `{${asking}}`)).toBe(
        `{${meta},"resultType":"input_required","requestState":"sealed s"}`,
      );
    }
  });

  test('that is a task has no cache hints', () => {
    expect(shaped('tools/call', 'result', '{"resultType":"task","taskId":"t"}')).toBe(
      `{${meta},"resultType":"task","taskId":"t"}`,
    );
  });

  for (const [method, inner] of [
    ['completion/complete', '{"resultType":"input_required","requestState":"s"}'],
    ['tools/list', '{"resultType":"input_required","requestState":"s"}'],
    ['prompts/get', '{"resultType":"task","taskId":"t"}'],
    ['tasks/get', '{"resultType":"task","taskId":"t"}'],
    ['tools/call', '{"resultType":"Complete"}'],
    ['tools/call', '{"resultType":""}'],
    ['tools/call', '{"resultType":null}'],
    ['tools/call', '{"resultType":true}'],
    ['tools/call', '[]'],
    ['tools/call', '"done"'],
  ] as const) {
    test(`${inner} is no result of ${method} (2026-07-28 basic/index §ResultType)`, () => {
      expect(faultOf(method, inner)).toBe('upstream_malformed');
    });
  }
});

describe('an error', () => {
  test('for a resource that is not there has the code of this revision, and names the resource', () => {
    const error = '{"code":-32002,"message":"Resource not found","data":{"uri":"https://x/a"}}';
    expect(shaped('resources/read', 'error', error)).toBe(
      '{"code":-32602,"message":"Resource not found","data":{"uri":"https://x/a"}}',
    );
    expect(shaped('resources/read', 'error', '{"code":-32002,"message":"m"}', 'up+file:///a')).toBe(
      '{"data":{"uri":"up+file:///a"},"code":-32602,"message":"m"}',
    );
    expect(shaped('resources/read', 'error', '{"code":-32002,"message":"m"}')).toBe('{"code":-32602,"message":"m"}');
    expect(shaped('resources/read', 'error', '{"code":-32002,"message":"m","data":"a"}', 'up+file:///a')).toBe(
      '{"code":-32602,"message":"m","data":"a"}',
    );
  });

  for (const code of [-32000, -32001, -32003, -32019, -32020, -32021, -32022, -32042, -32050, -32099]) {
    test(`under code ${code} becomes an internal one with the original inside`, () => {
      expect(shaped('tools/call', 'error', `{"code":${code},"message":"m"}`)).toBe(
        `{"data":{"code":${code}},"code":-32603,"message":"m"}`,
      );
      expect(shaped('tools/call', 'error', `{"code":${code},"message":"m","data": [1.0] }`)).toBe(
        `{"code":-32603,"message":"m","data": {"code":${code},"data":[1.0]} }`,
      );
    });
  }

  for (const code of ['-32100', '-31999', '-32600', '-32601', '-32602', '-32603', '-32700', '-1', '0', '7', '1e400']) {
    test(`under code ${code} stays as it is`, () => {
      const error = `{"code":${code},"message":"m","data":{"x":1.0}}`;
      expect(shaped('tools/call', 'error', error)).toBe(error);
    });
  }

  test('without a code that is a number stays as it is', () => {
    for (const error of ['{}', '{"code":"-32000"}', '{"code":null,"message":"m"}']) {
      expect(shaped('tools/call', 'error', error)).toBe(error);
    }
  });
});

describe("a result of the gateway's own making", () => {
  test('says the same of itself', () => {
    expect(modernResult('{"completion":{}}', serverInfo).toString()).toBe(
      `{"resultType":"complete",${meta},"completion":{}}`,
    );
    expect(modernResult('{}', serverInfo).toString()).toBe(`{"resultType":"complete",${meta}}`);
  });

  test('says how long it counts and for whom, if it may be kept', () => {
    const page = Buffer.from('{"tools":[{"name":"é"}]}');
    expect(modernResult(page, serverInfo, { ttlMs: 300, cacheScope: 'public' }).toString()).toBe(
      `{"resultType":"complete","ttlMs":300,"cacheScope":"public",${meta},"tools":[{"name":"é"}]}`,
    );
  });
});
