/**
 * A cache of upstream lists: pages by upstream, kind and audience, so that no client gets the private page of another (2026-07-28
 * server/utilities/caching). A page is loaded at its first request, and once for all concurrent requests. A failed load is not
 * cached. Entries, pages and bytes are limited, so an endless list cannot fill the memory. Clock and loader are arguments.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { statedUntil } from './hints.ts';
import type { ListKind } from './kinds.ts';
import { KnownNames } from './known-names.ts';
import { MergedLists } from './joined-pages.ts';
import { fitting, without } from './filtered.ts';
import { maxItemsPerList } from './page.ts';
import type { Page } from './page.ts';
import { ownerOf, textBytes, thingBytes } from './shelf.ts';
import type { KeptPage, View } from './view.ts';

export type { KeptPage, Term, View } from './view.ts';

export interface CatalogueLimits {
  /** Maximum number of cached lists: one for each upstream, kind and audience. */
  readonly maxEntries: number;
  /** Maximum bytes of the whole cache, keys included. */
  readonly maxBytes: number;
  /** Maximum item bytes and pages of one list. */
  readonly maxListBytes: number;
  readonly maxPages: number;
}

const defaultLimits: CatalogueLimits = {
  maxEntries: 16_384,
  maxBytes: 64 * 1024 * 1024,
  maxListBytes: 16 * 1024 * 1024,
  maxPages: 128,
};

/** Minimum time that a cut list is cached, in ms, because loading it again is as expensive as a list can be. */
const cutTtlMs = 60_000;
/** Number of entries whose age is checked at each request for a page. */
const maxSwept = 4;

/** One upstream's list. Pages are stored under the cursor with which they were requested. */
interface Entry {
  readonly name: string;
  readonly upstreamId: string;
  readonly kind: ListKind;
  readonly isPublic: boolean;
  readonly owner: string;
  readonly pages: Map<string | undefined, KeptPage>;
  readonly loading: Map<string | undefined, Promise<KeptPage>>;
}

export class Catalogue {
  /** Whole merged lists, valid as long as each of their pages is. */
  readonly merged = new MergedLists();
  /** Finds the owner of a name. */
  readonly names = new KnownNames();
  readonly #limits: CatalogueLimits;
  /** Ordered by latest load, oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** The public entries. */
  readonly #public = new Set<Entry>();
  /** The entries of each session, and of each principal. */
  readonly #byOwner = new Map<string, Set<Entry>>();
  /** Counts the invalidations of each upstream. */
  readonly #changes = new Map<string, number>();
  #bytes = 0;

  constructor(limits: Partial<CatalogueLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * The page at `cursor`; synchronous if it is cached. Rejects like `view.load`. A list that leads back to one of its own pages,
   * or exceeds a limit, ends: that page has a fault and no `nextCursor`.
   */
  page(view: View, upstream: UpstreamConfig, cursor: string | undefined): KeptPage | Promise<KeptPage> {
    const name = nameOf(view.kind, upstream.id, view.audienceOf(upstream));
    const known = this.#entries.get(name);
    const held =
      this.#fresh(known, cursor, view.nowMs) ?? this.#fresh(this.#shared(view, upstream), cursor, view.nowMs);
    if (held !== undefined) return held;
    const underWay = known?.loading.get(cursor);
    if (underWay !== undefined) return underWay;
    const entry = known ?? emptyEntry(name, view, upstream, view.audienceOf(upstream), false);
    const changes = this.changesOf(upstream.id);
    const loading = view.load(upstream, view.kind, cursor).then(
      (page) => {
        entry.loading.delete(cursor);
        const isShared = page.stated.isPublic && this.changesOf(upstream.id) === changes;
        return this.#keep(
          entry,
          isShared ? this.#sharedEntry(view, upstream) : undefined,
          view,
          upstream,
          cursor,
          page,
        );
      },
      (fault: unknown) => {
        entry.loading.delete(cursor);
        throw fault;
      },
    );
    entry.loading.set(cursor, loading);
    this.#sweep(view.nowMs);
    this.#moveToEnd(entry);
    this.#evict();
    return loading;
  }

