/**
 * The shapes of this project against the definitions of the CRDs, which lie beside it: the same fields, limits and defaults, and
 * the same verdict on documents made from the definition, judged by ajv and by its own rules in CEL.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Environment } from '@marcbachmann/cel-js';
import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { Findings } from '../../../src/config/findings.ts';
import { documentOf } from '../../../src/config/mcp-route/documents.ts';
import { shaped } from '../../../src/config/mcp-route/faults.ts';
import { kinds } from '../../../src/config/mcp-route/object-shapes.ts';

/* A definition beside the project; the test says that it was skipped where there is none. */
const definitions = new URL('../../../../shared/crds/', import.meta.url);

interface Schema {
  readonly [key: string]: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

function definition(file: string, version: string): Schema {
  const text = readFileSync(new URL(file, definitions), 'utf8').replaceAll(/^.*\{\{.*$/gm, '');
  for (const document of parseAllDocuments(text)) {
    const crd = document.toJS() as {
      kind?: string;
      spec: { versions: { name: string; schema: { openAPIV3Schema: Schema } }[] };
    } | null;
    const found =
      crd?.kind === 'CustomResourceDefinition' ? crd.spec.versions.find(({ name }) => name === version) : undefined;
    if (found !== undefined) return found.schema.openAPIV3Schema.properties!['spec']!;
  }
  throw new Error(`no ${version} in ${file}`);
}

const routeFile = 'envoy-ai-gateway/aigateway.envoyproxy.io_mcproutes.yaml';
const isThere = existsSync(new URL(routeFile, definitions));

/* What the two say of a field, differences listed as text. Places are given for what is compared no further. */
function differences(ours: Schema, theirs: Schema, at = ''): string[] {
  const told: string[] = [];
  const limit = (key: string): void => {
    if (JSON.stringify(ours[key]) !== JSON.stringify(theirs[key]))
      told.push(`${at}.${key}: ${JSON.stringify(ours[key])} here, ${JSON.stringify(theirs[key])} there`);
  };
  if (
    theirs['x-kubernetes-int-or-string'] !== undefined ||
    theirs['x-kubernetes-preserve-unknown-fields'] !== undefined
  )
    return [];
  for (const key of ['minLength', 'maxLength', 'minItems', 'maxItems', 'default', 'type'])
    if (key !== 'type' || theirs.enum === undefined) limit(key);
  if (theirs.type === 'integer' && theirs.enum === undefined && theirs['format'] === 'int32') {
    if (theirs['minimum'] !== undefined) limit('minimum');
    if (theirs['maximum'] !== undefined && theirs['maximum'] !== 2_147_483_647) limit('maximum');
  }
  if (theirs['pattern'] !== undefined && ours['pattern'] !== undefined) {
    if (plain(ours['pattern']) !== plain(theirs['pattern'])) limit('pattern');
  } else limit('pattern');
  if (theirs.enum !== undefined && JSON.stringify(sorted(ours.enum)) !== JSON.stringify(sorted(theirs.enum)))
    limit('enum');
  const required = (schema: Schema): readonly string[] =>
    (schema.required ?? []).filter((name) => schema.properties?.[name]?.default === undefined).toSorted();
  if (JSON.stringify(required(ours)) !== JSON.stringify(required(theirs)))
    told.push(`${at}.required: ${required(ours).join(' ')} here, ${required(theirs).join(' ')} there`);
  for (const name of new Set([...Object.keys(ours.properties ?? {}), ...Object.keys(theirs.properties ?? {})])) {
    const [a, b] = [ours.properties?.[name], theirs.properties?.[name]];
    if (a === undefined || b === undefined) told.push(`${at}.${name}: only ${a === undefined ? 'there' : 'here'}`);
    else told.push(...differences(a, b, `${at}.${name}`));
  }
  if (ours.items !== undefined && theirs.items !== undefined)
    told.push(...differences(ours.items, theirs.items, `${at}[]`));
  return told;
}

function plain(pattern: unknown): string {
  return new RegExp(String(pattern)).source;
}

function sorted(words: readonly unknown[] | undefined): readonly unknown[] {
  return [...(words ?? [])].map(String).sort();
}

function ourSchema(kind: 'MCPRoute' | 'Backend' | 'BackendTLSPolicy' | 'ReferenceGrant'): Schema {
  const whole = z.toJSONSchema(kinds[kind].shape, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Schema;
  return whole.properties!['spec']!;
}

describe.skipIf(!isThere)('the definitions of the CRDs', () => {
  for (const [kind, file, version] of [
    ['MCPRoute', routeFile, 'v1beta1'],
    ['MCPRoute', routeFile, 'v1alpha1'],
    ['Backend', 'envoy-gateway/gateway.envoyproxy.io_backends.yaml', 'v1alpha1'],
    ['BackendTLSPolicy', 'gateway-api/gateway.networking.k8s.io_backendtlspolicies.yaml', 'v1'],
    ['ReferenceGrant', 'gateway-api/gateway.networking.k8s.io_referencegrants.yaml', 'v1beta1'],
  ] as const) {
    test(`${kind} ${version} has the same fields, limits and defaults`, () => {
      // There it is a rule in CEL.
      const asRule = 'Backend.endpoints[].unix.path.maxLength: 108 here, undefined there';
      const told = differences(ourSchema(kind), definition(file, version), kind);
      expect(told.filter((one) => one !== asRule)).toEqual([]);
    });
  }

  for (const [kind, file, version] of [
    ['MCPRoute', routeFile, 'v1beta1'],
    ['Backend', 'envoy-gateway/gateway.envoyproxy.io_backends.yaml', 'v1alpha1'],
  ] as const) {
    test(`documents made from the definition of ${kind} are judged alike`, () => {
      const schema = definition(file, version);
      const isValid = judgeOf(schema);
      let [valid, invalid] = [0, 0];
      fc.assert(
        fc.property(documents(schema, 0), (spec) => {
          const expected = isValid(structuredClone(spec));
          if (expected) valid += 1;
          else invalid += 1;
          const findings = new Findings();
          shaped(kinds[kind].shape.shape.spec, spec, [], documentOf(spec, 'made'), findings);
          expect({ valid: findings.faults.length === 0, faults: findings.faults }).toMatchObject({ valid: expected });
        }),
        // The same documents in every run: a rare one must not decide whether a build passes.
        { numRuns: 200, seed: 20_261_128 },
      );
      expect(Math.min(valid, invalid)).toBeGreaterThan(20);
    });
  }
});

/** What is made of each part that has rules of its own, since in whole documents its fields seldom stand side by side. */
describe.skipIf(!isThere).each([
  ['MCPRoute', routeFile, 'v1beta1'],
  ['Backend', 'envoy-gateway/gateway.envoyproxy.io_backends.yaml', 'v1alpha1'],
  ['BackendTLSPolicy', 'gateway-api/gateway.networking.k8s.io_backendtlspolicies.yaml', 'v1'],
  ['ReferenceGrant', 'gateway-api/gateway.networking.k8s.io_referencegrants.yaml', 'v1beta1'],
] as const)('parts of %s are judged alike', (kind, file, version) => {
  for (const [path, schema] of isThere ? partsOf(definition(file, version)) : [])
    test(['spec', ...path].join('.'), () => {
      const isValid = judgeOf(schema);
      const shape = shapeAt(kinds[kind].shape.shape.spec, path);
      fc.assert(
        fc.property(documents(schema, partDepth), (value) => {
          const expected = isValid(structuredClone(value));
          const findings = new Findings();
          shaped(shape, value, [], documentOf(value, 'made'), findings);
          expect({ valid: findings.faults.length === 0, faults: findings.faults }).toMatchObject({ valid: expected });
        }),
        { numRuns: 100, seed: 20_261_128 },
      );
    });
});

/** Fields of a part, and of what is in it, are there every other time. */
const partDepth = -2;

/** The spec itself, and each part with rules in CEL or a bound on its entries; of parts that are equal, the first. */
function partsOf(spec: Schema): readonly (readonly [path: readonly string[], schema: Schema])[] {
  const seen = new Set<string>();
  const parts: (readonly [readonly string[], Schema])[] = [];
  const visit = (schema: Schema, path: readonly string[]): void => {
    const isRuled = schema['x-kubernetes-validations'] !== undefined || schema['maxItems'] !== undefined;
    const text = JSON.stringify(schema);
    if ((isRuled || path.length === 0) && !seen.has(text)) {
      seen.add(text);
      parts.push([path, schema]);
    }
    for (const [name, inner] of Object.entries(schema.properties ?? {})) visit(inner, [...path, name]);
    if (schema.items !== undefined) visit(schema.items, [...path, '[]']);
  };
  visit(spec, []);
  return parts;
}

function shapeAt(spec: z.ZodType, path: readonly string[]): z.ZodType {
  let shape: unknown = bareShape(spec);
  for (const step of path) {
    if (step === '[]' && shape instanceof z.ZodArray) shape = bareShape(shape.element);
    else if (shape instanceof z.ZodObject) shape = bareShape(shape.shape[step]);
    else throw new Error(`nothing at ${path.join('.')}`);
  }
  if (shape instanceof z.ZodType) return shape;
  throw new Error(`nothing at ${path.join('.')}`);
}

function bareShape(shape: unknown): unknown {
  return shape instanceof z.ZodOptional || shape instanceof z.ZodDefault ? bareShape(shape.unwrap()) : shape;
}

/** The schema by ajv, defaults filled in, then its rules in CEL. */
function judgeOf(schema: Schema): (value: unknown) => boolean {
  const ajv = new Ajv({ strict: false, useDefaults: true, logger: false });
  ajv.addFormat('uri', (text) => ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? ''));
  const check = ajv.compile(strict(schema) as object);
  return (value) => check(value) && keepsRules(schema, value);
}

/* The API server drops unknown fields; here they are faults. */
function strict(schema: Schema): Schema {
  const properties =
    schema.properties === undefined
      ? undefined
      : Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, strict(one)]));
  return {
    ...schema,
    ...(properties !== undefined && { properties, additionalProperties: false }),
    ...(schema.items !== undefined && { items: strict(schema.items) }),
  };
}

