/**
 * What is repaired in one item of a list so that clients accept it (2025-11-25 schema.ts: Tool, Prompt, Resource, ResourceTemplate,
 * BaseMetadata, Icon, Annotations). The official clients refuse a whole list when one member has the wrong type. An optional
 * member that is null or of the wrong type is removed; a required one gets a default value. Nothing else changes.
 */
import { textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import { removeMembers, setMember, splice } from '../protocol/splice.ts';
import type { Edit } from '../protocol/splice.ts';
import type { ListKind } from './kinds.ts';

/** Whether a value may stay. Adds edits for repairs inside it; none if it may not stay. */
type Check = (bytes: Buffer, value: Found, edits: Edit[]) => boolean;

const isText: Check = (_, { kind }) => kind === 'string';
const isNumber: Check = (_, { kind }) => kind === 'number';
const isFlag: Check = (_, { kind }) => kind === 'true' || kind === 'false';
const isObject: Check = (_, { kind }) => kind === 'object';
const areTexts: Check = (_, { kind, items }) => kind === 'array' && items.every((each) => each.kind === 'string');

function isOneOf(...texts: readonly string[]): Check {
  return (bytes, value) => value.kind === 'string' && texts.includes(textOf(bytes, value));
}

const areRoles: Check = (bytes, value, edits) =>
  value.kind === 'array' && value.items.every((each) => isOneOf('user', 'assistant')(bytes, each, edits));

const isShare: Check = (bytes, { kind, start, end }) => {
  const share = kind === 'number' ? Number(bytes.toString('latin1', start, end)) : -1;
  return share >= 0 && share <= 1;
};

/** ISO 8601 as in RFC 3339 §5.6: a valid date, and an offset. */
const timePattern =
  /^(\d{4})-(\d{2})-(\d{2})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const maxTimeBytes = 64;

const isTime: Check = (bytes, value) => {
  if (value.kind !== 'string' || value.end - value.start > maxTimeBytes) return false;
  const [, year, month, day] = timePattern.exec(textOf(bytes, value)) ?? [];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
};

/** An object with rules for the members of these names. */
function objectOf(rules: ReadonlyMap<string, Check>, needed?: string): Check {
  return (bytes, value, edits) => {
    if (value.kind !== 'object') return false;
    if (needed !== undefined && value.member(needed)?.kind !== 'string') return false;
    const gone = refused(bytes, value, rules, edits);
    edits.push(...removeMembers(bytes, value, gone));
    return true;
  };
}

/** An array of such objects, without the invalid ones. */
function arrayOf(check: Check): Check {
  return (bytes, value, edits) => {
    if (value.kind !== 'array') return false;
    const kept: { readonly found: Found; readonly edits: Edit[] }[] = [];
    for (const found of value.items) {
      const own: Edit[] = [];
      if (check(bytes, found, own)) kept.push({ found, edits: own });
    }
    if (kept.length === value.items.length) edits.push(...kept.flatMap((each) => each.edits));
    else {
      const texts = kept.map(({ found, edits: own }) => mendedText(bytes, found, own));
      edits.push({ start: value.start, end: value.end, text: `[${texts.join()}]` });
    }
    return true;
  };
}

function mendedText(bytes: Buffer, { start, end }: Found, edits: readonly Edit[]): string {
  const shifted = edits.map((edit) => ({ start: edit.start - start, end: edit.end - start, text: edit.text }));
  return splice(bytes.subarray(start, end), inOrder(shifted)).toString();
}

const icons = arrayOf(
  objectOf(
    new Map([
      ['mimeType', isText],
      ['sizes', areTexts],
      ['theme', isOneOf('light', 'dark')],
    ]),
    'src',
  ),
);

const metadata: readonly (readonly [string, Check])[] = [
  ['title', isText],
  ['description', isText],
  ['icons', icons],
  ['_meta', isObject],
];

const annotations = objectOf(
  new Map([
    ['audience', areRoles],
    ['priority', isShare],
    ['lastModified', isTime],
  ]),
);

const rulesOf: Readonly<Record<ListKind, ReadonlyMap<string, Check>>> = {
  tools: new Map<string, Check>([
    ...metadata,
    [
      'annotations',
      objectOf(
        new Map<string, Check>([
          ['title', isText],
          ['readOnlyHint', isFlag],
          ['destructiveHint', isFlag],
          ['idempotentHint', isFlag],
          ['openWorldHint', isFlag],
        ]),
      ),
    ],
    ['execution', isObject],
  ]),
  prompts: new Map<string, Check>([
    ...metadata,
    [
      'arguments',
      arrayOf(
        objectOf(
          new Map([
            ['title', isText],
            ['description', isText],
            ['required', isFlag],
          ]),
          'name',
        ),
      ),
    ],
  ]),
  resources: new Map<string, Check>([
    ...metadata,
    ['mimeType', isText],
    ['size', isNumber],
    ['annotations', annotations],
  ]),
  resourceTemplates: new Map<string, Check>([...metadata, ['mimeType', isText], ['annotations', annotations]]),
};

/** Names of the captured members that must be removed; adds the edits inside the others. */
function refused(bytes: Buffer, object: Found, rules: ReadonlyMap<string, Check>, edits: Edit[]): string[] {
  const gone: string[] = [];
  for (const { name, value } of object.members) {
    const check = rules.get(name);
    if (check !== undefined && !check(bytes, value, edits)) gone.push(name);
  }
  return gone;
}

/** Names of the members that are removed from an item; adds the edits for repairs inside the others. */
export function unfitMembers(bytes: Buffer, item: Found, kind: ListKind, edits: Edit[]): string[] {
  return refused(bytes, item, rulesOf[kind], edits);
}

/**
 * Adds the edits that make a tool's `inputSchema` the schema of an object, because the arguments of a call always are an object.
 * Properties `true` and `false` become equivalent objects if clients accept only objects.
 */
export function mendInputSchema(bytes: Buffer, tool: Found, areFlagsKnown: boolean, edits: Edit[]): void {
  const schema = tool.member('inputSchema');
  if (schema?.kind !== 'object') {
    edits.push(setMember(bytes, tool, 'inputSchema', '{"type":"object"}'));
    return;
  }
  const type = schema.member('type');
  if (type?.kind !== 'string' || textOf(bytes, type) !== 'object')
    edits.push(setMember(bytes, schema, 'type', '"object"'));
  const properties = schema.member('properties');
  if (properties !== undefined && properties.kind !== 'object') edits.push(replaced(properties, '{}'));
  for (const { value } of properties?.members ?? []) {
    const isBoolean = value.kind === 'true' || value.kind === 'false';
    if (value.kind === 'object' || (areFlagsKnown && isBoolean)) continue;
    edits.push(replaced(value, value.kind === 'false' ? '{"not":{}}' : '{}'));
  }
  const required = schema.member('required');
  if (required === undefined || areTexts(bytes, required, edits)) return;
  const texts = required.items
    .filter(({ kind }) => kind === 'string')
    .map(({ start, end }) => bytes.toString('utf8', start, end));
  edits.push(replaced(required, `[${texts.join()}]`));
}

function replaced({ start, end }: Found, text: string): Edit {
  return { start, end, text };
}

/** Whether clients of the session era accept an output schema: its root must be the schema of an object. */
export function isPlainSchema(bytes: Buffer, schema: Found): boolean {
  const properties = schema.member('properties');
  const required = schema.member('required');
  return (
    hasObjectRoot(bytes, schema) &&
    (properties === undefined ||
      (properties.kind === 'object' && properties.members.every(({ value }) => value.kind === 'object'))) &&
    (required === undefined || areTexts(bytes, required, []))
  );
}

export function hasObjectRoot(bytes: Buffer, schema: Found): boolean {
  const type = schema.member('type');
  return type?.kind === 'string' && textOf(bytes, type) === 'object';
}

/** Edits are found in the order of the rules, not of the bytes; at the same position an insertion comes before a removal. */
export function inOrder(edits: Edit[]): Edit[] {
  return edits.sort((one, other) => one.start - other.start || one.end - other.end);
}

/** Appended to a description that was cut. */
const cutNote = ' [cut here by the gateway]';

/** A JSON string, including its quotes, that begins like the text and has at most this many bytes. */
export function cutText(text: string, maxBytes: number): string {
  let length = Math.min(text.length, maxBytes);
  for (;;) {
    const head = text.slice(0, length);
    const json = JSON.stringify(`${/[\ud800-\udbff]$/.test(head) ? head.slice(0, -1) : head}${cutNote}`);
    const size = Buffer.byteLength(json);
    if (size <= maxBytes) return json;
    // Removes the excess, and slightly more than enough if characters take several bytes.
    length = Math.max(0, length - Math.max(1, Math.ceil((size - maxBytes) / 6)));
  }
}
