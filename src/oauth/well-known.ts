/**
 * The pages under `/.well-known/` that describe how to log in: of each route that accepts access tokens, by host. They are
 * public, and readable by browsers. All other paths there are 404, so that no client mistakes the endpoint for a page (RFC 9728
 * §3).
 */
import {
  insertedPath,
  metadataDocument,
  metadataPath,
  rootMetadataPath,
  type ProtectedResource,
} from './resource-metadata.ts';

/** The two formats in which an authorization server describes itself: RFC 8414 §3, OpenID Connect Discovery 1.0 §4. */
type ServerMetadataForm = 'oauth-authorization-server' | 'openid-configuration';

export interface WellKnownRoute {
  readonly resource: ProtectedResource;
  /** Its metadata is also served at the root path, if several routes share a host. */
  readonly isDefault?: boolean;
  /** Serves a copy of the metadata of its first authorization server, for clients of 2025-03-26. Default false. */
  readonly relaysServerMetadata?: boolean;
}

export type WellKnownPage =
  | { readonly kind: 'document'; readonly body: string }
  | { readonly kind: 'relayed'; readonly form: ServerMetadataForm; readonly issuer: string };

/** Pages keyed by path (with the query, if the resource has one), by host. */
export type WellKnownPages = ReadonlyMap<string, ReadonlyMap<string, WellKnownPage>>;

/** The pages of all routes. Two routes with the same resource share a page: that of the first. */
export function wellKnownPages(routes: readonly WellKnownRoute[]): WellKnownPages {
  const hosts = new Map<string, WellKnownRoute[]>();
  for (const route of routes) {
    const { host } = new URL(route.resource.resource);
    hosts.set(host, [...(hosts.get(host) ?? []), route]);
  }
  return new Map([...hosts].map(([host, its]) => [host, pagesOfHost(its)]));
}

function pagesOfHost(routes: readonly WellKnownRoute[]): ReadonlyMap<string, WellKnownPage> {
  const pages = new Map<string, WellKnownPage>();
  const add = (path: string, page: WellKnownPage): void => {
    if (!pages.has(path)) pages.set(path, page);
  };
  for (const route of routes) {
    add(metadataPath(route.resource.resource), documentOf(route));
    if (route.relaysServerMetadata === true) addRelayed(add, route, true);
  }
  const marked = routes.filter(({ isDefault }) => isDefault === true);
  const root = routes.length === 1 ? routes[0] : marked.length === 1 ? marked[0] : undefined;
  if (root !== undefined) {
    add(rootMetadataPath, documentOf(root));
    if (root.relaysServerMetadata === true) addRelayed(add, root, false);
  }
  return pages;
}

function documentOf({ resource }: WellKnownRoute): WellKnownPage {
  return { kind: 'document', body: metadataDocument(resource) };
}

function addRelayed(
  add: (path: string, page: WellKnownPage) => void,
  { resource }: WellKnownRoute,
  isInserted: boolean,
): void {
  const issuer = resource.authorizationServers[0];
  if (issuer === undefined) return;
  for (const form of ['oauth-authorization-server', 'openid-configuration'] as const) {
    const kind = `/.well-known/${form}`;
    add(isInserted ? insertedPath(kind, resource.resource) : kind, { kind: 'relayed', form, issuer });
  }
}

export interface WellKnownAnswer {
  readonly status: number;
  /** Names and values alternate. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Any origin may read the pages; they are the same for everyone. */
const forEveryone = ['Access-Control-Allow-Origin', '*', 'X-Content-Type-Options', 'nosniff'];
const asJson = ['Content-Type', 'application/json', ...forEveryone];

/**
 * The answer to a request for `target` (path and query) below `/.well-known/`. If the page is relayed, the caller fetches the
 * document and passes it to `pageAnswer`. `host` is that of the request; if all routes have the same host, any host is accepted,
 * because a proxy may have changed it.
 */
export function wellKnownAnswer(
  pages: WellKnownPages,
  { method, host, target }: { readonly method: string; readonly host: string | undefined; readonly target: string },
): WellKnownAnswer | Extract<WellKnownPage, { kind: 'relayed' }> {
  const ofHost = pages.get(host?.toLowerCase() ?? '') ?? (pages.size === 1 ? [...pages.values()][0] : undefined);
  const page = ofHost?.get(target) ?? ofHost?.get(target.split('?', 1)[0]!);
  if (page === undefined)
    return { status: 404, headers: [...asJson, 'Cache-Control', 'no-store'], body: '{"error":"not_found"}' };
  if (method === 'OPTIONS') return { status: 204, headers: preflight, body: '' };
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, headers: [...asJson, 'Allow', 'GET, HEAD, OPTIONS'], body: '{"error":"method_not_allowed"}' };
  }
  return page.kind === 'relayed' ? page : pageAnswer(page.body);
}

const preflight = [
  ...forEveryone,
  'Access-Control-Allow-Methods',
  'GET, HEAD, OPTIONS',
  'Access-Control-Allow-Headers',
  'MCP-Protocol-Version',
  'Access-Control-Max-Age',
  '86400',
];

/** 200 with a document. For HEAD the caller omits the body. */
export function pageAnswer(body: string): WellKnownAnswer {
  return { status: 200, headers: [...asJson, 'Cache-Control', 'public, max-age=300'], body };
}
