/**
 * One page of an upstream's list as clients get it: only items that clients may see, with outward names and URIs, repaired where
 * clients would otherwise refuse the whole list, and unchanged in all other bytes. Bounded.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { itemsInSteps, readListPlaces, readServerMessage } from '../protocol/envelope.ts';
import type { ListItem, ListPlaces } from '../protocol/envelope.ts';
import { numberOf, textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import { removeMembers, setMember, splice } from '../protocol/splice.ts';
import type { Edit } from '../protocol/splice.ts';
import { editUri } from './content.ts';
import { readHints, unstated } from './hints.ts';
import type { Stated } from './hints.ts';
import { joined } from './joined.ts';
import { keyOf, memberOf, subjectOf } from './kinds.ts';
import type { ListKind } from './kinds.ts';
import { cutText, hasObjectRoot, inOrder, isPlainSchema, mendInputSchema, unfitMembers } from './mends.ts';
import { isNameable, listedName } from './names.ts';
import { isCompilable } from './output-schemas.ts';
import { overriddenTool } from './overridden-tool.ts';
import { decide } from './selectors.ts';
import { inOneGo } from './steps.ts';
import { listedUri } from './uris.ts';

export { memberOf, methodOf } from './kinds.ts';
export type { ListKind } from './kinds.ts';

/** Maximum number of items of one list; further ones are not shown. */
export const maxItemsPerList = 10_000;
/**
 * Maximum size of a description, and of a schema, as JSON text in bytes. A longer description is cut, a larger output schema is
 * removed, and a larger input schema hides its tool.
 */
const maxDescriptionBytes = 16 * 1024;
export const maxSchemaBytes = 256 * 1024;
/** Maximum size of the output schemas of one page that are checked, in bytes; further ones are removed. */
const maxParsedBytes = 2 * 1024 * 1024;
/** Maximum size of a URI or template, as JSON text in bytes. A longer one hides its item. */
const maxUriBytes = 4096;
/** Maximum length of a cursor, in UTF-16 units. It is sent to the client in sealed form. */
const maxCursorChars = 8192;

/** Why an item is not shown, apart from the operator's selectors. */
const hidings = ['unreadable', 'unnamed', 'name', 'repeated', 'oversized', 'illegal'] as const;
type Hiding = (typeof hidings)[number];

/** The repaired part of an item: its members, its schemas, or a description that was too long. */
const mendings = ['members', 'inputSchema', 'outputSchema', 'description'] as const;
type Mending = (typeof mendings)[number];

/** Why a list is cut: it has too many items, or a cursor that cannot be followed. */
type Cut = 'items' | 'cursor';

/** How a page is shown to one client. */
export interface Showing {
  /** Names of items that the protocol requires to drop. */
  readonly illegal: ReadonlySet<string>;
  /** The upstream is of an era with cache hints. */
  readonly hinted: boolean;
  /** An output schema may have any root: clients of the session era refuse a whole list if its root is not an object. */
  readonly anySchema: boolean;
  /** The client can call a tool as a task, so it is told which tools support that. */
  readonly tasks: boolean;
}

const plainly: Showing = { illegal: new Set(), hinted: false, anySchema: false, tasks: false };

export interface Page {
  /** The shown items, joined by commas. A separate buffer of exactly this size. */
  readonly body: Buffer;
  /** How many items are shown. */
  readonly count: number;
  /** The upstream's own names, URIs or URI templates of the shown items. */
  readonly keys: readonly string[];
  /** The upstream's own cursor, which may be the empty string. */
  readonly nextCursor: string | undefined;
  /** Number of items hidden because they are invalid; items excluded by a selector do not count. */
  readonly hidden: number;
  readonly hiddenBy: Readonly<Record<Hiding, number>>;
  /** Number of repaired items, and number of repairs by kind. */
  readonly mended: number;
  readonly mendedBy: Readonly<Record<Mending, number>>;
  readonly cut: Cut | undefined;
  /** Number of items of the upstream's page that were not read. */
  readonly left: number;
  /** The upstream's cache hints. */
  readonly stated: Stated;
}

/**
 * `reply` is the whole JSON-RPC response to the list method of `kind`. Throws `upstream_malformed` for an invalid response, and
 * `upstream_refused` for a JSON-RPC error; an upstream that does not know the method has an empty list.
 */
export function renderPage(reply: Buffer, kind: ListKind, upstream: UpstreamConfig, showing: Showing = plainly): Page {
  return inOneGo(renderSteps(reply, kind, upstream, showing));
}

