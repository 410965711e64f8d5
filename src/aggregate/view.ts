/** What the catalogue needs to know about the caller of a list, and the pages that it returns. */
import type { UpstreamConfig } from '../config/model.ts';
import type { GatewayError } from '../errors.ts';
import type { Part } from './hints.ts';
import type { ListKind } from './kinds.ts';
import type { Page } from './page.ts';

/** Who asks for which lists, when, and how a page is loaded. */
export interface View {
  readonly kind: ListKind;
  /** Key of a merged list: two callers that may see different lists never share it. */
  readonly principal: string;
  /** Who may be shown the same pages of an upstream: the route, the authorization context, or one session alone. */
  readonly audienceOf: (upstream: UpstreamConfig) => string;
  /** Who all may be shown a page that the upstream calls public; undefined where what it lists may depend on the caller. */
  readonly publicAudienceOf: (upstream: UpstreamConfig) => string | undefined;
  readonly nowMs: number;
  /** How long a page is kept when the upstream does not say it. Called once the page has been loaded; 0 keeps none. */
  readonly ttlMsOf: (upstream: UpstreamConfig) => number;
  /** Whether the caller may see an item, by the upstream's own name; absent: everyone sees the same. Asked behind the cache. */
  readonly shows?: ((upstream: UpstreamConfig, key: string) => boolean) | undefined;
  /** A page of the upstream has items that its earlier pages have. */
  readonly onRepeated?: (upstream: UpstreamConfig) => void;
  /** Asks the upstream. Others may wait for the same page, so the end of one client's connection must not abort it. */
  readonly load: (upstream: UpstreamConfig, kind: ListKind, cursor: string | undefined) => Promise<Page>;
}

/** How long a page counts. The object is the page's identity: a reload makes another. */
export interface Term extends Part {
  /** In ms of the caller's clock; minus infinity once the page has been invalidated. */
  freshUntil: number;
}

export interface KeptPage {
  readonly page: Page;
  readonly term: Term;
  /** Why the list ends here though the upstream went on: it loops, or is out of bounds. */
  readonly fault: GatewayError | undefined;
}
