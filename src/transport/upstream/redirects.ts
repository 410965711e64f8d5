/**
 * Redirects of an upstream to another path of the same origin (RFC 9110 §15.4.8, §15.4.9), as frameworks send them that mount an
 * application at `/mcp/`. Followed once and remembered; a path of another origin never gets what was meant for this one.
 */
import type { Dispatcher } from 'undici';

/** What is asked of an upstream. */
export interface Redirectable {
  readonly origin: string;
  /** Path and query, as configured. */
  readonly path: string;
}

/** What takes the answer, and is told what to do where it is a redirect. */
export interface Redirected extends Dispatcher.DispatchHandler {
  redirected: ((location: string) => (() => void) | undefined) | undefined;
}

/** Where upstreams are by their own word. A hint: whoever forgets is told again. */
const moved = new WeakMap<Redirectable, string>();

/** The path that `upstream` is asked at. */
export function pathOf(upstream: Redirectable): string {
  return moved.get(upstream) ?? upstream.path;
}

/** Sends one request to `upstream`, where it is, or where it says it is. The answer goes to `exchange`. */
export function dispatch(
  upstream: Redirectable,
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  request: Omit<Dispatcher.DispatchOptions, 'path' | 'origin'>,
  exchange: Redirected,
): void {
  const path = pathOf(upstream);
  exchange.redirected = (location) => {
    const target = targetOf(location, upstream.origin, path);
    if (target === undefined || target === path) return undefined;
    return () => {
      moved.set(upstream, target);
      dispatcher.dispatch({ ...request, path: target }, exchange);
    };
  };
  dispatcher.dispatch({ ...request, path }, exchange);
}

/** Path and query of a place of the same origin; undefined for any other. */
function targetOf(location: string, origin: string, path: string): string | undefined {
  const target = URL.parse(location, `${origin}${path}`);
  return target?.origin === origin && target.username === '' && target.password === ''
    ? `${target.pathname}${target.search}`
    : undefined;
}

/** A place for the log: no credentials, no query. */
export function shownTarget(location: string): string {
  const target = URL.parse(location);
  return (target === null ? location.split(/[?#]/, 1)[0]! : `${target.origin}${target.pathname}`).slice(0, 200);
}
