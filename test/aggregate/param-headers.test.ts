/** Mcp-Param-* (2026-07-28 basic/transports/streamable-http §Custom Headers from Tool Parameters). */
import { describe, expect, test } from 'vitest';

import { annotations, checkParamHeaders, paramHeaders } from '../../src/aggregate/param-headers.ts';
import type { ParamHeader } from '../../src/aggregate/param-headers.ts';

const region = { type: 'string', 'x-mcp-header': 'Region' };

function withProperties(properties: Record<string, unknown>): Record<string, unknown> {
  return { type: 'object', properties };
}

function headersOf(schema: unknown): readonly ParamHeader[] {
  const read = annotations(schema);
  if (!read.ok) throw new Error(read.reason);
  return read.headers;
}

function reasonOf(schema: unknown): string | undefined {
  const read = annotations(schema);
  return read.ok ? undefined : read.reason;
}

function withAnnotations(count: number): Record<string, unknown> {
  const names = Array.from({ length: count }, (_, at) => `h${at}`);
  return withProperties(Object.fromEntries(names.map((name) => [name, { type: 'string', 'x-mcp-header': name }])));
}

function withName(length: number): Record<string, unknown> {
  return withProperties({ a: { type: 'string', 'x-mcp-header': 'N'.repeat(length) } });
}

describe('annotations of a tool', () => {
  test('are read from any depth of properties, under the names they give', () => {
    const schema = withProperties({
      region,
      limit: { type: 'integer', 'x-mcp-header': 'LIMIT' },
      plain: { type: 'string' },
      options: withProperties({ 'dry run': { type: 'boolean', 'x-mcp-header': "Dry!#$%&'*+-.^_`|~9" } }),
    });
    expect(annotations(schema)).toEqual({
      ok: true,
      headers: [
        { name: 'Mcp-Param-Region', path: ['region'] },
        { name: 'Mcp-Param-LIMIT', path: ['limit'] },
        { name: "Mcp-Param-Dry!#$%&'*+-.^_`|~9", path: ['options', 'dry run'] },
      ],
    });
  });

  test('need not be there', () => {
    for (const schema of [withProperties({ a: { type: 'string' } }), {}, true, null, undefined, 'x', []]) {
      expect(annotations(schema)).toEqual({ ok: true, headers: [] });
    }
  });

  test('are keywords of a schema: a parameter, a value or an example of that name is none', () => {
    const schema = {
      ...withProperties({
        'x-mcp-header': { type: 'string' },
        a: { type: 'object', default: { 'x-mcp-header': 'A' }, enum: [{ 'x-mcp-header': 'B' }] },
        b: { const: { 'x-mcp-header': 'C' }, examples: [{ 'x-mcp-header': 'D' }] },
      }),
      required: ['x-mcp-header'],
    };
    expect(annotations(schema)).toEqual({ ok: true, headers: [] });
  });

  for (const [what, name] of [
    ['the empty name', ''],
    ['a space', 'My Region'],
    ['a colon', 'Region:Primary'],
    ['a letter beyond ASCII', 'Région'],
    ['a tab', 'Region\t1'],
    ['a line end', 'Region\r\nX: y'],
    ['a line feed at the end', 'Region\n'],
    ['a number', 7],
    ['null', null],
    ['an object', {}],
  ] as const) {
    test(`${what} is no name, and makes the tool invalid`, () => {
      expect(reasonOf(withProperties({ a: { type: 'string', 'x-mcp-header': name } }))).toBe(
        'an annotation that is no token',
      );
    });
  }

  for (const type of ['number', 'object', 'array', 'null', undefined, ['string', 'null'], ['string']]) {
    test(`on type ${JSON.stringify(type)} make the tool invalid`, () => {
      expect(reasonOf(withProperties({ a: { type, 'x-mcp-header': 'A' } }))).toBe(
        'an annotation on what is no string, integer or boolean',
      );
    });
  }

  test('of one name make the tool invalid, at any depth and in any case', () => {
    for (const other of ['Region', 'REGION', 'region']) {
      const again = { type: 'integer', 'x-mcp-header': other };
      expect(reasonOf(withProperties({ region, again }))).toBe('an annotation that stands twice');
      expect(reasonOf(withProperties({ region, deep: withProperties({ again }) }))).toBe(
        'an annotation that stands twice',
      );
    }
  });

  for (const [where, schema] of [
    ['the root', { ...withProperties({}), 'x-mcp-header': 'Region', type: 'string' }],
    ...['items', 'contains', 'additionalProperties', 'unevaluatedProperties', 'propertyNames', 'not', 'if', 'then'].map(
      (keyword) => [keyword, { [keyword]: region }] as const,
    ),
    ...['else', 'additionalItems', 'unevaluatedItems', 'contentSchema'].map(
      (keyword) => [keyword, { [keyword]: region }] as const,
    ),
    ...['items', 'prefixItems', 'oneOf', 'anyOf', 'allOf'].map(
      (keyword) => [`${keyword}[1]`, { [keyword]: [{}, region] }] as const,
    ),
    ...['$defs', 'definitions', 'patternProperties', 'dependentSchemas', 'dependencies'].map(
      (keyword) => [`${keyword}.a`, { [keyword]: { a: region } }] as const,
    ),
    ['properties below items', { properties: { list: { items: withProperties({ region }) } } }],
    ['properties below anyOf', { anyOf: [withProperties({ deep: withProperties({ region }) })] }],
    ['items below a property', withProperties({ a: { type: 'array', items: region } })],
  ] as const) {
    test(`in ${where} make the tool invalid`, () => {
      expect(reasonOf(schema)).toBe('an annotation that a chain of properties does not reach');
    });
  }

  test('may be 64 in one tool, and no more', () => {
    expect(headersOf(withAnnotations(64))).toHaveLength(64);
    expect(reasonOf(withAnnotations(65))).toBe('more than 64 annotations');
  });

  test('may have names of 128 characters, and no more', () => {
    expect(headersOf(withName(128))).toHaveLength(1);
    expect(reasonOf(withName(129))).toBe('an annotation of 129 characters');
  });

  test('are looked for in as many alternatives as a schema can hold', () => {
    const alternatives: unknown[] = Array.from({ length: 130_000 }, () => 1);
    expect(annotations({ anyOf: alternatives })).toEqual({ ok: true, headers: [] });
    expect(reasonOf({ anyOf: [...alternatives, region] })).toBe(
      'an annotation that a chain of properties does not reach',
    );
  });
});

