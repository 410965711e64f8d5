/**
 * Whether the official clients can compile an output schema (2025-11-25 server/tools §Output Schema). They compile those of a whole
 * list at once, and one that does not compile (a `$ref` that leads nowhere, a pattern that is none, a keyword with the wrong kind of
 * value) costs them the list. The check covers the keywords of JSON Schema drafts 6 to 2020-12 and ignores all others.
 */

type JsonObject = Readonly<Record<string, unknown>>;

/** Depth of nested schemas; a deeper one counts as invalid. */
const maxSchemaDepth = 64;
/** In UTF-16 units. */
const maxPatternChars = 1024;

const types = new Set<unknown>(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null']);

/** Dialects that the validators of clients support, without a fragment. In the last two, `items` may be an array. */
const newDialect = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;
const oldDialect = /^https?:\/\/json-schema\.org\/(?:draft\/2019-09|draft-0[67])\/schema#?$/;

type Judge = (value: unknown, root: Root, depth: number) => boolean;

const isText: Judge = (value) => typeof value === 'string';
const isNumber: Judge = (value) => typeof value === 'number';
const isFlag: Judge = (value) => typeof value === 'boolean';
const isFilled: Judge = (value) => Array.isArray(value) && value.length > 0;
const areTexts: Judge = (value) => Array.isArray(value) && value.every((each) => typeof each === 'string');
const isType: Judge = (value) =>
  Array.isArray(value) ? value.length > 0 && value.every((each) => types.has(each)) : types.has(value);
const isSchema: Judge = (value, root, depth) => isFit(value, root, depth);
const areSchemas: Judge = (value, root, depth) =>
  Array.isArray(value) && value.length > 0 && value.every((each) => isFit(each, root, depth));
const isMapOfSchemas: Judge = (value, root, depth) =>
  isObject(value) && Object.values(value).every((each) => isFit(each, root, depth));
const isMapOfPatterns: Judge = (value, root, depth) =>
  isMapOfSchemas(value, root, depth) && Object.keys(value as JsonObject).every(isPattern);
const areItems: Judge = (value, root, depth) =>
  Array.isArray(value) ? root.hasTuples && value.every((each) => isFit(each, root, depth)) : isFit(value, root, depth);
const isDependency: Judge = (value, root, depth) => areTexts(value, root, depth) || isFit(value, root, depth);
const never: Judge = () => false;

const keywords: ReadonlyMap<string, Judge> = new Map<string, Judge>([
  ['type', isType],
  ['$ref', (value, root) => typeof value === 'string' && leadsSomewhere(value, root)],
  ['$dynamicRef', (value, root) => typeof value === 'string' && leadsSomewhere(value, root)],
  ['$recursiveRef', (value) => value === '#'],
  ['$id', isText],
  ['$anchor', isText],
  // A base of its own for all references below, and in drafts that validators do not have.
  ['$async', never],
  ['id', never],
  ['pattern', (value) => typeof value === 'string' && isPattern(value)],
  ['patternProperties', isMapOfPatterns],
  ...pairs('properties $defs definitions dependentSchemas', isMapOfSchemas),
  [
    'dependencies',
    (value, root, depth) => isObject(value) && Object.values(value).every((each) => isDependency(each, root, depth)),
  ],
  [
    'dependentRequired',
    (value, root, depth) => isObject(value) && Object.values(value).every((each) => areTexts(each, root, depth)),
  ],
  ...pairs(
    'additionalProperties additionalItems contains propertyNames not if then else unevaluatedProperties unevaluatedItems',
    isSchema,
  ),
  ['items', areItems],
  ...pairs('allOf anyOf oneOf prefixItems', areSchemas),
  ['required', areTexts],
  ['enum', isFilled],
  ...pairs(
    'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems minProperties ' +
      'maxProperties minContains maxContains',
    isNumber,
  ),
  ...pairs('uniqueItems nullable', isFlag),
  ['format', isText],
]);

function pairs(names: string, judge: Judge): (readonly [string, Judge])[] {
  return names.split(' ').map((name) => [name, judge] as const);
}

/** What a reference may lead to, and what the whole schema allows. */
interface Root {
  readonly schema: JsonObject;
  readonly anchors: ReadonlySet<string>;
  readonly hasTuples: boolean;
}

/** `schema` is parsed. `isModern` judges for clients of 2026-07-28, whose validators are of draft 2020-12 unless a schema says otherwise. */
export function isCompilable(schema: unknown, isModern: boolean): boolean {
  if (!isObject(schema)) return false;
  const dialect = schema['$schema'];
  const isOld = typeof dialect === 'string' && oldDialect.test(dialect);
  if (dialect !== undefined && typeof dialect !== 'string') return false;
  if (isModern && dialect !== undefined && !isOld && !newDialect.test(dialect)) return false;
  const anchors = new Set<string>();
  return (
    collectAnchors(schema, anchors, 0, true) && isFit(schema, { schema, anchors, hasTuples: isOld || !isModern }, 0)
  );
}

function isFit(node: unknown, root: Root, depth: number): boolean {
  if (typeof node === 'boolean') return true;
  if (!isObject(node) || depth > maxSchemaDepth) return false;
  for (const [name, value] of Object.entries(node)) {
    const judge = keywords.get(name);
    if (judge !== undefined && !judge(value, root, depth + 1)) return false;
  }
  const { nullable, type } = node;
  if (nullable === undefined) return true;
  return type !== undefined && !(nullable === false && (Array.isArray(type) ? type.includes('null') : type === 'null'));
}

/** JSON Schema 2020-12 core §8.2.2. */
const anchorName = /^[A-Za-z_][A-Za-z0-9._-]*$/;

/**
 * Names that references use. False for one that is none or stands twice, and for a schema inside that has a base of its own, by
 * which its references would be read.
 */
function collectAnchors(value: unknown, anchors: Set<string>, depth: number, isRoot: boolean): boolean {
  if (depth > 2 * maxSchemaDepth) return false;
  if (Array.isArray(value)) return value.every((each) => collectAnchors(each, anchors, depth + 1, false));
  if (!isObject(value)) return true;
  const { $id: id, $anchor: anchor, $dynamicAnchor: dynamic } = value;
  for (const name of [anchor, dynamic]) {
    if (typeof name !== 'string') continue;
    if (!anchorName.test(name) || anchors.has(`#${name}`)) return false;
    anchors.add(`#${name}`);
  }
  if (isRoot && id !== undefined && typeof id !== 'string') return false;
  if (!isRoot && typeof id === 'string') {
    if (!id.startsWith('#') || anchors.has(id)) return false;
    anchors.add(id);
  }
  return Object.values(value).every((each) => collectAnchors(each, anchors, depth + 1, false));
}

/** Within the schema: by a pointer (RFC 6901 §6) or a name. Whatever is elsewhere is not fetched by clients. */
function leadsSomewhere(reference: string, { schema, anchors }: Root): boolean {
  const id = schema['$id'];
  const local = typeof id === 'string' && reference.startsWith(`${id}#`) ? reference.slice(id.length) : reference;
  if (local === '#' || local === id || anchors.has(local)) return true;
  if (!local.startsWith('#/')) return false;
  let at: unknown = schema;
  for (const part of local.slice(2).split('/')) {
    const key = keyOf(part);
    if (key === undefined || typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as JsonObject)[key];
  }
  return typeof at === 'boolean' || isObject(at);
}

function keyOf(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return undefined;
  }
}

/** Its grammar alone is looked at, which costs no more than its length: it is never run. Clients compile patterns with the flag `u`. */
function isPattern(text: string): boolean {
  if (text.length > maxPatternChars) return false;
  try {
    return new RegExp(text, 'u').unicode;
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
