/** The name that a bridged upstream has at the bridge: two routes may each have one of the same name, and these never meet. */
export function bridgedName(route: string, upstream: string): string {
  return route === defaultRoute ? upstream : `${route}/${upstream}`;
}

/** The route of an mcpServers file. */
const defaultRoute = 'default';