const environment = new Environment({ unlistedVariablesAreDyn: true });
const compiled = new Map<string, (context: Record<string, unknown>) => unknown>();

function keepsRules(schema: Schema, value: unknown): boolean {
  for (const { rule } of schema['x-kubernetes-validations'] ?? []) {
    let run = compiled.get(rule);
    if (run === undefined) compiled.set(rule, (run = environment.parse(rule)));
    // As in the API server, a rule that cannot be evaluated is one that is not kept.
    try {
      if (run({ self: value }) !== true) return false;
    } catch {
      return false;
    }
  }
  if (Array.isArray(value)) {
    const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
    const keys = key === undefined ? [] : value.map((item: Record<string, unknown>) => item[key]);
    return new Set(keys).size === keys.length && value.every((item) => keepsRules(schema.items ?? {}, item));
  }
  if (value === null || typeof value !== 'object') return true;
  return Object.entries(value).every(([name, member]) => keepsRules(schema.properties?.[name] ?? {}, member));
}

/** Values of a schema, one in some of them wrong in some place. */
function documents(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const right = rightOf(schema, depth);
  return fc.oneof({ weight: 60, arbitrary: right }, { weight: 1, arbitrary: wrongOf(schema) });
}

function wrongOf(schema: Schema): fc.Arbitrary<unknown> {
  const max = schema['maxLength'];
  const few = schema['maxItems'];
  return fc.oneof(
    fc.constantFrom<unknown>(7.5, true, 'x y', '', [], {}, -1, 70_000),
    ...(typeof max === 'number' ? [fc.constant('a'.repeat(max + 1))] : []),
    ...(typeof few === 'number' && few < 40 ? [fc.constant(Array.from({ length: few + 1 }, () => 'a'))] : []),
  );
}