const headers = headersOf(
  withProperties({
    region,
    limit: { type: 'integer', 'x-mcp-header': 'Limit' },
    dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
    deep: withProperties({ tenant: { type: 'string', 'x-mcp-header': 'Tenant' } }),
  }),
);

function check(args: unknown, got: Record<string, string>): string | undefined {
  return checkParamHeaders(headers, args, new Map(Object.entries(got)));
}

describe('the headers of a call', () => {
  test('mirror the arguments, encoded where they have to be', () => {
    expect(paramHeaders(headers, { region: 'é', limit: 42, dry: false, deep: { tenant: 'acme' }, other: 'x' })).toEqual(
      [
        ['Mcp-Param-Region', '=?base64?w6k=?='],
        ['Mcp-Param-Limit', '42'],
        ['Mcp-Param-Dry', 'false'],
        ['Mcp-Param-Tenant', 'acme'],
      ],
    );
  });

  test('leave out what is absent, null, or no string, number or boolean', () => {
    for (const args of [
      {},
      undefined,
      null,
      'region',
      ['region'],
      { region: null, limit: {}, dry: [true], deep: null },
      { limit: 9_007_199_254_740_992, deep: 'tenant' },
      { deep: { tenant: null } },
    ]) {
      expect(paramHeaders(headers, args)).toEqual([]);
    }
  });

  test('never mirror what an object inherits', () => {
    expect(paramHeaders(headers, Object.create({ region: 'us-west1' }))).toEqual([]);
  });
});

describe('headers that came with a call', () => {
  for (const [what, args, got] of [
    ['no argument and no header', {}, {}],
    ['null and no header', { region: null, deep: { tenant: null } }, {}],
    ['no arguments at all', undefined, {}],
    ['a text', { region: 'us-west1' }, { 'mcp-param-region': 'us-west1' }],
    ['a text that need not be encoded and is', { region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVsbG8=?=' }],
    ['a text that looks like base64', { region: 'SGVsbG8=' }, { 'mcp-param-region': 'SGVsbG8=' }],
    ['a marker at one end only', { region: '=?base64?SGVsbG8=' }, { 'mcp-param-region': '=?base64?SGVsbG8=' }],
    ['an integer', { limit: 42 }, { 'mcp-param-limit': '42' }],
    ['an integer as a decimal fraction', { limit: 42 }, { 'mcp-param-limit': '42.0' }],
    ['an encoded integer', { limit: -1 }, { 'mcp-param-limit': '=?base64?LTE=?=' }],
    ['a boolean', { dry: true }, { 'mcp-param-dry': 'true' }],
    ['a header that no annotation asks for', {}, { 'mcp-param-other': 'x' }],
    ['an argument that has no form in a header', { region: ['a'], limit: 1e21 }, {}],
  ] as const) {
    test(`agree: ${what}`, () => {
      expect(check(args, got)).toBeUndefined();
    });
  }

  for (const [fault, args, got] of [
    ['Mcp-Param-Region is missing', { region: 'us-west1' }, {}],
    ['Mcp-Param-Region is missing', { region: '' }, {}],
    ['Mcp-Param-Tenant is missing', { deep: { tenant: 'acme' } }, { 'mcp-param-other': 'acme' }],
    ['Mcp-Param-Region is malformed', { region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVsbG8?=' }],
    ['Mcp-Param-Region is malformed', {}, { 'mcp-param-region': 'caf\xe9' }],
    ['Mcp-Param-Region is not its argument', { region: 'us-west1' }, { 'mcp-param-region': 'us-west2' }],
    ['Mcp-Param-Region is not its argument', { region: 'us-west1' }, { 'mcp-param-region': 'US-WEST1' }],
    ['Mcp-Param-Region is not its argument', { region: '42' }, { 'mcp-param-region': '42.0' }],
    ['Mcp-Param-Limit is not its argument', { limit: 42 }, { 'mcp-param-limit': '0x2a' }],
    ['Mcp-Param-Limit is not its argument', { limit: 42 }, { 'mcp-param-limit': '42.5' }],
    ['Mcp-Param-Limit is not its argument', { limit: 0 }, { 'mcp-param-limit': '=?base64??=' }],
    ['Mcp-Param-Dry is not its argument', { dry: true }, { 'mcp-param-dry': 'True' }],
    ['Mcp-Param-Region has no argument', {}, { 'mcp-param-region': 'us-west1' }],
    ['Mcp-Param-Region has no argument', { region: null }, { 'mcp-param-region': 'null' }],
    ['Mcp-Param-Region has no argument', { region: ['a'] }, { 'mcp-param-region': 'a' }],
  ] as const) {
    test(`${JSON.stringify(args)} with ${JSON.stringify(got)} do not: ${fault}`, () => {
      expect(check(args, got)).toBe(fault);
    });
  }
});
