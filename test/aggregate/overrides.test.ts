/** What an operator changes about tools, in lists and calls alike. */
import { describe, expect, test } from 'vitest';
import { outwardName } from '../../src/aggregate/names.ts';
import { argumentEdits, hasRenamed, headersShown, ownToolName } from '../../src/aggregate/overrides.ts';
import { renderPage } from '../../src/aggregate/page.ts';
import { inwardCall } from '../../src/aggregate/rewrite.ts';
import { decide, isSelective } from '../../src/aggregate/selectors.ts';
import type { ToolOverride, UpstreamConfig } from '../../src/config/model.ts';
import { readClientMessage } from '../../src/protocol/envelope.ts';
import { anUpstream } from './an-upstream.ts';

type Arguments = NonNullable<ToolOverride['arguments']>;

function having(overrides: Readonly<Record<string, ToolOverride>>): UpstreamConfig {
  return anUpstream('up', { overrides: new Map(Object.entries(overrides)) });
}

function changing(changed: Readonly<Record<string, { preset?: number | string; hidden?: boolean }>>): Arguments {
  return new Map(Object.entries(changed).map(([name, each]) => [name, { hidden: false, ...each }]));
}

function listed(upstream: UpstreamConfig, ...tools: readonly string[]): string {
  const reply = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"tools":[${tools.join()}]}}`);
  return renderPage(reply, 'tools', upstream).body.toString();
}

function sent(changed: Arguments, params: string): string {
  const message = readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`));
  const { params: inner = '' } = JSON.parse(inwardCall(message, { changed }).toString()) as { params?: unknown };
  return JSON.stringify(inner);
}

describe('a renamed tool', () => {
  const upstream = having({ old: { rename: 'new' }, a: { rename: 'b' }, b: { rename: 'a' }, kept: {} });

  test('has its new name alone', () => {
    expect(['new', 'old', 'a', 'b', 'kept', 'other'].map((name) => ownToolName(upstream, name))).toEqual([
      'old',
      undefined,
      'b',
      'a',
      'kept',
      'other',
    ]);
    expect(outwardName(upstream, 'old')).toBe('up__new');
    expect([hasRenamed(upstream), isSelective(upstream, 'tool'), isSelective(upstream, 'prompt')]).toEqual([
      true,
      true,
      false,
    ]);
    expect([hasRenamed(having({ kept: {} })), isSelective(having({ kept: {} }), 'tool')]).toEqual([false, false]);
  });

  test('takes the name from a tool that has it by itself', () => {
    const tools = ['new', 'old', 'a', 'b'].map((name) => `{"name":"${name}","inputSchema":{"type":"object"}}`);
    const shown = (JSON.parse(`[${listed(upstream, ...tools)}]`) as { name: string }[]).map(({ name }) => name);
    expect(shown).toEqual(['up__new', 'up__b', 'up__a']);
    expect([decide(upstream, 'tool', 'new'), decide(upstream, 'tool', 'old')]).toEqual([false, true]);
  });

  test('is chosen by selectors under the name that the upstream gives it', () => {
    const selecting = { ...upstream, tools: { include: new Set(['old']), exclude: new Set<string>() } };
    expect([decide(selecting, 'tool', 'old'), decide(selecting, 'tool', 'new')]).toEqual([true, false]);
  });

  test('may get a name that fits where its own does not', () => {
    const long = 'x'.repeat(200);
    expect(decide(having({}), 'tool', long)).toBe(false);
    expect(decide(having({ [long]: { rename: 'short' } }), 'tool', long)).toBe(true);
  });
});

describe('what is said of a tool', () => {
  const said = having({
    t: { title: 'T', description: 'new "words"', annotations: { readOnlyHint: true, title: 'Hint' } },
  });
  const schema = '"inputSchema":{"type":"object"}';

  test('replaces what the upstream says, and the rest stays byte for byte', () => {
    expect(
      listed(said, `{"name":"t", "x":1.0,"description":"old","annotations":{"readOnlyHint":false,"y":2},${schema}}`),
    ).toBe(
      `{"title":"T","name":"up__t", "x":1.0,"description":"new \\"words\\"","annotations":{"title":"Hint","readOnlyHint":true,"y":2},${schema}}`,
    );
  });

  test('is said where the upstream says nothing', () => {
    expect(JSON.parse(listed(said, `{"name":"t",${schema},"annotations":null}`))).toEqual({
      name: 'up__t',
      title: 'T',
      description: 'new "words"',
      annotations: { readOnlyHint: true, title: 'Hint' },
      inputSchema: { type: 'object' },
    });
    expect(listed(said, `{"name":"u",${schema}}`)).toBe(`{"name":"up__u",${schema}}`);
  });
});

