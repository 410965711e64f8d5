/**
 * What upstreams list, kept for a while: pages by upstream, kind and audience (protocol.md D11, security.md T25). A page is
 * loaded when it is first asked for, once however many ask; a failed load is not kept. Bounded in entries and bytes
 * (security.md R11). Clock and loader are arguments.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { statedUntil } from './hints.ts';
import type { ListKind } from './kinds.ts';
import { KnownNames } from './known-names.ts';
import { MergedLists } from './joined-pages.ts';
import { emptyPage, maxItemsPerList } from './page.ts';
import type { Page } from './page.ts';
import type { Held, View } from './view.ts';

export type { Held, View } from './view.ts';

export interface CatalogueLimits {
  /** Lists kept: one for each upstream, kind and audience. */
  readonly maxEntries: number;
  /** Item bytes kept, over all. */
  readonly maxBytes: number;
  /** Item bytes and pages of one list. */
  readonly maxListBytes: number;
  readonly maxPages: number;
}

const defaultLimits: CatalogueLimits = {
  maxEntries: 16_384,
  maxBytes: 64 * 1024 * 1024,
  maxListBytes: 16 * 1024 * 1024,
  maxPages: 1000,
};

/** One upstream's list. Pages stand under the cursor they were asked for with. */
interface Entry {
  readonly name: string;
  readonly upstreamId: string;
  readonly kind: ListKind;
  readonly isPublic: boolean;
  readonly pages: Map<string | undefined, Held>;
  readonly loading: Map<string | undefined, Promise<Held>>;
  bytes: number;
}

export class Catalogue {
  /** Whole merged lists, valid as long as each of their pages is. */
  readonly merged = new MergedLists();
  /** Whose the names are. */
  readonly names = new KnownNames();
  readonly #limits: CatalogueLimits;
  /** In the order of their latest load, oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** Those of them that anyone may see. */
  readonly #public = new Set<Entry>();
  /** Counts what has been forgotten of each upstream. */
  readonly #changes = new Map<string, number>();
  #bytes = 0;

  constructor(limits: Partial<CatalogueLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * The page that `cursor` leads to, without a promise when it is at hand. Rejects as `view.load` does. A list that leads
   * back to a page of its own, or exceeds a bound, ends: that page has a fault and no `nextCursor`.
   */
  page(view: View, upstream: UpstreamConfig, cursor: string | undefined): Held | Promise<Held> {
    const name = nameOf(view.kind, upstream.id, view.audienceOf(upstream));
    const known = this.#entries.get(name);
    const held =
      this.#fresh(known, cursor, view.nowMs) ?? this.#fresh(this.#shared(view, upstream), cursor, view.nowMs);
    if (held !== undefined) return held;
    const underWay = known?.loading.get(cursor);
    if (underWay !== undefined) return underWay;
    const entry = known ?? emptyEntry(name, view, upstream, false);
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
    this.#moveToEnd(entry);
    this.#evict();
    return loading;
  }

  #fresh(entry: Entry | undefined, cursor: string | undefined, nowMs: number): Held | undefined {
    const held = entry?.pages.get(cursor);
    return held !== undefined && held.freshUntil > nowMs ? held : undefined;
  }

