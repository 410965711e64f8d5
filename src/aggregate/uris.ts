/**
 * Resource URIs that clients see, unique per gateway and byte for byte reversible (protocol.md D3). The same text transformation
 * serves RFC 3986 URIs and RFC 6570 templates: it adds no brace.
 *
 *     file:///x      ⇄ <scheme>+file:///x       also for texts that are no URI
 *     ui://host/x    ⇄ ui://<scheme>/host/x     MCP Apps hosts insist on the scheme `ui`
 *     https://…      = https://…                a client may fetch it directly; it is routed by looking it up
 */

const uiPrefix = 'ui://';
const webPrefix = /^https?:\/\//i;

/** `scheme` is the upstream's scheme prefix, which holds no `+`; so the first `+` of a prefixed URI is the gateway's own. */
export function outwardUri(scheme: string, uri: string): string {
  if (uri.startsWith(uiPrefix)) return `${uiPrefix}${scheme}/${uri.slice(uiPrefix.length)}`;
  return webPrefix.test(uri) ? uri : `${scheme}+${uri}`;
}

/** The upstream that a client's URI names and the URI as that upstream knows it; undefined for a bare URI. */
export function inwardUri<T>(
  text: string,
  upstreamByScheme: ReadonlyMap<string, T>,
): { readonly upstream: T; readonly uri: string } | undefined {
  const isUi = text.startsWith(uiPrefix);
  const start = isUi ? uiPrefix.length : 0;
  const end = text.indexOf(isUi ? '/' : '+', start);
  if (end === -1) return undefined;
  const upstream = upstreamByScheme.get(text.slice(start, end));
  if (upstream === undefined) return undefined;
  const rest = text.slice(end + 1);
  return { upstream, uri: isUi ? uiPrefix + rest : rest };
}
