/** Which upstreams of a configuration run at the bridge, and under which name. */
import type { UpstreamTransport } from '../config/model.ts';

/** The name of an upstream at the bridge. Two routes may use the same name for different upstreams, which must stay apart. */
export function bridgedName(route: string, upstream: string): string {
  return route === defaultRoute ? upstream : `${route}/${upstream}`;
}

/** The route name of an mcpServers file. */
const defaultRoute = 'default';

/** How the bridge runs an upstream; undefined for one that needs no bridge. */
export function bridgedTransport(
  transport: UpstreamTransport,
): Exclude<UpstreamTransport, { kind: 'http' }> | undefined {
  if (transport.kind !== 'http') return transport;
  const { url, headers, orSse } = transport;
  return orSse === true ? { kind: 'sse', url, headers } : undefined;
}
