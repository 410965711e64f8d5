/** Checks the path of a route. */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { RouteContext } from './context.ts';
import { fault } from './context.ts';

/** The path is compared with that of a request, so it must be written in the same form. */
export function checkRoutePath(context: RouteContext, path: JsonPath, written: string): void {
  if (!/^\/[^?#\s]*$/.test(written) || URL.parse(written, 'http://a')?.pathname !== written)
    fault(context, path, 'not the path of a URL', 'Begin it with "/" and leave out "?", "#", ".." and spaces');
}
