/**
 * One page of the merged list. Upstreams are in the order of the configuration, and each keeps the order of its own items. A page
 * ends when it is full; its cursor contains the next position, so any replica can return every page of every upstream (2025-11-25
 * server/utilities/pagination).
 */
import type { UpstreamConfig } from '../config/model.ts';
import { ConsentRequired, GatewayError } from '../errors.ts';
import type { Catalogue, KeptPage, Term, View } from './catalogue.ts';
import { claimsOf, settled } from './clashes.ts';
import type { NameClaims } from './clashes.ts';
import { mergeHints, notToBeKept } from './hints.ts';
import type { CacheHints, Part } from './hints.ts';
import { shownIn, without } from './filtered.ts';
import { concatenated, joined } from './joined.ts';
import { memberOf } from './kinds.ts';

/** A merged page is full when an upstream page reaches one of these limits; bytes are those of the items. */
const maxPageItems = 1000;
const maxPageBytes = 1024 * 1024;
/** Maximum number of pages of one upstream in one merged page: they may all be empty. */
const maxPagesDrained = 128;

/** Where a merged list continues: at the upstream's first page, or after its cursor. */
export interface Position {
  readonly upstream: UpstreamConfig;
  readonly cursor: string | undefined;
}

/** An upstream whose list is missing or incomplete, and why. For the log. */
interface Failure {
  readonly upstream: UpstreamConfig;
  readonly fault: unknown;
}

export interface Assembled {
  /** The JSON-RPC result object. */
  readonly body: Buffer;
  readonly next: Position | undefined;
  readonly failed: readonly Failure[];
  /** Upstreams whose lists are cut, and why. */
  readonly cut: readonly Failure[];
  /** Number of items that are hidden because an earlier upstream has their names. */
  readonly shadowed: number;
  /** The cache hints for the client. */
  readonly hints: CacheHints;
}

/**
 * `upstreams` are those with the capability, in the order of the configuration; `seal` converts a position into the client's
 * cursor. First pages load in parallel. An upstream that fails is left out. Throws `upstreams_all_down` when all fail, and
 * `cursor_invalid` when `from` names an upstream that is not among them.
 */
export async function assemble(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
  from: Position | undefined,
  seal: (next: Position) => string,
): Promise<Assembled> {
  const name = listName(view, from);
  // A list that was filtered for one caller is not cached; its pages are.
  const warm = view.shows === undefined ? catalogue.merged.find(name, upstreams, view.nowMs) : undefined;
  if (warm !== undefined) {
    const { body, next, madeOf } = warm;
    return {
      body: withCursor(body, next, seal),
      next,
      failed: [],
      cut: [],
      shadowed: 0,
      hints: hintsOf(madeOf, from, next, view.nowMs),
    };
  }

  const first = from === undefined ? 0 : upstreams.findIndex(({ id }) => id === from.upstream.id);
  if (first === -1) throw new GatewayError('cursor_invalid', `upstream ${from?.upstream.id} is not in the list`);
  const rest = upstreams.slice(first);
  // Another replica may have issued the cursor; items before it are not listed again.
  if (from?.cursor !== undefined && !catalogue.knowsWayTo(view, from.upstream, from.cursor))
    await catalogue.pages(view, from.upstream).catch(() => []);
  const starts = await Promise.all(
    rest.map((upstream, at) => pageOrFailure(catalogue, view, upstream, at === 0 ? from?.cursor : undefined)),
  );

  const claims = await claimsOf(catalogue, view, upstreams);
  const madeOf = claims === undefined ? [] : [...claims.madeOf];
  const draft: Draft = {
    claims,
    bodies: [],
    madeOf,
    items: 0,
    bytes: 0,
    failed: [],
    cut: [],
    shadowed: 0,
    next: undefined,
  };
  let answered = 0;
  for (const [at, start] of starts.entries()) {
    const upstream = rest[at];
    if (upstream === undefined) break;
    if (isFull(draft)) {
      draft.next = { upstream, cursor: undefined };
      break;
    }
    if ('upstream' in start) {
      draft.failed.push(start);
      continue;
    }
    answered++;
    await drain(catalogue, view, upstream, start, draft);
    if (draft.next !== undefined) break;
  }
  if (answered === 0 && rest.length > 0) {
    // Nothing else would tell the user where to give it.
    const consent = draft.failed.find(({ fault }) => fault instanceof ConsentRequired);
    if (consent !== undefined) throw consent.fault;
    throw new GatewayError('upstreams_all_down', `no ${view.kind} from any of ${rest.length}`, {
      cause: draft.failed[0]?.fault,
    });
  }
  const { next, failed, cut } = draft;
  const body = render(view, draft);
  // An upstream that is not on this page may have failed. Its names still affect which names the others may use.
  const isWhole = failed.length === 0 && claims?.isWhole !== false;
  if (isWhole && view.shows === undefined) {
    const list = { body, next, upstreams: [...upstreams], madeOf: draft.madeOf };
    catalogue.merged.keep(name, view.principal, list, view.nowMs);
  }
  const shared = isWhole && cut.length === 0 ? hintsOf(draft.madeOf, from, next, view.nowMs) : notToBeKept;
  const hints: CacheHints = view.shows === undefined ? shared : { ...shared, cacheScope: 'private' };
  return { body: withCursor(body, next, seal), next, failed, cut, shadowed: draft.shadowed, hints };
}

