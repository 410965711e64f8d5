/** The name of a bridged upstream at the bridge. Two routes may use one name for different upstreams, which must stay apart. */
export function bridgedName(route: string, upstream: string): string {
  return route === defaultRoute ? upstream : `${route}/${upstream}`;
}

/** The route of an mcpServers file. */
const defaultRoute = 'default';
