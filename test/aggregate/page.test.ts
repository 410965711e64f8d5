import { describe, expect, test } from 'vitest';

import { memberOf, methodOf, renderPage } from '../../src/aggregate/page.ts';
import type { ListKind, Page } from '../../src/aggregate/page.ts';
import { anUpstream } from './an-upstream.ts';

const up = anUpstream();

function render(kind: ListKind, items: string, rest = '', upstream = up): Page {
  return renderPage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"${kind}":[${items}]${rest}}}`), kind, upstream);
}

describe('the lists of protocol.md A10', () => {
  for (const [kind, method] of [
    ['tools', 'tools/list'],
    ['prompts', 'prompts/list'],
    ['resources', 'resources/list'],
    ['resourceTemplates', 'resources/templates/list'],
  ] as const) {
    test(`${kind} are asked for by ${method}`, () => {
      expect(methodOf(kind)).toBe(method);
      expect(memberOf(kind)).toBe(kind);
    });
  }
});

describe('a page as clients get it (protocol.md D3)', () => {
  test('a tool gets its outward name, and nothing else of it changes', () => {
    const odd = '"title" : "T\\u0041" ,"n":12345678901234567890, "m": 1.0,"e":1e400, "x":{"name":"inner"}';
    const page = render('tools', `  { "na\\u006de" : "a\\/b" ,${odd} }  ,\n {"name":"c"} `);
    expect(page.body.toString()).toBe(`{ "na\\u006de" : "up__a/b" ,${odd} },{"name":"up__c"}`);
    expect(page).toMatchObject({ count: 2, keys: ['a/b', 'c'], nextCursor: undefined, hidden: 0 });
  });

  test('a tool says which calls it takes as tasks only where the client can make them (D9)', () => {
    const both =
      '{"name":"a","execution":{"taskSupport":"required"},"x":1},{"execution":{"x":1,"taskSupport":"optional"},"name":"b"}';
    expect(render('tools', both).body.toString()).toBe('{"name":"up__a","x":1},{"execution":{"x":1},"name":"up__b"}');
    const reply = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"tools":[${both}]}}`);
    const shown = renderPage(reply, 'tools', up, { illegal: new Set(), hinted: false, anySchema: false, tasks: true });
    expect(shown.body.toString()).toBe(both.replace('"a"', '"up__a"').replace('"b"', '"up__b"'));
  });

  test('a prompt gets its outward name', () => {
    const page = render('prompts', '{"name":"sum up","arguments":[{"name":"x"}]}');
    expect(page.body.toString()).toBe('{"name":"up__sum up","arguments":[{"name":"x"}]}');
  });

  test('a resource gets its outward URI and keeps its name', () => {
    const page = render('resources', '{"name":"n","uri":"file:///a"},{"uri":"https://x/"},{"uri":"ui://h/p"}');
    expect(page.body.toString()).toBe('{"name":"n","uri":"up+file:///a"},{"uri":"https://x/"},{"uri":"ui://up/h/p"}');
    expect(page.keys).toEqual(['file:///a', 'https://x/', 'ui://h/p']);
  });

  test('a resource template gets its outward URI template', () => {
    const page = render('resourceTemplates', '{"uriTemplate":"test://{id}","name":"n"}');
    expect(page.body.toString()).toBe('{"uriTemplate":"up+test://{id}","name":"n"}');
  });

  test('the resource of an MCP App is renamed under both of its keys, wherever they stand', () => {
    const page = render(
      'tools',
      '{"_meta":{"ui":{"x":1,"resourceUri":"ui://h/a"},"ui/resourceUri":"ui://h/a","y":2},"name":"t"}',
    );
    expect(page.body.toString()).toBe(
      '{"_meta":{"ui":{"x":1,"resourceUri":"ui://up/h/a"},"ui/resourceUri":"ui://up/h/a","y":2},"name":"up__t"}',
    );
  });

  test('an output schema whose root is not an object is left out (protocol.md D9)', () => {
    const page = render(
      'tools',
      '{"outputSchema":{"type":"array"},"name":"a"},{"name":"b","outputSchema":true},' +
        '{"name":"c","outputSchema":{"x":1,"type":"object"}},{"name":"d","outputSchema":{"type":["object"]},"z":1}',
    );
    expect(page.body.toString()).toBe(
      '{"name":"up__a"},{"name":"up__b"},{"name":"up__c","outputSchema":{"x":1,"type":"object"}},{"name":"up__d","z":1}',
    );
  });

  test('an output schema of any kind stays for clients that know such (D9)', () => {
    const items = '{"outputSchema":{"type":"array"},"name":"a"},{"name":"b","outputSchema":true}';
    const reply = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"tools":[${items}]}}`);
    const showing = { illegal: new Set<string>(), hinted: false, anySchema: true, tasks: false };
    expect(renderPage(reply, 'tools', up, showing).body.toString()).toBe(
      '{"outputSchema":{"type":"array"},"name":"up__a"},{"name":"up__b","outputSchema":true}',
    );
  });

  test('what an upstream says of its page counts where its era says such things (B9)', () => {
    const reply = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"tools":[],"ttlMs":7,"cacheScope":"public"}}');
    const showing = { illegal: new Set<string>(), hinted: true, anySchema: true, tasks: false };
    expect(renderPage(reply, 'tools', up, showing).stated).toEqual({ ttlMs: 7, isPublic: true });
    expect(renderPage(reply, 'tools', up).stated).toEqual({ ttlMs: undefined, isPublic: false });
  });

  test('an empty list is an empty page', () => {
    expect(render('tools', '')).toMatchObject({ count: 0, keys: [], hidden: 0, body: Buffer.alloc(0) });
  });

  test('the cursor is given as the upstream wrote it, the empty one too', () => {
    expect(render('tools', '', ',"nextCursor":"a\\u0062"').nextCursor).toBe('ab');
    expect(render('tools', '', ',"nextCursor":""').nextCursor).toBe('');
    expect(render('tools', '', ',"nextCursor":null').nextCursor).toBeUndefined();
  });
});

describe('what a page leaves out', () => {
  test('tools that a selector excludes are left out, and are no fault', () => {
    const upstream = anUpstream('up', { tools: { include: undefined, exclude: new Set(['b']) } });
    const page = render('tools', '{"name":"a"},{"name":"b"},{"name":"c"}', '', upstream);
    expect(page.body.toString()).toBe('{"name":"up__a"},{"name":"up__c"}');
    expect(page).toMatchObject({ count: 2, keys: ['a', 'c'], hidden: 0 });
  });

  test('items without a name, with an unusable name, or named again are left out and counted', () => {
    const page = render('tools', '{"title":"x"},{"name":7},{"name":""},{"name":"a b"},{"name":"a"},{"name":"\\u0061"}');
    expect(page.body.toString()).toBe('{"name":"up__a"}');
    expect(page.hidden).toBe(5);
    expect(page.hiddenBy).toEqual({ unnamed: 3, name: 1, repeated: 1, oversized: 0, illegal: 0 });
  });

  for (const [what, item] of [
    ['description of 16 KiB', (size: number) => `"description":"${'x'.repeat(size - 2)}"`],
    ['input schema of 256 KiB', (size: number) => `"inputSchema":{"x":"${'x'.repeat(16 * size - 8)}"}`],
    [
      'output schema of 256 KiB',
      (size: number) => `"outputSchema":{"type":"object","x":"${'x'.repeat(16 * size - 24)}"}`,
    ],
  ] as const) {
    test(`a tool may have a ${what}; one with a larger one is left out (security.md T22)`, () => {
      const fits = render('tools', `{"name":"a",${item(16 * 1024)}}`);
      expect(fits).toMatchObject({ count: 1, hidden: 0 });
      const exceeds = render('tools', `{"name":"a",${item(16 * 1024 + 1)}},{"name":"b"}`);
      expect(exceeds).toMatchObject({ keys: ['b'], hidden: 1 });
      expect(exceeds.hiddenBy.oversized).toBe(1);
    });
  }

  test('a page of 10,000 items is read, one of 10,001 is refused (security.md R11)', () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `{"name":"t${at}"}`);
    expect(render('tools', names.join()).count).toBe(10_000);
    expect(() => render('tools', [...names, '{"name":"x"}'].join())).toThrow('upstream_malformed: 10001 tools');
  });

  test('a cursor of 8,192 characters is read, a longer one is refused', () => {
    expect(render('tools', '', `,"nextCursor":"${'c'.repeat(8192)}"`).nextCursor).toHaveLength(8192);
    expect(() => render('tools', '', `,"nextCursor":"${'c'.repeat(8193)}"`)).toThrow('upstream_malformed');
  });
});

describe('answers that are no list', () => {
  for (const reply of [
    '',
    '{',
    '[]',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}',
    '{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}',
    '{"jsonrpc":"2.0","id":1,"result":{"tools":[1]}}',
    '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":1}}',
    '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","name":"b"}]}}',
    '{"jsonrpc":"2.0","id":1,"error":{"message":"no code"}}',
  ]) {
    test(`${reply === '' ? 'no bytes at all' : reply}: upstream_malformed`, () => {
      expect(() => renderPage(Buffer.from(reply), 'tools', up)).toThrow('upstream_malformed');
    });
  }

  test('a JSON-RPC error is upstream_refused, and its text goes nowhere', () => {
    const reply = Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"secret"}}');
    expect(() => renderPage(reply, 'tools', up)).toThrow(/^upstream_refused: error -32603 for tools$/);
  });

  test('an upstream without the method has an empty list: many declare resources and know no templates', () => {
    const reply = Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}');
    expect(renderPage(reply, 'resourceTemplates', up)).toMatchObject({ count: 0, nextCursor: undefined });
  });
});
