/**
 * `Mcp-Param-*`: the arguments of a tool that its schema mirrors into headers (2026-07-28
 * basic/transports/streamable-http §Custom Headers from Tool Parameters). This file finds
 * them, makes the headers for an upstream, and checks that a client's headers agree with its own request.
 */
import { decodeHeaderValue, encodeHeaderValue, mirroredText } from '../protocol/header-values.ts';

/** One annotated parameter. */
export interface ParamHeader {
  /** The whole header name, as the schema spells it. */
  readonly name: string;
  /** Keys of objects from `arguments` down to the value. */
  readonly path: readonly string[];
}

export type Annotations =
  | { readonly ok: true; readonly headers: readonly ParamHeader[] }
  /** The tool must not be shown to a modern client, nor be called at a modern upstream. */
  | { readonly ok: false; readonly reason: string };

/** Headers of one tool, and characters of one name: more would not fit into a request that servers still take. */
const maxParamHeaders = 64;
const maxNameChars = 128;
const prefix = 'Mcp-Param-';
const annotation = 'x-mcp-header';
/** Not `number`: its text is not the same everywhere. */
const mirroredTypes = new Set<unknown>(['string', 'integer', 'boolean']);
/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Where JSON Schema has schemas, but for `properties`: as a value or in an array, and as the values of an object. */
const schemaKeywords = (
  'items additionalItems prefixItems contains unevaluatedItems contentSchema additionalProperties ' +
  'unevaluatedProperties propertyNames oneOf anyOf allOf not if then else'
).split(' ');
const schemaMapKeywords = 'patternProperties dependentSchemas dependencies $defs definitions'.split(' ');

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * What a tool's parsed `inputSchema` annotates. An annotation anywhere but on a string, integer or boolean that a chain of
 * `properties` reaches makes the whole tool invalid, as does a name that is no token or stands twice.
 */
export function annotations(inputSchema: unknown): Annotations {
  const found: ParamHeader[] = [];
  const reason = collect(inputSchema, [], new Set(), found);
  return reason === undefined ? { ok: true, headers: found } : { ok: false, reason };
}

/** The headers of a call with these parsed arguments. What is absent, null, or has no form in a header sends none. */
export function paramHeaders(headers: readonly ParamHeader[], args: unknown): (readonly [string, string])[] {
  const sent: (readonly [string, string])[] = [];
  for (const { name, path } of headers) {
    const text = mirroredText(valueAt(args, path));
    if (text !== undefined) sent.push([name, encodeHeaderValue(text)]);
  }
  return sent;
}

/**
 * What of a client's headers disagrees with its arguments, naming the header alone; undefined when all is well. `got` has the
 * `mcp-param-*` headers by their names in lower case; those that no annotation asks for are ignored. A header whose argument is
 * missing disagrees too: whoever routed by it saw another call.
 */
export function checkParamHeaders(
  headers: readonly ParamHeader[],
  args: unknown,
  got: ReadonlyMap<string, string>,
): string | undefined {
  for (const { name, path } of headers) {
    const sent = got.get(name.toLowerCase());
    const value = valueAt(args, path);
    const text = mirroredText(value);
    if (sent === undefined) {
      if (text !== undefined) return `${name} is missing`;
      continue;
    }
    const decoded = decodeHeaderValue(sent);
    if (decoded === undefined) return `${name} is malformed`;
    if (text === undefined) return `${name} has no argument`;
    if (decoded !== text && !(typeof value === 'number' && isNumber(decoded, value)))
      return `${name} is not its argument`;
  }
  return undefined;
}

const decimal = /^-?[0-9]+(?:\.[0-9]+)?$/;

/** 42.0 is 42. */
function isNumber(text: string, value: number): boolean {
  return decimal.test(text) && Number(text) === value;
}

function valueAt(args: unknown, path: readonly string[]): unknown {
  let value = args;
  for (const key of path) {
    const parent = objectOf(value);
    if (parent === undefined || !Object.hasOwn(parent, key)) return undefined;
    value = parent[key];
  }
  return value;
}

/**
 * Adds the headers of one schema and those below it, or gives the reason why there can be none. `path` is undefined where more
 * than keys of `properties` led here. The depth is that of the message the schema came in.
 */
function collect(
  node: unknown,
  path: readonly string[] | undefined,
  seen: Set<string>,
  found: ParamHeader[],
): string | undefined {
  const schema = objectOf(node);
  if (schema === undefined) return undefined;
  if (Object.hasOwn(schema, annotation)) {
    if (path === undefined || path.length === 0) return 'an annotation that a chain of properties does not reach';
    const name = schema[annotation];
    const reason = faultOf(name, own(schema, 'type'), seen);
    if (reason !== undefined) return reason;
    found.push({ name: prefix + String(name), path });
  }
  for (const [key, child] of Object.entries(objectOf(own(schema, 'properties')) ?? {})) {
    const reason = collect(child, path && [...path, key], seen, found);
    if (reason !== undefined) return reason;
  }
  for (const below of elsewhere(schema)) {
    for (const child of below) {
      const reason = collect(child, undefined, seen, found);
      if (reason !== undefined) return reason;
    }
  }
  return undefined;
}

/** `seen` has the names so far, in lower case. */
function faultOf(name: unknown, type: unknown, seen: Set<string>): string | undefined {
  if (typeof name !== 'string' || !token.test(name)) return 'an annotation that is no token';
  if (name.length > maxNameChars) return `an annotation of ${name.length} characters`;
  if (!mirroredTypes.has(type)) return 'an annotation on what is no string, integer or boolean';
  if (seen.has(name.toLowerCase())) return 'an annotation that stands twice';
  seen.add(name.toLowerCase());
  return seen.size > maxParamHeaders ? `more than ${maxParamHeaders} annotations` : undefined;
}

/** The schemas inside one that are not under `properties`, in groups. */
function elsewhere(schema: JsonObject): unknown[][] {
  const groups: unknown[][] = [];
  for (const keyword of schemaKeywords) {
    const value = own(schema, keyword);
    if (value !== undefined) groups.push(Array.isArray(value) ? value : [value]);
  }
  for (const keyword of schemaMapKeywords) groups.push(Object.values(objectOf(own(schema, keyword)) ?? {}));
  return groups;
}

function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}