function rightOf(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema['x-kubernetes-int-or-string'] !== undefined) return fc.constantFrom(1_024, '32Ki', '1.5', '0');
  switch (schema.type) {
    case 'object':
      return objects(schema, depth);
    case 'array':
      return fc.array(documents(schema.items ?? {}, depth + 1), {
        minLength: Number(schema['minItems'] ?? 0),
        maxLength: 2,
      });
    case 'integer':
      return fc.constantFrom(Number(schema['minimum'] ?? 1), Number(schema['minimum'] ?? 1) + 1, 3);
    case 'boolean':
      return fc.boolean();
    default:
      return fc.constantFrom(...texts(schema));
  }
}

/* Words that fit the fields by their kind: most are meant to be right. */
function texts(schema: Schema): readonly string[] {
  if (schema['format'] === 'uri') return ['https://a.example.com/x', 'http://localhost:8080'];
  if (schema['format'] === 'byte') return ['YQ=='];
  const words = [
    'a',
    'b',
    'scope',
    'https://a',
    '300s',
    '1m',
    'Service',
    'Gateway',
    'Backend',
    'Secret',
    'Istio',
    'System',
    '10.0.0.1',
  ];
  const pattern = schema['pattern'];
  const fitting = typeof pattern === 'string' ? words.filter((word) => new RegExp(pattern).test(word)) : words;
  const long =
    schema['minLength'] === undefined || Number(schema['minLength']) < 2
      ? fitting
      : fitting.filter((word) => word.length > 2);
  return long.length > 0 ? long : ['a'];
}

function objects(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) return fc.constant({});
  const required = new Set(schema.required ?? []);
  const often = depth < 0 ? 50 : depth < 3 ? 30 : 20;
  const absent = fc.constant(undefined);
  const member = ([name, one]: readonly [string, Schema]): fc.Arbitrary<unknown> =>
    fc.oneof(
      { weight: required.has(name) ? 200 : often, arbitrary: documents(one, depth + 1) },
      { weight: required.has(name) ? 1 : 100 - often, arbitrary: absent },
    );
  return fc
    .tuple(...properties.map(member))
    .map((values) =>
      Object.fromEntries(properties.flatMap(([name], i) => (values[i] === undefined ? [] : [[name, values[i]]]))),
    );
}
