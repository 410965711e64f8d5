import { readConfig } from '../../src/config/read.ts';
import type { Config } from '../../src/config/model.ts';

/** A configuration with the route `r`, which has the server `a` and these settings. */
export function oneRoute(settings: object): Config {
  const file = {
    mcpServers: { a: { url: 'http://a/mcp' } },
    manifold: { routes: { r: { servers: ['a'], ...settings } } },
  };
  return readConfig(JSON.stringify(file), 'f', {});
}
