import { describe, expect, test } from 'vitest';

import { memberOf, methodOf, renderPage } from '../../src/aggregate/page.ts';
import type { ListKind, Page } from '../../src/aggregate/page.ts';
import { anUpstream } from './an-upstream.ts';

/** Names as the specification has them, so that each test shows what it is about. */
const naming = { ...anUpstream().naming, charset: 'any' } as const;
const up = anUpstream('up', { naming });
/** What a tool has to have; it stands behind what a test is about. */
const schema = '"inputSchema":{"type":"object"}';

function render(kind: ListKind, items: string, rest = '', upstream = up): Page {
  return renderPage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"${kind}":[${items}]${rest}}}`), kind, upstream);
}

describe('the four lists of a server', () => {
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

describe('a page as clients get it', () => {
  test('a tool gets its outward name, and nothing else of it changes', () => {
    const odd = '"title" : "T\\u0041" ,"n":12345678901234567890, "m": 1.0,"e":1e400, "x":{"name":"inner"}';
    const page = render('tools', `  { "na\\u006de" : "a\\/b" ,${odd}, ${schema} }  ,\n {"name":"c",${schema}} `);
    expect(page.body.toString()).toBe(`{ "na\\u006de" : "up__a/b" ,${odd}, ${schema} },{"name":"up__c",${schema}}`);
    expect(page).toMatchObject({ count: 2, keys: ['a/b', 'c'], nextCursor: undefined, hidden: 0 });
  });

  test('a tool says which calls it takes as tasks only where the client can make them', () => {
    const both =
      `{"name":"a","execution":{"taskSupport":"required"},${schema}},` +
      `{"execution":{"x":1,"taskSupport":"optional"},"name":"b",${schema}}`;
    expect(render('tools', both).body.toString()).toBe(
      `{"name":"up__a",${schema}},{"execution":{"x":1},"name":"up__b",${schema}}`,
    );
    const reply = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"tools":[${both}]}}`);
    const shown = renderPage(reply, 'tools', up, { illegal: new Set(), hinted: false, anySchema: false, tasks: true });
    expect(shown.body.toString()).toBe(both.replace('"a"', '"up__a"').replace('"b"', '"up__b"'));
  });

  test('that a tool takes no call as a task is told to every client', () => {
    const tool = `{"name":"a","execution":{"taskSupport":"forbidden"},${schema}}`;
    expect(render('tools', tool).body.toString()).toBe(tool.replace('"a"', '"up__a"'));
  });

  test('a prompt gets its outward name', () => {
    const page = render('prompts', '{"name":"sum up","arguments":[{"name":"x"}]}');
    expect(page.body.toString()).toBe('{"name":"up__sum up","arguments":[{"name":"x"}]}');
  });

  test('a resource gets its outward URI and keeps its name', () => {
    const page = render(
      'resources',
      '{"name":"n","uri":"file:///a"},{"name":"n","uri":"https://x/"},{"name":"n","uri":"ui://h/p"}',
    );
    expect(page.body.toString()).toBe(
      '{"name":"n","uri":"up+file:///a"},{"name":"n","uri":"https://x/"},{"name":"n","uri":"ui://up/h/p"}',
    );
    expect(page.keys).toEqual(['file:///a', 'https://x/', 'ui://h/p']);
  });

  test('a resource template gets its outward URI template', () => {
    const page = render('resourceTemplates', '{"uriTemplate":"test://{id}","name":"n"}');
    expect(page.body.toString()).toBe('{"uriTemplate":"up+test://{id}","name":"n"}');
  });

  test('the resource of an MCP App is renamed under both of its keys, wherever they stand', () => {
    const page = render(
      'tools',
      `{"_meta":{"ui":{"x":1,"resourceUri":"ui://h/a"},"ui/resourceUri":"ui://h/a","y":2},"name":"t",${schema}}`,
    );
    expect(page.body.toString()).toBe(
      `{"_meta":{"ui":{"x":1,"resourceUri":"ui://up/h/a"},"ui/resourceUri":"ui://up/h/a","y":2},"name":"up__t",${schema}}`,
    );
  });

  test('an output schema whose root is not an object is left out', () => {
    const page = render(
      'tools',
      `{"outputSchema":{"type":"array"},"name":"a",${schema}},{"name":"b",${schema},"outputSchema":true},` +
        `{"name":"c",${schema},"outputSchema":{"x":1,"type":"object"}},{"name":"d","outputSchema":{"type":["object"]},${schema}}`,
    );
    expect(page.body.toString()).toBe(
      `{"name":"up__a",${schema}},{"name":"up__b",${schema}},` +
        `{"name":"up__c",${schema},"outputSchema":{"x":1,"type":"object"}},{"name":"up__d",${schema}}`,
    );
    expect(page.mended).toBe(0);
  });

  test('an output schema of any kind stays for clients that know such', () => {
    const items = `{"outputSchema":{"type":"array"},"name":"a",${schema}},{"name":"b",${schema},"outputSchema":{"anyOf":[true]}}`;
    const reply = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"tools":[${items}]}}`);
    const showing = { illegal: new Set<string>(), hinted: false, anySchema: true, tasks: false };
    expect(renderPage(reply, 'tools', up, showing).body.toString()).toBe(
      items.replace('"a"', '"up__a"').replace('"b"', '"up__b"'),
    );
  });

  test('what an upstream says of its page counts where its era says such things', () => {
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

const ofInputSchema = (size: number): string =>
  `{"name":"a","inputSchema":{"type":"object","x":"${'x'.repeat(size - 24)}"}}`;

const ofOutputSchema = (size: number): string =>
  `{"name":"a",${schema},"outputSchema":{"type":"object","x":"${'x'.repeat(size - 24)}"}}`;

const largeTool = (at: number): string =>
  `{"name":"t${at}",${schema},"outputSchema":{"type":"object","x":"${'x'.repeat(256 * 1024 - 24)}"}}`;

const described = (text: string): string => `{"name":"a","description":"${text}",${schema}}`;

const resource = (size: number): string => `{"name":"n","uri":"a:${'x'.repeat(size - 2)}"}`;

describe('what a page leaves out', () => {
  test('tools that a selector excludes are left out, and are no fault', () => {
    const upstream = anUpstream('up', { tools: { include: undefined, exclude: new Set(['b']) } });
    const three = `{"name":"a",${schema}},{"name":"b",${schema}},{"name":"c",${schema}}`;
    const page = render('tools', three, '', upstream);
    expect(page.body.toString()).toBe(`{"name":"up__a",${schema}},{"name":"up__c",${schema}}`);
    expect(page).toMatchObject({ count: 2, keys: ['a', 'c'], hidden: 0 });
  });

  test('items without a name, with an unusable name, or named again are left out and counted', () => {
    const page = render(
      'tools',
      `{"title":"x"},{"name":7},{"name":""},{"name":"a b"},{"name":"a",${schema}},{"name":"\\u0061"},null,1,{"name":"c","name":"d"}`,
    );
    expect(page.body.toString()).toBe(`{"name":"up__a",${schema}}`);
    expect(page.hidden).toBe(8);
    expect(page.hiddenBy).toEqual({ unreadable: 3, unnamed: 3, name: 1, repeated: 1, oversized: 0, illegal: 0 });
  });

  test('a tool may have an input schema of 256 KiB; one with a larger one is left out', () => {
    expect(render('tools', ofInputSchema(256 * 1024))).toMatchObject({ count: 1, hidden: 0, mended: 0 });
    const exceeds = render('tools', `${ofInputSchema(256 * 1024 + 1)},{"name":"b"}`);
    expect(exceeds).toMatchObject({ keys: ['b'], hidden: 1 });
    expect(exceeds.hiddenBy.oversized).toBe(1);
  });

  test('a tool may have an output schema of 256 KiB; one with a larger one is shown without it', () => {
    expect(render('tools', ofOutputSchema(256 * 1024))).toMatchObject({ count: 1, mended: 0 });
    const page = render('tools', ofOutputSchema(256 * 1024 + 1));
    expect(page.body.toString()).toBe(`{"name":"up__a",${schema}}`);
    expect(page.mendedBy.outputSchema).toBe(1);
  });

  test('of the output schemas of a page 2 MiB are looked into; tools beyond it are shown without theirs', () => {
    const page = render('tools', Array.from({ length: 9 }, (_, at) => largeTool(at)).join());
    expect(page).toMatchObject({ count: 9, mended: 1 });
  });

  test('a description may have 16 KiB; of a longer one its beginning is shown, cut between characters', () => {
    expect(render('tools', described('x'.repeat(16 * 1024 - 2)))).toMatchObject({ count: 1, mended: 0 });
    for (const letter of ['x', 'ü', '\\n', '\u{1F600}']) {
      const page = render('tools', described(letter.repeat(16 * 1024)));
      const { description } = JSON.parse(page.body.toString()) as { description: string };
      expect(page).toMatchObject({ count: 1, mended: 1, hidden: 0 });
      expect(page.mendedBy.description).toBe(1);
      expect(Buffer.byteLength(JSON.stringify(description))).toBeLessThanOrEqual(16 * 1024);
      expect(Buffer.byteLength(JSON.stringify(description))).toBeGreaterThan(15 * 1024);
      expect(description.endsWith(' [cut here by the gateway]')).toBe(true);
      expect(description.isWellFormed()).toBe(true);
    }
  });

  test('a URI may have 4,096 bytes; a resource with a longer one is left out', () => {
    expect(render('resources', resource(4096)).count).toBe(1);
    expect(render('resources', resource(4097)).hiddenBy.name).toBe(1);
    expect(render('resources', resource(100_000)).hiddenBy.name).toBe(1);
  });

  test('of a page of more than 10,000 items the first 10,000 are shown, and the list ends there', () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `{"name":"t${at}"}`);
    expect(render('tools', names.join(), ',"nextCursor":"x"')).toMatchObject({
      count: 10_000,
      left: 0,
      nextCursor: 'x',
    });
    const page = render('tools', [...names, '{"name":"x"}', 'null'].join(), ',"nextCursor":"x"');
    expect(page).toMatchObject({ count: 10_000, left: 2, cut: 'items', nextCursor: undefined });
  });

  test('a page of more items than one scan may remember is cut as well', () => {
    expect(render('tools', `{"name":"a"},${Array.from({ length: 300_000 }, () => '0').join()}`)).toMatchObject({
      keys: ['a'],
      left: 290_001,
    });
  });

  test('a cursor of 8,192 characters is read; behind a longer one, or one that is no text, the list ends', () => {
    expect(render('tools', '', `,"nextCursor":"${'c'.repeat(8192)}"`).nextCursor).toHaveLength(8192);
    for (const cursor of [`"${'c'.repeat(8193)}"`, '1', '{}'])
      expect(render('tools', `{"name":"a"}`, `,"nextCursor":${cursor}`)).toMatchObject({
        keys: ['a'],
        cut: 'cursor',
        nextCursor: undefined,
      });
  });

  test('what is kept of a page is memory of its own, and no part of a larger piece', () => {
    const { body } = render('tools', `{"name":"a",${schema}}`);
    expect(body.buffer.byteLength).toBe(body.length);
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
    '{"jsonrpc":"2.0","id":1,"error":{"message":"no code"}}',
  ]) {
    test(`${reply === '' ? 'no bytes at all' : reply}: upstream_malformed`, () => {
      expect(() => renderPage(Buffer.from(reply), 'tools', up)).toThrow('upstream_malformed');
    });
  }

  test('a list of null is empty, as servers write it whose lists are pointers', () => {
    const reply = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"tools":null}}');
    expect(renderPage(reply, 'tools', up)).toMatchObject({ count: 0, hidden: 0 });
  });

  test('a JSON-RPC error is upstream_refused, and its text goes nowhere', () => {
    const reply = Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"secret"}}');
    expect(() => renderPage(reply, 'tools', up)).toThrow(/^upstream_refused: error -32603 for tools$/);
  });

  test('an upstream without the method has an empty list: many declare resources and know no templates', () => {
    const reply = Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}');
    expect(renderPage(reply, 'resourceTemplates', up)).toMatchObject({ count: 0, nextCursor: undefined });
  });
});