  /** Whether all pages before `cursor` are cached, so that their items are not listed again. */
  knowsWayTo(view: View, upstream: UpstreamConfig, cursor: string): boolean {
    const own = this.#entries.get(nameOf(view.kind, upstream.id, view.audienceOf(upstream)));
    return [own, this.#shared(view, upstream)].some(
      (entry) => entry !== undefined && leadsTo(entry, undefined, cursor),
    );
  }

  #fresh(entry: Entry | undefined, cursor: string | undefined, nowMs: number): KeptPage | undefined {
    const held = entry?.pages.get(cursor);
    return held !== undefined && held.term.freshUntil > nowMs ? held : undefined;
  }

  #sharedEntry(view: View, upstream: UpstreamConfig): Entry | undefined {
    const audience = view.publicAudienceOf(upstream);
    if (audience === undefined) return undefined;
    const name = nameOf(view.kind, upstream.id, audience);
    const entry = this.#entries.get(name) ?? emptyEntry(name, view, upstream, audience, true);
    this.#moveToEnd(entry);
    this.#public.add(entry);
    return entry;
  }

  #shared(view: View, upstream: UpstreamConfig): Entry | undefined {
    const audience = view.publicAudienceOf(upstream);
    return audience === undefined ? undefined : this.#entries.get(nameOf(view.kind, upstream.id, audience));
  }

  /** Moves the entry to the end: its load is the latest. */
  #moveToEnd(entry: Entry): void {
    if (!this.#entries.delete(entry.name)) {
      this.#bytes += entryBytes(entry);
      const owned = this.#byOwner.get(entry.owner);
      if (owned === undefined) this.#byOwner.set(entry.owner, new Set([entry]));
      else owned.add(entry);
    }
    this.#entries.set(entry.name, entry);
  }

  /** Evicts the oldest entries, a few at a time, if everything in them has expired. */
  #sweep(nowMs: number): void {
    let swept = 0;
    for (const entry of this.#entries.values()) {
      if (swept++ === maxSwept || entry.loading.size > 0) return;
      for (const { term } of entry.pages.values()) if (term.freshUntil > nowMs) return;
      this.#drop(entry);
    }
  }

  /** Number of cached lists, over all audiences. */
  get size(): number {
    return this.#entries.size;
  }

  /** Removes everything cached for a session that has ended. `owner` is the first word of its audience. */
  forget(owner: string): void {
    for (const entry of this.#byOwner.get(owner) ?? []) this.#drop(entry);
    this.merged.forget(owner);
    this.names.forget(owner);
  }

  /** All pages of one upstream's list, in order. Rejects like `page`. */
  async pages(view: View, upstream: UpstreamConfig): Promise<readonly KeptPage[]> {
    const list: KeptPage[] = [];
    const listed = new Set<string>();
    const { maxPages, maxListBytes } = this.#limits;
    let bytes = 0;
    let cursor: string | undefined;
    do {
      const next = this.page(view, upstream, cursor);
      const held = next instanceof Promise ? await next : next;
      // A page that has changed meanwhile was not cached, so later pages could not be compared with it.
      const page = without(held.page, listed);
      if (page !== held.page) view.onRepeated?.(upstream);
      // Nor bounded by the pages before it.
      bytes += page.body.length;
      if (list.length > 0 && (listed.size + page.count > maxItemsPerList || bytes > maxListBytes)) return list;
      list.push(page === held.page ? held : { ...held, page });
      if (page.count === 0 && held.page.count > 0) return list;
      cursor = page.nextCursor;
      if (cursor !== undefined) for (const key of page.keys) listed.add(key);
    } while (cursor !== undefined && list.length < maxPages);
    return list;
  }

  /**
   * Removes lists of an upstream: of one kind or all, for one audience or all; public lists always. Loads in progress are not
   * cached either.
   */
  invalidate(upstreamId: string, kind?: ListKind, audience?: string): void {
    this.#changes.set(upstreamId, this.changesOf(upstreamId) + 1);
    if (kind !== undefined && audience !== undefined) {
      const entry = this.#entries.get(nameOf(kind, upstreamId, audience));
      if (entry !== undefined) this.#drop(entry);
      for (const shared of this.#public) {
        if (shared.upstreamId === upstreamId && shared.kind === kind) this.#drop(shared);
      }
      return;
    }
    for (const entry of this.#entries.values()) {
      if (entry.upstreamId !== upstreamId) continue;
      if (kind !== undefined && entry.kind !== kind) continue;
      this.#drop(entry);
    }
  }

  /** Whether a cached list of an upstream, for one audience or for all, contains `key`, the upstream's own name. */
  offers(upstreamId: string, kind: ListKind, key: string, audience?: string): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.upstreamId !== upstreamId || entry.kind !== kind) continue;
      const isSeen =
        audience === undefined || this.#public.has(entry) || entry.name === nameOf(kind, upstreamId, audience);
      if (isSeen && [...entry.pages.values()].some(({ page }) => page.keys.includes(key))) return true;
    }
    return false;
  }

  /** Changes with each invalidation of the upstream. */
  changesOf(upstreamId: string): number {
    return this.#changes.get(upstreamId) ?? 0;
  }

  /** `shared` is the audience of a public page. */
  #keep(
    own: Entry,
    shared: Entry | undefined,
    view: View,
    upstream: UpstreamConfig,
    cursor: string | undefined,
    page: Page,
  ): KeptPage {
    const isCurrent = this.#entries.get(own.name) === own;
    const entry = (isCurrent ? shared : undefined) ?? own;
    for (const [at, held] of entry.pages) {
      if (at === cursor || held.term.freshUntil <= view.nowMs) this.#dropPage(entry, at, held);
    }
    const keptMs = page.stated.ttlMs ?? view.ttlMsOf(upstream);
    const held: KeptPage = {
      ...this.#bounded(entry, cursor, page, () => view.onRepeated?.(upstream)),
      term: {
        freshUntil: isCurrent ? view.nowMs + Math.max(keptMs, 1) : -Infinity,
        statedUntil: isCurrent ? statedUntil(page.stated, view.nowMs) : -Infinity,
        isPublic: entry.isPublic,
      },
    };
    if (!isCurrent) return held;
    entry.pages.set(cursor, held);
    this.#bytes += pageBytes(cursor, held.page);
    if (held.fault !== undefined) keepLonger(entry, view.nowMs + cutTtlMs);
    if (entry !== own && own.pages.size + own.loading.size === 0) this.#drop(own);
    this.#evict();
    return held;
  }

  /** The page for the cache: without items of earlier pages, and complete or marked as the last of its list. */
  #bounded(
    entry: Entry,
    cursor: string | undefined,
    page: Page,
    onRepeated: () => void,
  ): Pick<KeptPage, 'page' | 'fault'> {
    const { maxListBytes, maxPages } = this.#limits;
    // For a page that was requested out of order, its earlier pages are unknown: all cached ones may come before it.
    const known = pagesBefore(entry, cursor);
    const before = known ?? [...entry.pages.values()];
    const fresh = without(page, new Set(known?.flatMap((held) => held.page.keys)));
    if (fresh.count < page.count) onRepeated();
    let count = 0;
    let bytes = 0;
    for (const held of before) {
      count += held.page.count;
      bytes += held.page.body.length;
    }
    const fit = fitting(fresh, maxItemsPerList - count, maxListBytes - bytes);
    if (fit.count < fresh.count)
      return { page: lastPage(fit), fault: endless(`no more than its first ${count + fit.count} items fit`) };
    if (page.cut !== undefined) return { page: lastPage(fit), fault: endless(cutDetail(page)) };
    if (page.nextCursor === undefined) return { page: fit, fault: undefined };
    const pages = before.length + 1;
    if (pages >= maxPages) return { page: lastPage(fit), fault: endless(`${pages} pages`) };
    const bringsNothing = page.count > 0 && fit.count === 0;
    // Servers that end a list with "" return their first page for that cursor: this is the end, and not a fault. For all other
    // servers the empty string is an ordinary cursor (2026-07-28 server/utilities/pagination).
    if (bringsNothing && cursor === '') return { page: lastPage(fit), fault: undefined };
    if (bringsNothing) return { page: lastPage(fit), fault: endless('a page brings nothing new') };
    if (!leadsTo(entry, page.nextCursor, cursor)) return { page: fit, fault: undefined };
    return { page: lastPage(fit), fault: endless('a cursor leads back') };
  }

  #evict(): void {
    for (const entry of this.#entries.values()) {
      const isOver = this.#entries.size > this.#limits.maxEntries || this.#bytes > this.#limits.maxBytes;
      if (!isOver || this.#entries.size === 1) return;
      this.#drop(entry);
    }
  }

  #drop(entry: Entry): void {
    if (this.#entries.get(entry.name) !== entry) return;
    this.#entries.delete(entry.name);
    this.#bytes -= entryBytes(entry);
    this.#public.delete(entry);
    const owned = this.#byOwner.get(entry.owner);
    owned?.delete(entry);
    if (owned?.size === 0) this.#byOwner.delete(entry.owner);
    for (const [cursor, held] of entry.pages) this.#dropPage(entry, cursor, held);
  }

  #dropPage(entry: Entry, cursor: string | undefined, held: KeptPage): void {
    held.term.freshUntil = -Infinity;
    entry.pages.delete(cursor);
    this.#bytes -= pageBytes(cursor, held.page);
  }
}