  #sharedEntry(view: View, upstream: UpstreamConfig): Entry | undefined {
    const audience = view.publicAudienceOf(upstream);
    if (audience === undefined) return undefined;
    const name = nameOf(view.kind, upstream.id, audience);
    const entry = this.#entries.get(name) ?? emptyEntry(name, view, upstream, true);
    this.#moveToEnd(entry);
    this.#public.add(entry);
    return entry;
  }

  #shared(view: View, upstream: UpstreamConfig): Entry | undefined {
    const audience = view.publicAudienceOf(upstream);
    return audience === undefined ? undefined : this.#entries.get(nameOf(view.kind, upstream.id, audience));
  }

  /** Latest load last. */
  #moveToEnd(entry: Entry): void {
    this.#entries.delete(entry.name);
    this.#entries.set(entry.name, entry);
  }

  /** All pages of one upstream's list, in order. Rejects as `page` does. */
  async pages(view: View, upstream: UpstreamConfig): Promise<readonly Held[]> {
    const list: Held[] = [];
    let cursor: string | undefined;
    do {
      const next = this.page(view, upstream, cursor);
      const held = next instanceof Promise ? await next : next;
      list.push(held);
      cursor = held.page.nextCursor;
    } while (cursor !== undefined && list.length < this.#limits.maxPages);
    return list;
  }

  /**
   * Forgets lists of an upstream: of one kind or all, for one audience or all; those that anyone may see in any case. Loads under
   * way are not kept either.
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

  /** Whether a list kept of an upstream, for one audience or for all, names `key` by the upstream's own word. */
  offers(upstreamId: string, kind: ListKind, key: string, audience?: string): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.upstreamId !== upstreamId || entry.kind !== kind) continue;
      const isSeen =
        audience === undefined || this.#public.has(entry) || entry.name === nameOf(kind, upstreamId, audience);
      if (isSeen && [...entry.pages.values()].some(({ page }) => page.keys.includes(key))) return true;
    }
    return false;
  }

  /** Another number whenever something of the upstream has been forgotten. */
  changesOf(upstreamId: string): number {
    return this.#changes.get(upstreamId) ?? 0;
  }

  /** `shared` is where the page goes when anyone may see it. */
  #keep(
    own: Entry,
    shared: Entry | undefined,
    view: View,
    upstream: UpstreamConfig,
    cursor: string | undefined,
    page: Page,
  ): Held {
    const isCurrent = this.#entries.get(own.name) === own;
    const entry = (isCurrent ? shared : undefined) ?? own;
    for (const [at, held] of entry.pages) {
      if (at === cursor || held.freshUntil <= view.nowMs) this.#dropPage(entry, at, held);
    }
    const keptMs = page.stated.ttlMs ?? view.ttlMsOf(upstream);
    const held: Held = {
      ...this.#bounded(entry, cursor, page),
      freshUntil: isCurrent ? view.nowMs + Math.max(keptMs, 1) : -Infinity,
      statedUntil: isCurrent ? statedUntil(page.stated, view.nowMs) : -Infinity,
      isPublic: entry.isPublic,
    };
    if (!isCurrent) return held;
    entry.pages.set(cursor, held);
    entry.bytes += held.page.body.length;
    this.#bytes += held.page.body.length;
    if (entry !== own && own.pages.size + own.loading.size === 0) this.#drop(own);
    this.#evict();
    return held;
  }

  /** The page as it may be kept: whole, or as the last of its list. */
  #bounded(entry: Entry, cursor: string | undefined, page: Page): Pick<Held, 'page' | 'fault'> {
    const { maxListBytes, maxPages } = this.#limits;
    let count = page.count;
    for (const held of entry.pages.values()) count += held.page.count;
    if (count > maxItemsPerList) return { page: emptyPage, fault: endless(`${count} items`) };
    const bytes = entry.bytes + page.body.length;
    if (bytes > maxListBytes) return { page: emptyPage, fault: endless(`${bytes} bytes`) };
    if (page.nextCursor === undefined) return { page, fault: undefined };
    const pages = entry.pages.size + 1;
    if (pages >= maxPages) return { page: lastPage(page), fault: endless(`${pages} pages`) };
    if (!leadsTo(entry, page.nextCursor, cursor)) return { page, fault: undefined };
    // Servers that end a list with "" answer that cursor with their first page over again: the end, and no fault. To all
    // others the empty string is a cursor like any (2026-07-28 server/utilities/pagination).
    const repeatsFirst = entry.pages.get(undefined)?.page.body.equals(page.body) === true;
    if (cursor === '' && repeatsFirst) return { page: emptyPage, fault: undefined };
    return { page: lastPage(page), fault: endless('a cursor leads back') };
  }

  #evict(): void {
    for (const entry of this.#entries.values()) {
      const isOver = this.#entries.size > this.#limits.maxEntries || this.#bytes > this.#limits.maxBytes;
      if (!isOver || this.#entries.size === 1) return;
      this.#drop(entry);
    }
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.name);
    this.#public.delete(entry);
    for (const [cursor, held] of entry.pages) this.#dropPage(entry, cursor, held);
  }

  #dropPage(entry: Entry, cursor: string | undefined, held: Held): void {
    held.freshUntil = -Infinity;
    entry.pages.delete(cursor);
    entry.bytes -= held.page.body.length;
    this.#bytes -= held.page.body.length;
  }
}

function emptyEntry(name: string, view: View, upstream: UpstreamConfig, isPublic: boolean): Entry {
  return {
    name,
    upstreamId: upstream.id,
    kind: view.kind,
    isPublic,
    pages: new Map(),
    loading: new Map(),
    bytes: 0,
  };
}

/** Neither ids nor kinds hold a space. */
function nameOf(kind: ListKind, upstreamId: string, audience: string): string {
  return `${kind} ${upstreamId} ${audience}`;
}

/** Whether the pages at hand lead from cursor `from` to cursor `to`. No cycle is ever kept, so the walk ends. */
function leadsTo(entry: Entry, from: string | undefined, to: string | undefined): boolean {
  let at = from;
  while (at !== undefined && at !== to) at = entry.pages.get(at)?.page.nextCursor;
  return at !== undefined;
}

function lastPage(page: Page): Page {
  return { ...page, nextCursor: undefined };
}

function endless(detail: string): GatewayError {
  return new GatewayError('upstream_malformed', `a list without end: ${detail}`);
}
