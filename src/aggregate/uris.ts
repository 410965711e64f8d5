/**
 * Resource URIs that clients see, unique per gateway and byte for byte reversible. The same text transformation serves RFC 3986
 * URIs and RFC 6570 templates: it adds no brace.
 *
 *     file:///x      ⇄ <scheme>+file:///x       also for texts that are no URI
 *     ui://host/x    ⇄ ui://<scheme>/host/x     MCP Apps hosts insist on the scheme `ui`
 *     https://…      = https://…                a client may fetch it directly; it is routed by looking it up
 *
 * A URI stays unchanged if nothing must be distinguished: with a single upstream, and in the lists of operators who want names
 * without a prefix, unless another upstream lists it too. In the results of calls, URIs of several upstreams keep the prefix:
 * they may be in no list, so only the prefix identifies their upstream.
 */
import type { UpstreamConfig } from '../config/model.ts';

type Schemed = Pick<UpstreamConfig, 'scheme' | 'isOnly'>;

const uiPrefix = 'ui://';
const webPrefix = /^https?:\/\//i;

/** Adds the upstream's prefix. `scheme` contains no `+`; so the first `+` of a prefixed URI is the gateway's own. */
export function prefixedUri(scheme: string, uri: string): string {
  if (uri.startsWith(uiPrefix)) return `${uiPrefix}${scheme}/${uri.slice(uiPrefix.length)}`;
  return webPrefix.test(uri) ? uri : `${scheme}+${uri}`;
}

/** The outward URI inside the results and notifications of the upstream. */
export function outwardUri({ scheme, isOnly = false }: Schemed, uri: string): string {
  // A URI that looks prefixed gets one more prefix.
  return isOnly && schemeOf(uri) !== scheme ? uri : prefixedUri(scheme, uri);
}

/** The listed URI, unless another upstream's list affects it. */
export function listedUri(upstream: Schemed & Pick<UpstreamConfig, 'naming'>, uri: string): string {
  return upstream.naming.policy === 'always' || schemeOf(uri) === upstream.scheme ? outwardUri(upstream, uri) : uri;
}

/** The prefix of a URI, known or not; undefined for a bare one. */
export function schemeOf(uri: string): string | undefined {
  const start = uri.startsWith(uiPrefix) ? uiPrefix.length : 0;
  const end = uri.indexOf(start > 0 ? '/' : '+', start);
  return end === -1 ? undefined : uri.slice(start, end);
}

/** The upstream in a client's URI, and the URI as that upstream knows it; undefined for a bare URI. */
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