function emptyEntry(name: string, view: View, upstream: UpstreamConfig, audience: string, isPublic: boolean): Entry {
  return {
    name,
    owner: ownerOf(audience),
    upstreamId: upstream.id,
    kind: view.kind,
    isPublic,
    pages: new Map(),
    loading: new Map(),
  };
}

/** Ids and kinds contain no space. */
function nameOf(kind: ListKind, upstreamId: string, audience: string): string {
  return `${kind} ${upstreamId} ${audience}`;
}

function entryBytes({ name, owner }: Entry): number {
  return thingBytes + 2 * textBytes(name) + textBytes(owner);
}

/** The size of a page with all its parts: items, names, cursors. */
function pageBytes(cursor: string | undefined, { body, keys, nextCursor = '' }: Page): number {
  let bytes = thingBytes + body.length + textBytes(cursor ?? '') + textBytes(nextCursor);
  for (const key of keys) bytes += textBytes(key);
  return bytes;
}

function keepLonger(entry: Entry, until: number): void {
  for (const { term } of entry.pages.values()) term.freshUntil = Math.max(term.freshUntil, until);
}

/** The pages before `cursor`, from the first on; undefined if they are not all cached. */
function pagesBefore(entry: Entry, cursor: string | undefined): KeptPage[] | undefined {
  if (cursor === undefined) return [];
  if (!leadsTo(entry, undefined, cursor)) return undefined;
  const before: KeptPage[] = [];
  let at: string | undefined;
  do {
    const held: KeptPage | undefined = entry.pages.get(at);
    if (held !== undefined) before.push(held);
    at = held?.page.nextCursor;
  } while (at !== undefined && at !== cursor);
  return before;
}

/**
 * Whether cached pages lead from cursor `from`, or from the first page, to cursor `to`. Cycles are never cached, so the walk
 * ends.
 */
function leadsTo(entry: Entry, from: string | undefined, to: string | undefined): boolean {
  let at = from ?? entry.pages.get(undefined)?.page.nextCursor;
  while (at !== undefined && at !== to) at = entry.pages.get(at)?.page.nextCursor;
  return at !== undefined;
}

function cutDetail({ cut, left, count }: Page): string {
  return cut === 'items' ? `${left} items beyond the first ${count}` : 'a cursor that nobody can follow';
}

function lastPage(page: Page): Page {
  return { ...page, nextCursor: undefined };
}

function endless(detail: string): GatewayError {
  return new GatewayError('upstream_malformed', `a list without end: ${detail}`);
}