describe('arguments that are not the client’s', () => {
  const changed = changing({ p: { preset: 'me' }, h: { hidden: true } });
  const upstream = having({ t: { arguments: changed } });

  test('are not in the schema, wherever it speaks of them, and its numbers keep their digits', () => {
    const schema = {
      type: 'object',
      properties: { p: {}, q: { maximum: 1 }, h: { properties: { q: {} } } },
      required: ['p', 'h'],
      dependentRequired: { p: ['q'], q: ['h'] },
      dependentSchemas: { h: { required: ['q'] }, q: { required: ['p', 'q'] } },
      anyOf: [{ required: ['q'] }, { required: ['p', 'q'], properties: { p: { const: 1 } } }],
      if: { properties: { h: {} } },
    };
    const text = JSON.stringify(schema).replace('"maximum":1', '"maximum":9007199254740993');
    const body = listed(upstream, `{"name":"t","inputSchema":${text}}`);
    expect(body).toContain('9007199254740993');
    expect((JSON.parse(body) as { inputSchema: unknown }).inputSchema).toEqual({
      type: 'object',
      properties: { q: { maximum: 9007199254740992 } },
      dependentRequired: { q: [] },
      dependentSchemas: { q: { required: ['q'] } },
      anyOf: [{ required: ['q'] }, { required: ['q'], properties: {} }],
      if: { properties: {} },
    });
  });

  const argumentsOf = (schema: unknown): unknown => {
    const body = listed(upstream, `{"name":"t","inputSchema":${JSON.stringify(schema)}}`);
    return body === '' ? undefined : (JSON.parse(body) as { inputSchema: unknown }).inputSchema;
  };

  test.each([
    ['$defs', '#/$defs/Args'],
    ['definitions', '#/definitions/Args'],
    ['a name that has to be escaped', '#/$defs/a~1b%20c~0'],
  ])('are not in a definition that the schema refers to: %s', (_about, $ref) => {
    const args = { properties: { p: {}, q: {} }, required: ['p', 'q'] };
    const left = { properties: { q: {} }, required: ['q'] };
    const definitions = { Args: args, 'a/b c~': args, Other: { properties: { p: {} } } };
    const said = $ref.startsWith('#/definitions/') ? 'definitions' : '$defs';
    const name = $ref.endsWith('/Args') ? 'Args' : 'a/b c~';
    for (const place of [{ $ref }, { allOf: [{ $ref }] }, { allOf: [{ $ref }, { $ref }], if: { $ref } }])
      expect(argumentsOf({ type: 'object', ...place, [said]: definitions })).toEqual({
        type: 'object',
        ...place,
        [said]: { ...definitions, [name]: left },
      });
  });

  test('are found through a definition that refers to another one, and to itself', () => {
    const $defs = {
      A: { allOf: [{ $ref: '#/$defs/B' }, { $ref: '#' }] },
      B: { $ref: '#/$defs/A', required: ['h', 'q'], properties: { h: {} } },
    };
    expect(argumentsOf({ type: 'object', $ref: '#/$defs/A', properties: { p: {} }, $defs })).toEqual({
      type: 'object',
      $ref: '#/$defs/A',
      properties: {},
      $defs: { ...$defs, B: { $ref: '#/$defs/A', required: ['q'], properties: {} } },
    });
  });

  test('a reference into what is taken out, or to what is looked at anyway, changes nothing twice', () => {
    const schema = {
      type: 'object',
      properties: { p: { properties: { p: {}, h: {} } }, q: {} },
      allOf: [{ required: ['p', 'q'] }, { $ref: '#/properties/p' }, { $ref: '#/allOf/0' }],
    };
    expect(argumentsOf(schema)).toEqual({
      type: 'object',
      properties: { q: {} },
      allOf: [{ required: ['q'] }, { $ref: '#/properties/p' }, { $ref: '#/allOf/0' }],
    });
  });

  test.each([
    ['out of the schema', { $ref: 'https://example.com/args.json' }],
    ['by a name', { $ref: '#args' }],
    ['nowhere', { $ref: '#/$defs/Gone', $defs: {} }],
    ['no pointer', { $ref: '#/%ff' }],
    ['dynamic', { $dynamicRef: '#args' }],
    [
      'too many',
      {
        $ref: '#/$defs/0',
        $defs: Object.fromEntries(
          Array.from({ length: 70 }, (_, i) => [i, { $ref: `#/$defs/${Math.min(i + 1, 69)}` }]),
        ),
      },
    ],
  ])('hide a tool whose schema refers %s', (_about, schema) => {
    expect(argumentsOf({ type: 'object', ...schema })).toBeUndefined();
  });

  test('hide a tool whose schema says one thing twice', () => {
    const schema = '{"type":"object","dependentRequired":{"a":[],"a":["p"]}}';
    expect(listed(upstream, `{"name":"t","inputSchema":${schema}}`)).toBe('');
  });

  test.each([
    ['{"name":"t"}', { name: 't', arguments: { p: 'me' } }],
    ['{"name":"t","arguments":null}', { name: 't', arguments: { p: 'me' } }],
    ['{"name":"t","arguments":{}}', { name: 't', arguments: { p: 'me' } }],
    ['{"name":"t","arguments":{ "p" : "you" , "h":1 }}', { name: 't', arguments: { p: 'me' } }],
    [
      '{"name":"t","arguments":{"q":1,"\\u0070":"you","r":2,"h":{}}}',
      { name: 't', arguments: { p: 'me', q: 1, r: 2 } },
    ],
  ])('are sent as they are preset: %s', (params, expected) => {
    expect(JSON.parse(sent(changed, params))).toEqual(expected);
  });

  test('leave all others byte for byte', () => {
    const params = '{"name":"t","arguments":{"h":0, "n": 9007199254740993}}';
    const message = readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`));
    expect(inwardCall(message, { changed: changing({ h: { hidden: true } }) }).toString()).toContain(
      '"arguments":{"n": 9007199254740993}}',
    );
    const own = changing({ other: { hidden: true } });
    expect(argumentEdits(message.bytes, message.params, own)).toEqual([]);
    expect(sent(own, '{"name":"t"}')).toBe('{"name":"t"}');
  });

  test('are refused where they are no object, or given twice', () => {
    expect(() => sent(changed, '{"name":"t","arguments":[1]}')).toThrow('params_invalid');
    expect(() => sent(changed, '{"name":"t","arguments":{"p":1,"p":2}}')).toThrow('json_key_repeated');
  });

  test('are not asked for in headers', () => {
    const headers = [
      { name: 'Mcp-Param-P', path: ['p', 'q'] },
      { name: 'Mcp-Param-Q', path: ['q', 'p'] },
    ];
    expect(headersShown(headers, changed)).toEqual([headers[1]]);
    expect(headersShown(headers, undefined)).toBe(headers);
  });
});
