/** What the catalogue needs to know about the caller of a list, and the pages that it returns. */
import type { UpstreamConfig } from '../config/model.ts';
import type { GatewayError } from '../errors.ts';
import type { Part } from './hints.ts';
import type { ListKind } from './kinds.ts';
import type { Page } from './page.ts';

/** The caller of a list, the time, and the loader of pages. */
export interface View {
  readonly kind: ListKind;
  /** Key of a merged list: two callers that may see different lists never share it. */
  readonly principal: string;
  /** The callers that share the pages of an upstream: the route, the principal, or one session. */
  readonly audienceOf: (upstream: UpstreamConfig) => string;
  /** The callers that may share a page that the upstream calls public; undefined if its lists may depend on the caller. */
  readonly publicAudienceOf: (upstream: UpstreamConfig) => string | undefined;
  readonly nowMs: number;
  /** How long a page is cached if the upstream gives no hint. Called when the page has been loaded; 0: not at all. */
  readonly ttlMsOf: (upstream: UpstreamConfig) => number;
  /** Whether the caller may see an item, by the upstream's own name; absent: everyone sees the same. Called after the cache. */
  readonly shows?: ((upstream: UpstreamConfig, key: string) => boolean) | undefined;
  /** Called when a page of the upstream has items of its earlier pages. */
  readonly onRepeated?: (upstream: UpstreamConfig) => void;
  /** Requests a page from the upstream. Others may wait for the same page, so a client that leaves must not abort it. */
  readonly load: (upstream: UpstreamConfig, kind: ListKind, cursor: string | undefined) => Promise<Page>;
}

/** How long a page is valid. The object is the page's identity: a reload creates another one. */
export interface Term extends Part {
  /** In ms of the caller's clock; minus infinity when the page has been invalidated. */
  freshUntil: number;
}

export interface KeptPage {
  readonly page: Page;
  readonly term: Term;
  /** Why the list is cut: it loops, or exceeds a limit. */
  readonly fault: GatewayError | undefined;
}