/** The same in steps, none of which takes long. */
export function* renderSteps(
  reply: Buffer,
  kind: ListKind,
  upstream: UpstreamConfig,
  showing: Showing,
): Generator<undefined, Page> {
  const list = readList(reply, kind);
  const { overrides } = upstream;
  if (list === undefined) return emptyPage;
  const hiddenBy = counts(hidings);
  const mendedBy = counts(mendings);
  const rendering: Rendering = { kind, upstream, showing, mendedBy, parsedBytes: 0 };
  const keys = new Set<string>();
  const shown: Buffer[] = [];
  let mended = 0;
  for (const item of itemsInSteps(reply, list.places)) {
    if (item === undefined) {
      yield;
      continue;
    }
    const key = item.found?.member(keyOf(kind));
    const isNamed = key?.kind === 'string' && key.end - key.start <= maxKeyBytes;
    const text = isNamed ? textOf(item.bytes, key) : '';
    const hiding = hidingOf(item, key, text, kind, upstream) ?? (keys.has(text) ? 'repeated' : undefined);
    if (hiding !== undefined) hiddenBy[hiding]++;
    else if (showing.illegal.has(text)) hiddenBy.illegal++;
    else if (item.found !== undefined && key !== undefined && decide(upstream, subjectOf(kind), text)) {
      const { bytes, found } = kind === 'tools' ? overriddenTool(item, overrides?.get(text)) : item;
      if (found === undefined) {
        hiddenBy.unreadable++;
        continue;
      }
      const { edits, isMended } = itemEdits(bytes, found, found.member(keyOf(kind)) ?? key, text, rendering);
      if (isMended) mended++;
      shown.push(splice(bytes, inOrder(edits)));
      keys.add(text);
    }
  }
  const isOdd = list.hasOddCursor || (list.nextCursor?.length ?? 0) > maxCursorChars;
  return {
    body: joined(shown),
    count: keys.size,
    keys: [...keys],
    nextCursor: isOdd || list.left > 0 ? undefined : list.nextCursor,
    hidden: hidings.reduce((sum, name) => sum + hiddenBy[name], 0),
    hiddenBy,
    mended,
    mendedBy,
    cut: list.left > 0 ? 'items' : isOdd ? 'cursor' : undefined,
    left: list.left,
    stated: showing.hinted ? readHints(reply, list.root.member('result')) : unstated,
  };
}

function counts<T extends string>(names: readonly T[]): Record<T, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<T, number>;
}

export const emptyPage: Page = {
  body: Buffer.alloc(0),
  count: 0,
  keys: [],
  nextCursor: undefined,
  hidden: 0,
  hiddenBy: counts(hidings),
  mended: 0,
  mendedBy: counts(mendings),
  cut: undefined,
  left: 0,
  stated: unstated,
};

/** JSON-RPC 2.0 §5.1. Many servers declare resources and have no `resources/templates/list`. */
const methodNotFound = -32601;

function readList(reply: Buffer, kind: ListKind): ListPlaces | undefined {
  try {
    return readListPlaces(reply, memberOf(kind), maxItemsPerList);
  } catch (cause) {
    const code = errorCodeOf(reply);
    if (code === methodNotFound) return undefined;
    if (code !== undefined) throw new GatewayError('upstream_refused', `error ${code} for ${kind}`, { cause });
    throw new GatewayError('upstream_malformed', `no list of ${kind}`, { cause });
  }
}

/** The code of a JSON-RPC error response; undefined for any other response. */
function errorCodeOf(reply: Buffer): number | undefined {
  try {
    const code = readServerMessage(reply).root.member('error')?.member('code');
    return code?.kind === 'number' ? numberOf(reply, code) : undefined;
  } catch {
    return undefined;
  }
}

/** No allowed name is longer, even if it is escaped. */
const maxKeyBytes = 6 * maxUriBytes;

function hidingOf(
  { found }: ListItem,
  key: Found | undefined,
  text: string,
  kind: ListKind,
  upstream: UpstreamConfig,
): Hiding | undefined {
  if (found === undefined) return 'unreadable';
  if (sizeOf(key) > maxKeyBytes) return 'name';
  if (text === '') return 'unnamed';
  const subject = subjectOf(kind);
  if (subject === 'resource' ? Buffer.byteLength(text) > maxUriBytes : !isNameable(subject, upstream, text))
    return 'name';
  return sizeOf(found.member('inputSchema')) > maxSchemaBytes ? 'oversized' : undefined;
}

function sizeOf(found: Found | undefined): number {
  return found === undefined ? 0 : found.end - found.start;
}

/** One page during its construction. */
interface Rendering {
  readonly kind: ListKind;
  readonly upstream: UpstreamConfig;
  readonly showing: Showing;
  readonly mendedBy: Record<Mending, number>;
  /** Size of the output schemas checked so far. */
  parsedBytes: number;
}

