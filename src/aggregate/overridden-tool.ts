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
    },
  };
}

function withoutArguments(schema: Buffer, names: readonly string[]): Buffer {
  const edits: Edit[] = [];
  strip(schema, scan(schema, schemaShape), names, edits);
  return splice(schema, inOrder(edits));
}

function strip(bytes: Buffer, schema: Found, names: readonly string[], edits: Edit[]): void {
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
          if (!names.includes(name)) strip(bytes, inner, names, edits);
        edits.push(...removeMembers(bytes, value, names));
        break;
      default:
        if (value.kind === 'array') for (const inner of value.items) strip(bytes, inner, names, edits);
        else strip(bytes, value, names, edits);
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
