/**
 * What upstreams list, kept for a while: pages by upstream, kind and audience (protocol.md D11, security.md T25). A page is
 * loaded when it is first asked for, once however many ask; a failed load is not kept. Bounded in entries and bytes
 * (security.md R11). Clock and loader are arguments.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { ListKind } from './kinds.ts';
import { MergedLists } from './merged.ts';
import { emptyPage, maxItemsPerList } from './page.ts';
import type { Page } from './page.ts';

/** Who looks at which lists, when, and how a page is had. */
export interface View {
  readonly kind: ListKind;
  /** Tells merged lists apart: never the same for two who may see different ones. */
  readonly principal: string;
  /** Who may be shown the same pages of an upstream: the route, the authorization context, or one session alone. */
  readonly audienceOf: (upstream: UpstreamConfig) => string;
  readonly nowMs: number;
  /** How long a page of an upstream is kept, asked when it has been loaded; 0 keeps none. */
  readonly ttlMsOf: (upstream: UpstreamConfig) => number;
  /** Asks the upstream. Others may wait for the same page, so it must not end with one client's connection. */
  readonly load: (upstream: UpstreamConfig, kind: ListKind, cursor: string | undefined) => Promise<Page>;
}

/** A page and how long it counts. The object is the page's identity: a reload makes another. */
export interface Held {
  readonly page: Page;
  /** In ms of the caller's clock; minus infinity once the page has been invalidated. */
  freshUntil: number;
  /** Why the list ends here though the upstream went on: it loops, or is out of bounds. */
  readonly fault: GatewayError | undefined;
  /** `page.keys`, made when first asked for. */
  keys: ReadonlySet<string> | undefined;
}

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
  readonly audience: string;
  readonly pages: Map<string | undefined, Held>;
  readonly loading: Map<string | undefined, Promise<Held>>;
  bytes: number;
}

export class Catalogue {
  /** Whole merged lists, valid as long as each of their pages is. */
  readonly merged = new MergedLists();
  readonly #limits: CatalogueLimits;
  /** In the order of their latest load, oldest first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(limits: Partial<CatalogueLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * The page that `cursor` leads to, without a promise when it is at hand. Rejects as `view.load` does. A list that leads
   * back to a page of its own, or exceeds a bound, ends: that page has a fault and no `nextCursor`.
   */
  page(view: View, upstream: UpstreamConfig, cursor: string | undefined): Held | Promise<Held> {
    const name = entryName(view, upstream);
    const known = this.#entries.get(name);
    const held = known?.pages.get(cursor);
    if (held !== undefined && held.freshUntil > view.nowMs) return held;
    const underWay = known?.loading.get(cursor);
    if (underWay !== undefined) return underWay;
    const entry = known ?? emptyEntry(name, view, upstream);
    const loading = view.load(upstream, view.kind, cursor).then(
      (page) => {
        entry.loading.delete(cursor);
        return this.#keep(entry, view, upstream, cursor, page);
      },
      (fault: unknown) => {
        entry.loading.delete(cursor);
        throw fault;
      },
    );
    entry.loading.set(cursor, loading);
    // Latest load last.
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.#evict();
    return loading;
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

  /** Forgets lists of an upstream: of one kind or all, for one audience or all. Loads under way are not kept either. */
  invalidate(upstreamId: string, kind?: ListKind, audience?: string): void {
    if (kind !== undefined && audience !== undefined) {
      const entry = this.#entries.get(nameOf(kind, upstreamId, audience));
      if (entry !== undefined) this.#drop(entry);
      return;
    }
    for (const entry of this.#entries.values()) {
      if (entry.upstreamId !== upstreamId) continue;
      if (kind !== undefined && entry.kind !== kind) continue;
      if (audience !== undefined && entry.audience !== audience) continue;
      this.#drop(entry);
    }
  }

  #keep(entry: Entry, view: View, upstream: UpstreamConfig, cursor: string | undefined, loaded: Page): Held {
    for (const [at, held] of entry.pages) {
      if (at === cursor || held.freshUntil <= view.nowMs) this.#dropPage(entry, at, held);
    }
    const held = this.#bounded(entry, cursor, loaded, view.nowMs + Math.max(view.ttlMsOf(upstream), 1));
    if (this.#entries.get(entry.name) === entry) {
      entry.pages.set(cursor, held);
      entry.bytes += held.page.body.length;
      this.#bytes += held.page.body.length;
      this.#evict();
    } else held.freshUntil = -Infinity;
    return held;
  }

  /** The page as it may be kept: whole, or as the last of its list. */
  #bounded(entry: Entry, cursor: string | undefined, page: Page, freshUntil: number): Held {
    const { maxListBytes, maxPages } = this.#limits;
    let count = page.count;
    for (const held of entry.pages.values()) count += held.page.count;
    if (count > maxItemsPerList) return holding(emptyPage, freshUntil, endless(`${count} items`));
    const bytes = entry.bytes + page.body.length;
    if (bytes > maxListBytes) return holding(emptyPage, freshUntil, endless(`${bytes} bytes`));
    if (page.nextCursor === undefined) return holding(page, freshUntil);
    const pages = entry.pages.size + 1;
    if (pages >= maxPages) return holding(lastPage(page), freshUntil, endless(`${pages} pages`));
    if (!leadsTo(entry, page.nextCursor, cursor)) return holding(page, freshUntil);
    // Servers that end a list with "" answer that cursor with their first page over again: the end, and no fault. To all
    // others the empty string is a cursor like any (2026-07-28 server/utilities/pagination).
    const repeatsFirst = entry.pages.get(undefined)?.page.body.equals(page.body) === true;
    if (cursor === '' && repeatsFirst) return holding(emptyPage, freshUntil);
    return holding(lastPage(page), freshUntil, endless('a cursor leads back'));
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
    for (const [cursor, held] of entry.pages) this.#dropPage(entry, cursor, held);
  }

  #dropPage(entry: Entry, cursor: string | undefined, held: Held): void {
    held.freshUntil = -Infinity;
    entry.pages.delete(cursor);
    entry.bytes -= held.page.body.length;
    this.#bytes -= held.page.body.length;
  }
}

function emptyEntry(name: string, view: View, upstream: UpstreamConfig): Entry {
  return {
    name,
    upstreamId: upstream.id,
    kind: view.kind,
    audience: view.audienceOf(upstream),
    pages: new Map(),
    loading: new Map(),
    bytes: 0,
  };
}

/** Neither ids nor kinds hold a space. */
function entryName(view: View, upstream: UpstreamConfig): string {
  return nameOf(view.kind, upstream.id, view.audienceOf(upstream));
}

function nameOf(kind: ListKind, upstreamId: string, audience: string): string {
  return `${kind} ${upstreamId} ${audience}`;
}

/** Whether the pages at hand lead from cursor `from` to cursor `to`. No cycle is ever kept, so the walk ends. */
function leadsTo(entry: Entry, from: string | undefined, to: string | undefined): boolean {
  let at = from;
  while (at !== undefined && at !== to) at = entry.pages.get(at)?.page.nextCursor;
  return at !== undefined;
}

function holding(page: Page, freshUntil: number, fault?: GatewayError): Held {
  return { page, freshUntil, fault, keys: undefined };
}

function lastPage(page: Page): Page {
  return { ...page, nextCursor: undefined };
}

function endless(detail: string): GatewayError {
  return new GatewayError('upstream_malformed', `a list without end: ${detail}`);
}