function itemEdits(
  bytes: Buffer,
  item: Found,
  key: Found,
  text: string,
  rendering: Rendering,
): { readonly edits: Edit[]; readonly isMended: boolean } {
  const { kind, upstream, showing, mendedBy } = rendering;
  const mends: Edit[] = [];
  const reasons = new Set<Mending>();
  const gone = unfitMembers(bytes, item, kind, mends);
  if (mends.length > 0 || gone.length > 0) reasons.add('members');
  mendDescription(bytes, item, mends, reasons);
  if (kind === 'tools') {
    const before = mends.length;
    mendInputSchema(bytes, item, showing.anySchema, mends);
    if (mends.length > before) reasons.add('inputSchema');
    gone.push(...unfitOutputSchema(bytes, item, rendering, reasons));
  }
  const edits = mends;
  edits.push(...outwardKey(bytes, item, key, text, rendering, reasons));
  const meta = item.member('_meta');
  editUri(bytes, meta?.member('ui')?.member('resourceUri'), upstream, edits);
  editUri(bytes, meta?.member('ui/resourceUri'), upstream, edits);
  gone.push(...executionEdits(bytes, item, showing.tasks, edits, reasons));
  edits.push(...removeMembers(bytes, item, gone));
  for (const reason of reasons) mendedBy[reason]++;
  return { edits, isMended: reasons.size > 0 };
}

const taskSupports = new Set(['required', 'optional', 'forbidden']);

/** Which calls a tool supports as tasks concerns only clients that can make them; that it supports none concerns all. */
function executionEdits(
  bytes: Buffer,
  item: Found,
  isTold: boolean,
  edits: Edit[],
  reasons: Set<Mending>,
): readonly 'execution'[] {
  const execution = item.member('execution');
  const support = execution?.member('taskSupport');
  if (execution === undefined || support === undefined) return [];
  const text = support.kind === 'string' ? textOf(bytes, support) : '';
  const isKnown = taskSupports.has(text);
  if (!isKnown) reasons.add('members');
  if (isKnown && (isTold || text === 'forbidden')) return [];
  if (execution.members.length === 1) return ['execution'];
  edits.push(...removeMembers(bytes, execution, ['taskSupport']));
  return [];
}

function mendDescription(bytes: Buffer, item: Found, edits: Edit[], reasons: Set<Mending>): void {
  const description = item.member('description');
  if (description?.kind !== 'string' || sizeOf(description) <= maxDescriptionBytes) return;
  const text = cutText(textOf(bytes, description), maxDescriptionBytes);
  edits.push({ start: description.start, end: description.end, text });
  reasons.add('description');
}

/** Tools and prompts are shown by their names; a resource without a name gets its URI as name. */
function outwardKey(
  bytes: Buffer,
  item: Found,
  { start, end }: Found,
  text: string,
  { kind, upstream }: Rendering,
  reasons: Set<Mending>,
): Edit[] {
  if (kind === 'tools' || kind === 'prompts') {
    const name = listedName(upstream, text, kind === 'tools' ? 'tool' : 'prompt');
    return name === text ? [] : [{ start, end, text: JSON.stringify(name) }];
  }
  const edits: Edit[] = [];
  const uri = listedUri(upstream, text);
  if (uri !== text) edits.push({ start, end, text: JSON.stringify(uri) });
  if (item.member('name')?.kind !== 'string') {
    reasons.add('members');
    edits.push(setMember(bytes, item, 'name', JSON.stringify(text)));
  }
  return edits;
}

/** Removes an `outputSchema` for which clients would refuse the list. A root that is not an object does not count as a fault. */
function unfitOutputSchema(bytes: Buffer, item: Found, rendering: Rendering, reasons: Set<Mending>): string[] {
  const schema = item.member('outputSchema');
  if (schema === undefined) return [];
  const { anySchema } = rendering.showing;
  if (schema.kind === 'object' && !anySchema && !hasObjectRoot(bytes, schema)) return ['outputSchema'];
  const size = sizeOf(schema);
  rendering.parsedBytes += size;
  const isFit =
    schema.kind === 'object' &&
    size <= maxSchemaBytes &&
    rendering.parsedBytes <= maxParsedBytes &&
    (anySchema || isPlainSchema(bytes, schema)) &&
    isCompilable(JSON.parse(bytes.toString('utf8', schema.start, schema.end)), anySchema);
  if (isFit) return [];
  if (anySchema || schema.kind === 'object' || schema.kind === 'null') reasons.add('outputSchema');
  return ['outputSchema'];
}
