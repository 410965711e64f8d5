/**
 * One page of an upstream's list as clients get it (protocol.md D3, D4, D9): the items that exist for clients, under outward
 * names and URIs, and otherwise byte for byte as they came. Bounded as security.md T22 and R11 say.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { readListResult, readServerMessage } from '../protocol/envelope.ts';
import type { ListResult } from '../protocol/envelope.ts';
import { numberOf, textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import { removeMembers, splice } from '../protocol/splice.ts';
import type { Edit } from '../protocol/splice.ts';
import { editUri } from './content.ts';
import { readHints, unstated } from './hints.ts';
import type { Stated } from './hints.ts';
import { keyOf, memberOf, subjectOf } from './kinds.ts';
import type { ListKind } from './kinds.ts';
import { isNameable, listedName } from './names.ts';
import { decide } from './selectors.ts';

export { memberOf, methodOf } from './kinds.ts';
export type { ListKind } from './kinds.ts';

/** Items of one list. A page beyond it is refused whole; the catalogue ends a list of several pages there. */
export const maxItemsPerList = 10_000;
/** A description, and a schema, as JSON text in bytes. A larger one hides its item. */
const maxDescriptionBytes = 16 * 1024;
const maxSchemaBytes = 256 * 1024;
/** A cursor travels sealed to the client and back. In UTF-16 units. */
const maxCursorChars = 8192;

/** Why an item is not shown, apart from the operator's selectors. */
type Hiding = 'unnamed' | 'name' | 'repeated' | 'oversized' | 'illegal';

/** How a page is shown to one client. */
export interface Showing {
  /** Names of items that the protocol says to drop. */
  readonly illegal: ReadonlySet<string>;
  /** The upstream is of an era that says how long a list counts and for whom. */
  readonly hinted: boolean;
  /** An output schema may be of any kind: clients of the session era refuse a whole list for one that is not an object's (protocol.md D9). */
  readonly anySchema: boolean;
  /** The client can call a tool as a task, so it is told which it may (protocol.md D9). */
  readonly tasks: boolean;
}

const plainly: Showing = { illegal: new Set(), hinted: false, anySchema: false, tasks: false };

export interface Page {
  /** The shown items, joined by commas. */
  readonly body: Buffer;
  /** How many items are shown. */
  readonly count: number;
  /** The upstream's own names, URIs or URI templates of the shown items. */
  readonly keys: readonly string[];
  /** The upstream's own cursor, which may be the empty string. */
  readonly nextCursor: string | undefined;
  /** How many items are hidden for a fault of theirs; those excluded by a selector do not count. */
  readonly hidden: number;
  readonly hiddenBy: Readonly<Record<Hiding, number>>;
  /** How long the upstream says that it counts, and for whom. */
  readonly stated: Stated;
}

/**
 * `reply` is the whole JSON-RPC response to the list method of `kind`. Throws `upstream_malformed` for what is no such response,
 * and `upstream_refused` for a JSON-RPC error; an upstream that does not know the method has an empty list.
 */
export function renderPage(reply: Buffer, kind: ListKind, upstream: UpstreamConfig, showing: Showing = plainly): Page {
  const list = readList(reply, kind);
  if (list === undefined) return emptyPage;
  if (list.items.length > maxItemsPerList) throw malformed(`${list.items.length} ${kind} in a page`);
  if (list.nextCursor !== undefined && list.nextCursor.length > maxCursorChars) throw malformed('cursor too long');

  const hiddenBy = { unnamed: 0, name: 0, repeated: 0, oversized: 0, illegal: 0 };
  const keys = new Set<string>();
  const edits: Edit[] = [];
  let shownUpTo = 0;
  for (const item of list.items) {
    const key = item.member(keyOf(kind));
    const text = key?.kind === 'string' ? textOf(reply, key) : '';
    const hiding =
      hidingOf(item, text, kind, upstream) ??
      (keys.has(text) ? 'repeated' : showing.illegal.has(text) ? 'illegal' : undefined);
    if (hiding !== undefined) hiddenBy[hiding]++;
    else if (key !== undefined && decide(upstream, subjectOf(kind), text)) {
      edits.push({ start: shownUpTo, end: item.start, text: keys.size === 0 ? '' : ',' });
      edits.push(...itemEdits(reply, item, key, text, upstream, showing).sort((one, other) => one.start - other.start));
      shownUpTo = item.end;
      keys.add(text);
    }
  }
  edits.push({ start: shownUpTo, end: reply.length, text: '' });
  return {
    body: splice(reply, edits),
    count: keys.size,
    keys: [...keys],
    nextCursor: list.nextCursor,
    hidden: hiddenBy.unnamed + hiddenBy.name + hiddenBy.repeated + hiddenBy.oversized + hiddenBy.illegal,
    hiddenBy,
    stated: showing.hinted ? readHints(reply, list.root.member('result')) : unstated,
  };
}

