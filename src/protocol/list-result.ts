/**
 * One page of a list in an upstream's answer (2025-11-25 server/utilities/pagination): the items with the members that the
 * gateway reads, and the cursor. Each item is read separately, so that an unreadable one does not affect the others.
 */
import { CheckedEnds, checkedIn, noteCheckedPart } from './checked.ts';
import { skipSpace, skipValue, wordsOf } from './grammar.ts';
import { invalid, readMessage } from './message.ts';
import { compileShape, scan, textOf } from './scan.ts';
import type { Found, Shape } from './scan.ts';

export type ListMember = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

export interface ListItem {
  /** A view of the response's memory. */
  readonly bytes: Buffer;
  /** Its members, as positions in `bytes`; undefined if it is not an object, or repeats a member. */
  readonly found: Found | undefined;
}

export interface ListResult extends ListPlaces {
  readonly items: readonly ListItem[];
}

/** A list whose items have not been read yet. */
export interface ListPlaces {
  readonly places: readonly ListPlace[];
  /** Number of items of the page beyond the requested number. */
  readonly left: number;
  readonly nextCursor: string | undefined;
  /** The cursor is present but not a string, so it cannot be followed. */
  readonly hasOddCursor: boolean;
  readonly root: Found;
}

type ListPlace = readonly [start: number, end: number];

const value: Shape = {};

const schema: Shape = { members: { type: value, properties: { each: value }, required: { items: value } } };

const itemShape = compileShape({
  members: {
    name: value,
    uri: value,
    uriTemplate: value,
    title: value,
    description: value,
    mimeType: value,
    size: value,
    icons: { items: { members: { src: value, mimeType: value, sizes: { items: value }, theme: value } } },
    arguments: { items: { members: { name: value, title: value, description: value, required: value } } },
    annotations: {
      members: {
        title: value,
        readOnlyHint: value,
        destructiveHint: value,
        idempotentHint: value,
        openWorldHint: value,
        audience: { items: value },
        priority: value,
        lastModified: value,
      },
    },
    inputSchema: schema,
    outputSchema: schema,
    execution: { members: { taskSupport: value }, each: value },
    // MCP Apps: the nested key, and the flat one of its first drafts.
    _meta: { members: { ui: { members: { resourceUri: value } }, 'ui/resourceUri': value } },
  },
});

const shapes = {
  tools: responseShape('tools'),
  prompts: responseShape('prompts'),
  resources: responseShape('resources'),
  resourceTemplates: responseShape('resourceTemplates'),
};

function responseShape(member: ListMember): ReturnType<typeof compileShape> {
  return compileShape({
    members: {
      jsonrpc: value,
      id: value,
      method: value,
      params: value,
      error: { members: { code: value, message: value } },
      result: { members: { [member]: value, nextCursor: value, ttlMs: value, cacheScope: value } },
    },
  });
}

/**
 * Reads a whole JSON-RPC response, up to `maxItems` of its items. `null` counts as an empty list, because some servers write it.
 * Throws what `scan` throws, and `message_invalid` if it is an error or has no such list.
 */
export function readListResult(bytes: Buffer, member: ListMember, maxItems = Infinity): ListResult {
  const list = readListPlaces(bytes, member, maxItems);
  return { ...list, items: list.places.map((place) => readItemAt(bytes, place)) };
}

/** The same, but for the items: a list of megabytes is not read in one go. */
export function readListPlaces(bytes: Buffer, member: ListMember, maxItems = Infinity): ListPlaces {
  const { root } = readMessage(bytes, shapes[member]);
  const result = root.member('result');
  const list = result?.member(member);
  if (list?.kind !== 'array' && list?.kind !== 'null') throw invalid(`no list of ${member}`);
  const cursor = result?.member('nextCursor');
  const all = list.kind === 'array' ? [...elements(bytes, list.start)] : [];
  const places = all.slice(0, Math.min(maxItems, all.length));
  return {
    places,
    left: all.length - places.length,
    nextCursor: cursor?.kind === 'string' ? textOf(bytes, cursor) : undefined,
    hasOddCursor: cursor !== undefined && cursor.kind !== 'string' && cursor.kind !== 'null',
    root,
  };
}

/** Items are read until so many bytes of them were; then others have their turn. */
const bytesPerStep = 128 * 1024;

/** Reads item after item, with a step now and then: `undefined` in place of an item. */
export function* itemsInSteps(bytes: Buffer, places: readonly ListPlace[]): Generator<ListItem | undefined> {
  let read = 0;
  for (const place of places) {
    yield readItemAt(bytes, place);
    read += place[1] - place[0];
    if (read < bytesPerStep) continue;
    read = 0;
    yield undefined;
  }
}

function readItemAt(bytes: Buffer, [start, end]: ListPlace): ListItem {
  const part = bytes.subarray(start, end);
  noteCheckedPart(part, bytes, start);
  return readListItem(part);
}

/** The positions of the elements of an array whose grammar has been checked; `from` is its first byte. */
export function* elements(bytes: Buffer, from: number): Generator<readonly [start: number, end: number]> {
  const words = wordsOf(bytes);
  const checked = checkedIn(bytes);
  const ends = checked === undefined ? undefined : new CheckedEnds(checked);
  let at = skipSpace(bytes, from + 1);
  if (bytes[at] === 0x5d) return;
  for (;;) {
    const end = ends?.endAt(at) || skipValue(bytes, words, at, 0);
    yield [at, end];
    at = skipSpace(bytes, end);
    if (bytes[at] !== 0x2c) return;
    at = skipSpace(bytes, at + 1);
  }
}

/** Reads one item. */
export function readListItem(bytes: Buffer): ListItem {
  try {
    const found = scan(bytes, itemShape);
    return { bytes, found: found.kind === 'object' ? found : undefined };
  } catch {
    return { bytes, found: undefined };
  }
}
