/**
 * The routes of a process, found by host, path and headers: the most specific match first. A table is never changed; a new one
 * takes its place in one assignment.
 */
import type { IncomingMessage } from 'node:http';
import type { Route } from './route.ts';

export class RouteTable {
  readonly routes: readonly Route[];
  readonly #byPath: ReadonlyMap<string, readonly Route[]>;

  constructor(routes: readonly Route[]) {
    this.routes = routes;
    const byPath = new Map<string, Route[]>();
    for (const route of routes) {
      const { path } = route.config;
      byPath.set(path, [...(byPath.get(path) ?? []), route]);
    }
    this.#byPath = byPath;
  }

  /** The route of a request; undefined: it is for no endpoint. */
  find({ url = '' }: IncomingMessage): Route | undefined {
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    // Clients are configured with and without a slash at the end.
    return this.at(path) ?? (path.endsWith('/') ? this.at(path.slice(0, -1)) : undefined);
  }

  /** The route with this path. */
  at(path: string): Route | undefined {
    return this.#byPath.get(path)?.[0];
  }
}
