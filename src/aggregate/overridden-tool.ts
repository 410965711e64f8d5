/**
 * How a tool is shown whose operator has changed it. The schema of its arguments contains only those that a client can set.
 */
import type { ToolOverride } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { readListItem, type ListItem } from '../protocol/envelope.ts';
import { compileShape, scan, textOf, type Found, type Shape } from '../protocol/scan.ts';
import { removeMembers, setMembers, splice, type Edit } from '../protocol/splice.ts';
import { inOrder } from './mends.ts';

/**
 * An item of `tools/list` with the operator's changes, still under the upstream's own name. If its schema cannot be read as far
 * as it must be changed, the item counts as unreadable, so that nothing hidden is shown.
 */
export function overriddenTool(item: ListItem, override: ToolOverride | undefined): ListItem {
  const { bytes, found } = item;
  if (override === undefined || found === undefined) return item;
  try {
    return readListItem(overridden(bytes, found, override));
  } catch (fault) {
    if (fault instanceof GatewayError) return { bytes, found: undefined };
    throw fault;
  }
}

function overridden(bytes: Buffer, found: Found, override: ToolOverride): Buffer {
  const { title, description, annotations, arguments: changed } = override;
  const entries: (readonly [string, string])[] = [];
  if (title !== undefined) entries.push(['title', JSON.stringify(title)]);
  if (description !== undefined) entries.push(['description', JSON.stringify(description)]);
  const edits: Edit[] = [];
  if (annotations !== undefined) {
    const present = found.member('annotations');
    const hints = Object.entries(annotations).map(([name, value]) => [name, JSON.stringify(value)] as const);
    if (present?.kind === 'object') edits.push(...setMembers(bytes, present, hints));
    else entries.push(['annotations', JSON.stringify(annotations)]);
  }
  edits.push(...setMembers(bytes, found, entries));
  const schema = found.member('inputSchema');
  if (changed !== undefined && schema?.kind === 'object') {
    const text = withoutArguments(bytes.subarray(schema.start, schema.end), [...changed.keys()]);
    edits.push({ start: schema.start, end: schema.end, text });
  }
  return splice(bytes, inOrder(edits));
}

/** Maximum depth of nested schemas for the same object that are read. */
const maxApplied = 5;

/** Where a schema describes the arguments as a whole, by keywords of JSON Schema 2020-12 and draft-07. */
const schemaShape = compileShape(speakingOf(maxApplied));

function speakingOf(depth: number): Shape {
  const inner = depth === 0 ? {} : speakingOf(depth - 1);
  const several = { items: inner };
  return {
    members: {
      properties: { each: {} },
      required: { items: {} },
      dependentRequired: { each: { items: {} } },
      dependentSchemas: { each: inner },
      dependencies: { each: {} },
      allOf: several,
      anyOf: several,
      oneOf: several,
      if: inner,
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: inner,
      else: inner,
      not: inner,
      $ref: {},
      $dynamicRef: {},
      $recursiveRef: {},
    },
  };
}

/** How many schemas of one tool are looked into by reference. */
const maxFollowed = 64;

/**
 * A definition that is referred to loses the arguments where it stands, for whoever else refers to it too: left as it is, it would
 * tell what is hidden. Throws where a reference leads out of the schema, as nobody can tell what it says.
 */
function withoutArguments(schema: Buffer, names: readonly string[]): Buffer {
  const edits: Edit[] = [];
  const seen = new Set([0]);
  const refs: string[] = [];
  strip(schema, scan(schema, schemaShape), names, edits, refs);
  // More come while these are followed.
  for (const ref of refs) {
    const at = located(schema, ref);
    if (seen.has(at.start)) continue;
    seen.add(at.start);
    if (seen.size > maxFollowed) throw new GatewayError('upstream_malformed', 'too many references in a schema');
    const part = schema.subarray(at.start, at.end);
    const inner: Edit[] = [];
    strip(part, scan(part, schemaShape), names, inner, refs);
    edits.push(...inner.map(({ start, end, text }) => ({ start: start + at.start, end: end + at.start, text })));
  }
  return splice(schema, outermost(edits));
}

const anyPart = compileShape({ each: {}, items: {} });

/** Where a reference leads: a JSON Pointer in a fragment (RFC 6901 §6). Throws `upstream_malformed` where that is nowhere here. */
function located(schema: Buffer, ref: string): { readonly start: number; readonly end: number } {
  let at = { start: 0, end: schema.length };
  for (const step of pointerOf(ref)) {
    const found = scan(schema.subarray(at.start, at.end), anyPart);
    const part = found.kind === 'array' ? found.items[Number(step)] : found.member(step);
    if (part === undefined) throw new GatewayError('upstream_malformed', 'a reference that leads nowhere');
    at = { start: at.start + part.start, end: at.start + part.end };
  }
  return at;
}

function pointerOf(ref: string): readonly string[] {
  if (ref === '#' || ref === '') return [];
  if (!ref.startsWith('#/')) throw new GatewayError('upstream_malformed', 'a reference that leads out of the schema');
  try {
    const steps = decodeURIComponent(ref.slice(2)).split('/');
    return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch (cause) {
    throw new GatewayError('upstream_malformed', 'a reference that is none', { cause });
  }
}

/** In order, without what stands within another one: a part may be reached in several ways. */
function outermost(edits: readonly Edit[]): Edit[] {
  const kept: Edit[] = [];
  for (const edit of edits.toSorted((one, other) => one.start - other.start || other.end - one.end))
    if (edit.start >= (kept.at(-1)?.end ?? 0)) kept.push(edit);
  return kept;
}

function strip(bytes: Buffer, schema: Found, names: readonly string[], edits: Edit[], refs: string[]): void {
  const gone: string[] = [];
  for (const { name: keyword, value } of schema.members) {
    switch (keyword) {
      case 'properties':
      case 'dependencies':
        edits.push(...removeMembers(bytes, value, names));
        break;
      case 'required':
        if (isEmptied(bytes, value, names, edits)) gone.push(keyword);
        break;
      case 'dependentRequired':
        for (const { name, value: needed } of value.members)
          if (!names.includes(name)) isEmptied(bytes, needed, names, edits, true);
        edits.push(...removeMembers(bytes, value, names));
        break;
      case 'dependentSchemas':
        for (const { name, value: inner } of value.members)
          if (!names.includes(name)) strip(bytes, inner, names, edits, refs);
        edits.push(...removeMembers(bytes, value, names));
        break;
      case '$ref':
      case '$dynamicRef':
      case '$recursiveRef':
        if (value.kind === 'string') refs.push(textOf(bytes, value));
        break;
      default:
        if (value.kind === 'array') for (const inner of value.items) strip(bytes, inner, names, edits, refs);
        else strip(bytes, value, names, edits, refs);
    }
  }
  edits.push(...removeMembers(bytes, schema, gone));
}

/** Removes names from a list of names. True if none is left, which draft-04 does not allow: then the list itself is removed. */
function isEmptied(bytes: Buffer, list: Found, names: readonly string[], edits: Edit[], mayBeEmpty = false): boolean {
  const { items } = list;
  const left = items.filter((each) => each.kind !== 'string' || !names.includes(textOf(bytes, each)));
  if (left.length === items.length) return false;
  if (left.length === 0 && !mayBeEmpty) return true;
  const text = `[${left.map(({ start, end }) => bytes.toString('utf8', start, end)).join()}]`;
  edits.push({ start: list.start, end: list.end, text });
  return false;
}
