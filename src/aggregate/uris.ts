/**
 * Resource URIs that clients see, unique per gateway and byte for byte reversible. The same text transformation serves RFC 3986
 * URIs and RFC 6570 templates: it adds no brace.
 *
 *     file:///x      ⇄ <scheme>+file:///x       also for texts that are no URI
 *     ui://host/x    ⇄ ui://<scheme>/host/x     MCP Apps hosts insist on the scheme `ui`
 *     https://…      = https://…                a client may fetch it directly; it is routed by looking it up
 *
 * Where nothing has to be told apart a URI stays as it is: with a single upstream, and in the lists of operators who want names
 * without a prefix, as long as no other upstream lists it. In what calls answer, URIs of several upstreams keep the prefix: they
 * need not be listed anywhere, so it alone says whose they are.
 */
import type { UpstreamConfig } from '../config/model.ts';

type Schemed = Pick<UpstreamConfig, 'scheme' | 'isOnly'>;

const uiPrefix = 'ui://';
const webPrefix = /^https?:\/\//i;

/** With the upstream's prefix. `scheme` holds no `+`; so the first `+` of a prefixed URI is the gateway's own. */
export function prefixedUri(scheme: string, uri: string): string {
  if (uri.startsWith(uiPrefix)) return `${uiPrefix}${scheme}/${uri.slice(uiPrefix.length)}`;
  return webPrefix.test(uri) ? uri : `${scheme}+${uri}`;
}

/** The outward URI inside the results and notifications of the upstream. */
export function outwardUri({ scheme, isOnly = false }: Schemed, uri: string): string {
  // What would be read as having the prefix gets one more.
  return isOnly && schemeOf(uri) !== scheme ? uri : prefixedUri(scheme, uri);
}

/** As it is listed, as long as no other upstream's list says otherwise. */
export function listedUri(upstream: Schemed & Pick<UpstreamConfig, 'naming'>, uri: string): string {
  return upstream.naming.policy === 'always' || schemeOf(uri) === upstream.scheme ? outwardUri(upstream, uri) : uri;
}

/** The prefix that a URI carries, be it known or not; undefined for a bare one. */
export function schemeOf(uri: string): string | undefined {
  const start = uri.startsWith(uiPrefix) ? uiPrefix.length : 0;
  const end = uri.indexOf(start > 0 ? '/' : '+', start);
  return end === -1 ? undefined : uri.slice(start, end);
}

/** The upstream that a client's URI names and the URI as that upstream knows it; undefined for a bare URI. */
export function inwardUri<T>(
  text: string,
  upstreamByScheme: ReadonlyMap<string, T>,
): { readonly upstream: T; readonly uri: string } | undefined {
  const scheme = schemeOf(text);
  const upstream = scheme === undefined ? undefined : upstreamByScheme.get(scheme);
  if (scheme === undefined || upstream === undefined) return undefined;
  const isUi = text.startsWith(uiPrefix);
  const rest = text.slice((isUi ? uiPrefix.length : 0) + scheme.length + 1);
  return { upstream, uri: isUi ? uiPrefix + rest : rest };
}