export const emptyPage: Page = {
  body: Buffer.alloc(0),
  count: 0,
  keys: [],
  nextCursor: undefined,
  hidden: 0,
  hiddenBy: { unnamed: 0, name: 0, repeated: 0, oversized: 0, illegal: 0 },
  stated: unstated,
};

/** JSON-RPC 2.0 §5.1. Many servers declare resources and have no `resources/templates/list`. */
const methodNotFound = -32601;

function readList(reply: Buffer, kind: ListKind): ListResult | undefined {
  try {
    return readListResult(reply, memberOf(kind));
  } catch (cause) {
    const code = errorCodeOf(reply);
    if (code === methodNotFound) return undefined;
    if (code !== undefined) throw new GatewayError('upstream_refused', `error ${code} for ${kind}`, { cause });
    throw new GatewayError('upstream_malformed', `no list of ${kind}`, { cause });
  }
}

/** The code of a JSON-RPC error response; undefined for anything else. */
function errorCodeOf(reply: Buffer): number | undefined {
  try {
    const code = readServerMessage(reply).root.member('error')?.member('code');
    return code?.kind === 'number' ? numberOf(reply, code) : undefined;
  } catch {
    return undefined;
  }
}

function hidingOf(item: Found, key: string, kind: ListKind, upstream: UpstreamConfig): Hiding | undefined {
  if (key === '') return 'unnamed';
  const subject = subjectOf(kind);
  if (subject !== 'resource' && !isNameable(subject, upstream, key)) return 'name';
  const isOversized =
    sizeOf(item.member('description')) > maxDescriptionBytes ||
    sizeOf(item.member('inputSchema')) > maxSchemaBytes ||
    sizeOf(item.member('outputSchema')) > maxSchemaBytes;
  return isOversized ? 'oversized' : undefined;
}

function sizeOf(found: Found | undefined): number {
  return found === undefined ? 0 : found.end - found.start;
}

function itemEdits(
  reply: Buffer,
  item: Found,
  key: Found,
  text: string,
  upstream: UpstreamConfig,
  showing: Showing,
): Edit[] {
  const edits: Edit[] = [];
  if (key.name === 'name') {
    edits.push({ start: key.start, end: key.end, text: JSON.stringify(listedName(upstream, text)) });
  } else editUri(reply, key, upstream, edits);
  const meta = item.member('_meta');
  editUri(reply, meta?.member('ui')?.member('resourceUri'), upstream, edits);
  editUri(reply, meta?.member('ui/resourceUri'), upstream, edits);
  const removed: string[] = [];
  const schema = item.member('outputSchema');
  if (schema !== undefined && !showing.anySchema && !isObjectSchema(reply, schema)) removed.push('outputSchema');
  const execution = showing.tasks ? undefined : item.member('execution');
  if (execution?.member('taskSupport') !== undefined) {
    if (execution.members.length === 1) removed.push('execution');
    else edits.push(...removeMembers(reply, execution, ['taskSupport']));
  }
  if (removed.length > 0) edits.push(...removeMembers(reply, item, removed));
  return edits;
}

function isObjectSchema(reply: Buffer, schema: Found): boolean {
  const type = schema.member('type');
  return type?.kind === 'string' && textOf(reply, type) === 'object';
}

function malformed(detail: string): GatewayError {
  return new GatewayError('upstream_malformed', detail);
}
