/** What is judged to be fit is compiled by the validator of the official clients; what they choke on is judged unfit. */
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isCompilable } from '../../src/aggregate/output-schemas.ts';

const compiles = (schema: object): boolean => {
  try {
    new AjvJsonSchemaValidator().getValidator(schema);
    return true;
  } catch {
    return false;
  }
};

const object = (members: object): object => ({ type: 'object', ...members });

describe('schemas that clients compile', () => {
  for (const schema of [
    object({}),
    object({ properties: { a: { type: 'string', pattern: '^[a-z]+$', format: 'uri', description: 'd' }, b: true } }),
    object({ properties: { a: { $ref: '#/$defs/A' } }, $defs: { A: { type: ['string', 'null'] } } }),
    object({ properties: { a: { $ref: '#/definitions/a~1b%20c' } }, definitions: { 'a/b c': {} } }),
    object({ properties: { a: { $ref: '#' } } }),
    object({ properties: { a: { $ref: '#named' }, b: { $id: '#named' } } }),
    object({ $id: 'https://x/y', properties: { a: { $ref: 'https://x/y#/$defs/A' } }, $defs: { A: {} } }),
    object({
      properties: {
        a: { enum: [1, null] },
        b: { const: {} },
        c: { anyOf: [{}, true] },
        d: { nullable: true, type: 'string' },
      },
    }),
    object({
      properties: { a: { type: 'array', items: [{}, {}] } },
      $schema: 'http://json-schema.org/draft-07/schema#',
    }),
    object({ properties: { pattern: { type: 'string' }, required: { type: 'boolean' }, id: { type: 'string' } } }),
    object({ properties: {}, required: ['a'], additionalProperties: false, 'x-of-my-own': null, examples: [null] }),
    object({ dependencies: { a: ['b'], c: {} }, patternProperties: { '^x': {} }, if: {}, else: false }),
  ])
    test(JSON.stringify(schema), () => {
      expect(compiles(schema)).toBe(true);
      expect(isCompilable(schema, false)).toBe(true);
    });
});

describe('schemas that cost clients the list', () => {
  for (const schema of [
    object({ properties: { a: { $ref: '#/$defs/Missing' } } }),
    object({ properties: { a: { $ref: 'https://example.com/schema.json' } } }),
    object({ properties: { a: { $ref: '#nowhere' } } }),
    object({ properties: { a: { $ref: 7 } } }),
    object({ properties: { a: { pattern: '[\\w-.]' } } }),
    object({ properties: { a: { pattern: '(' } } }),
    object({ properties: { a: { type: 'text' } } }),
    object({ properties: { a: { type: null } } }),
    object({ properties: { a: { anyOf: {} } } }),
    object({ properties: { a: { enum: [] } } }),
    object({ properties: { a: { items: null } } }),
    object({ properties: { a: null } }),
    object({ properties: { a: { required: true } } }),
    object({ properties: { a: { minimum: '1' } } }),
    object({ properties: { a: { nullable: true } } }),
    object({ properties: { a: { format: 7 } } }),
    object({ properties: { a: { id: 'x' } } }),
    object({ $id: 7 }),
  ])
    test(JSON.stringify(schema), () => {
      expect(compiles(schema)).toBe(false);
      expect(isCompilable(schema, false)).toBe(false);
    });
});

test('so are schemas that clients fail on later, when a call is answered', () => {
  expect(isCompilable(object({ patternProperties: { '(': {} } }), false)).toBe(false);
  expect(isCompilable(object({ properties: { a: { anyOf: [] } } }), false)).toBe(false);
});

test('schemas nested without end, and patterns of more than 1,024 characters, are not looked into', () => {
  let deep: object = {};
  for (let at = 0; at < 64; at++) deep = { not: deep };
  expect(isCompilable(deep, false)).toBe(true);
  expect(isCompilable({ not: deep }, false)).toBe(false);
  expect(isCompilable({ pattern: 'x'.repeat(1024) }, false)).toBe(true);
  expect(isCompilable({ pattern: 'x'.repeat(1025) }, false)).toBe(false);
  expect(isCompilable([], false)).toBe(false);
});

test('clients of 2026-07-28 have validators of draft 2020-12 unless a schema says otherwise', () => {
  const tuple = { items: [{}] };
  expect(isCompilable(tuple, true)).toBe(false);
  expect(isCompilable({ ...tuple, $schema: 'http://json-schema.org/draft-07/schema#' }, true)).toBe(true);
  expect(isCompilable({ $schema: 'https://json-schema.org/draft/2020-12/schema' }, true)).toBe(true);
  expect(isCompilable({ $schema: 'http://json-schema.org/draft-04/schema#' }, true)).toBe(false);
  expect(isCompilable({ $schema: 7 }, true)).toBe(false);
});

const keywords = [
  'type',
  'properties',
  'items',
  'required',
  'enum',
  'anyOf',
  'not',
  '$ref',
  '$defs',
  'definitions',
  'pattern',
  'format',
  'minimum',
  'maxLength',
  'uniqueItems',
  'nullable',
  'additionalProperties',
  'const',
  'default',
  'contains',
  'if',
  'dependencies',
  'prefixItems',
  'propertyNames',
  '$id',
  '$anchor',
  'id',
  'title',
  'a',
];
const { node } = fc.letrec<{ node: unknown; schema: unknown }>((tie) => ({
  schema: fc.dictionary(fc.constantFrom(...keywords), tie('node'), { maxKeys: 4 }),
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      1,
      'object',
      'string',
      '#',
      '#/$defs/a',
      '#/properties/a',
      '(',
      'date',
      [],
      ['a'],
      ['string'],
      [{}],
    ),
    tie('schema'),
    fc.array(tie('schema'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b'), tie('schema'), { maxKeys: 2 }),
  ),
}));

test('whatever is judged to be fit compiles', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keywords), node, { maxKeys: 5 }), (schema) => {
      if (isCompilable(schema, false)) expect(compiles(schema), JSON.stringify(schema)).toBe(true);
    }),
    { numRuns: 1500 },
  );
});