/**
 * All pages of one list must have the same `cacheScope` (2026-07-28 server/utilities/caching). The first page is sent before the
 * others are known, and cursors are sealed for one principal, so a list of several pages is private.
 */
function hintsOf(
  madeOf: readonly Part[],
  from: Position | undefined,
  next: Position | undefined,
  nowMs: number,
): CacheHints {
  const hints = mergeHints(madeOf, nowMs);
  return from === undefined && next === undefined ? hints : { ...hints, cacheScope: 'private' };
}

/** The merged page during its construction. */
interface Draft {
  /** Undefined if no name depends on another upstream's. */
  readonly claims: NameClaims | undefined;
  readonly bodies: Buffer[];
  readonly madeOf: Term[];
  readonly failed: Failure[];
  readonly cut: Failure[];
  items: number;
  bytes: number;
  shadowed: number;
  next: Position | undefined;
}

function isFull(draft: Draft): boolean {
  return draft.items >= maxPageItems || draft.bytes >= maxPageBytes;
}

/** Adds an upstream's pages from `start` on, until they end or the draft is full. */
async function drain(
  catalogue: Catalogue,
  view: View,
  upstream: UpstreamConfig,
  start: KeptPage,
  draft: Draft,
): Promise<void> {
  let held = start;
  const listed = new Set<string>();
  for (let pages = 1; ; pages++) {
    // The catalogue compares only cached pages; a page that has just changed is not cached.
    const whole = without(held.page, listed);
    const bringsNothing = whole.count === 0 && held.page.count > 0;
    const page = view.shows === undefined ? whole : shownFor(view.shows, whole, upstream);
    const { body, count } = page;
    const nextCursor = bringsNothing ? undefined : page.nextCursor;
    if (nextCursor !== undefined) for (const key of whole.keys) listed.add(key);
    draft.madeOf.push(held.term);
    const { body: shown, shadowed } =
      draft.claims === undefined ? { body, shadowed: 0 } : settled(page, upstream, draft.claims);
    draft.shadowed += shadowed;
    if (shown.length > 0) draft.bodies.push(shown);
    draft.items += count;
    draft.bytes += body.length;
    const fault = held.fault ?? (bringsNothing && page.nextCursor !== undefined ? nothingNew() : undefined);
    if (fault !== undefined) draft.cut.push({ upstream, fault });
    if (nextCursor === undefined) return;
    if (isFull(draft) || pages === maxPagesDrained) {
      draft.next = { upstream, cursor: nextCursor };
      return;
    }
    const next = await pageOrFailure(catalogue, view, upstream, nextCursor);
    if ('upstream' in next) {
      draft.failed.push(next);
      return;
    }
    held = next;
  }
}

function shownFor(
  shows: NonNullable<View['shows']>,
  page: KeptPage['page'],
  upstream: UpstreamConfig,
): KeptPage['page'] {
  return shownIn(page, (key) => shows(upstream, key));
}

function nothingNew(): GatewayError {
  return new GatewayError('upstream_malformed', 'a list without end: a page brings nothing new');
}

async function pageOrFailure(
  catalogue: Catalogue,
  view: View,
  upstream: UpstreamConfig,
  cursor: string | undefined,
): Promise<KeptPage | Failure> {
  try {
    return await catalogue.page(view, upstream, cursor);
  } catch (fault) {
    return { upstream, fault };
  }
}

/** The result object, left open at its end if more members follow. */
function render(view: View, { bodies, next }: Draft): Buffer {
  const start = Buffer.from(`{"${memberOf(view.kind)}":[`);
  return concatenated(next === undefined ? [start, joined(bodies), end] : [start, joined(bodies)]);
}

const end = Buffer.from(']}');

function withCursor(body: Buffer, next: Position | undefined, seal: (next: Position) => string): Buffer {
  if (next === undefined) return body;
  return Buffer.concat([body, Buffer.from(`],"nextCursor":${JSON.stringify(seal(next))}}`)]);
}

function listName(view: View, from: Position | undefined): string {
  const position = from === undefined ? '' : JSON.stringify([from.upstream.id, from.cursor]);
  return `${view.kind} ${position} ${view.principal}`;
}
