/**
 * The routes of a process, found by host, path and headers: the most specific match first (Gateway API HTTPRouteMatch). A table
 * never changes; a new one replaces it in one assignment.
 */
import type { IncomingMessage } from 'node:http';
import { RE2JS } from 're2js';
import { routeKey, type HeaderMatch, type RouteConfig } from '../config/model.ts';
import type { Route } from './route.ts';

/** A route with its match conditions; patterns are compiled once per table. */
interface Candidate {
  readonly route: Route;
  readonly hosts: readonly string[] | undefined;
  readonly headers: readonly ((request: IncomingMessage) => boolean)[];
}

export class RouteTable {
  readonly routes: readonly Route[];
  readonly #byPath: ReadonlyMap<string, readonly Candidate[]>;
  readonly #byHopPath: ReadonlyMap<string, Route>;

  constructor(routes: readonly Route[]) {
    this.routes = routes;
    const byPath = new Map<string, Candidate[]>();
    for (const route of routes) {
      const { path, hosts, headers = [] } = route.config;
      // One candidate for each host, so that a more exact host of another route comes first.
      const all = (hosts ?? [undefined]).map((host) => ({
        route,
        hosts: host === undefined ? undefined : [host],
        headers: headers.map(judgeOf),
      }));
      byPath.set(path, [...(byPath.get(path) ?? []), ...all]);
    }
    for (const candidates of byPath.values()) candidates.sort(bySpecificity);
    this.#byPath = byPath;
    this.#byHopPath = new Map(routes.map((route) => [hopPathOf(route.config), route]));
  }

  /** The route of a request; undefined if no endpoint matches. */
  find(request: IncomingMessage): Route | undefined {
    const { url = '' } = request;
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    // Clients are configured with and without a trailing slash.
    const candidates = this.#byPath.get(path) ?? (path.endsWith('/') ? this.#byPath.get(path.slice(0, -1)) : undefined);
    return candidates?.find((candidate) => isFor(candidate, request))?.route;
  }

  /** The route whose forwarded requests arrive at this path. */
  atHopPath(path: string): Route | undefined {
    return this.#byHopPath.get(path);
  }
}

function isFor({ hosts, headers }: Candidate, request: IncomingMessage): boolean {
  if (hosts !== undefined) {
    const host = hostOf(request);
    if (!hosts.some((one) => isHost(one, host))) return false;
  }
  return headers.every((judge) => judge(request));
}

/** The host without its port, in lower case. */
function hostOf({ headers }: IncomingMessage): string {
  return (headers.host ?? '').toLowerCase().replace(/:\d*$/, '');
}

/** `host` is a name, or `*.` and a suffix, which matches one or more labels. */
function isHost(host: string, name: string): boolean {
  return host.startsWith('*.') ? name.endsWith(host.slice(1)) && name.length > host.length - 1 : name === host;
}

function judgeOf({ name, kind, value }: HeaderMatch): (request: IncomingMessage) => boolean {
  const pattern = kind === 'pattern' ? RE2JS.compile(value) : undefined;
  return ({ headers }) => {
    const given = headers[name];
    if (typeof given !== 'string') return false;
    return pattern === undefined ? given === value : pattern.matches(given);
  };
}

/* An exact host before a suffix, a longer suffix before a shorter one, both before any host; then more headers before fewer. */
function bySpecificity(one: Candidate, other: Candidate): number {
  return rankOf(other) - rankOf(one) || other.headers.length - one.headers.length;
}

const exactHost = 1_000;

function rankOf({ hosts }: Candidate): number {
  const [host] = hosts ?? [];
  if (host === undefined) return -1;
  return host.startsWith('*.') ? host.length : exactHost + host.length;
}

/** The path at which replicas forward the requests of a route to one another: two routes may share a path and differ by host. */
export function hopPathOf(config: RouteConfig): string {
  const key = routeKey(config);
  return key === 'default' ? config.path : `/route/${encodeURIComponent(key)}`;
}

/** Hosts of a route, for the check against DNS rebinding. */
export function hostsOf({ hosts = [] }: Pick<RouteConfig, 'hosts'>): { exact: string[]; suffixes: string[] } {
  return {
    exact: hosts.filter((host) => !host.startsWith('*.')),
    suffixes: hosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(1)),
  };
}
