/** What this process knows of a route, for operators: plain values that a worker can send to its primary. No secret is in them. */
import { routeKey } from '../config/model.ts';
import { isLegacyRevision, type Revision } from '../protocol/revisions.ts';
import type { LastFault } from '../transport/upstream/contact.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { RouteParts } from './route.ts';

/** Times in ms of Unix time. */
export interface UpstreamState {
  readonly id: string;
  /** By its last contact; `unknown`: nobody has needed it yet. */
  readonly health: 'up' | 'down' | 'starting' | 'unknown';
  /** Undefined: it has none. */
  readonly breaker: 'open' | 'closed' | undefined;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  /** Of the eras that it was spoken to in. */
  readonly eras: readonly ('legacy' | 'modern')[];
  readonly revisions: readonly Revision[];
  /** Bits (protocol/capabilities.ts); undefined before the first contact. */
  readonly capabilities: number | undefined;
  readonly openedMs: number | undefined;
  readonly fault: LastFault | undefined;
}

/** What a process counts of a route. There is no list of sessions anywhere: clients hold them. */
export interface RouteCounts {
  /** Session tokens given out, and tokens of clients opened, since the start. */
  readonly sealed: number;
  readonly opened: number;
  /** Principals that call without a session and are remembered. */
  readonly sessionless: number;
  /** Open now. */
  readonly streams: number;
  /** Requests whose answer is not out yet, and calls that wait for their client. */
  readonly requests: number;
  readonly held: number;
}

export interface RouteState {
  readonly route: string;
  readonly counts: RouteCounts;
  readonly upstreams: readonly UpstreamState[];
}

export function stateOf({ config, upstreams, clients, streams, idle, held }: RouteParts): RouteState {
  return {
    route: routeKey(config),
    counts: { ...clients.counts, streams: streams.count, requests: idle.requests, held: held() },
    upstreams: upstreams.all.map(upstreamState),
  };
}

function upstreamState(upstream: Upstream): UpstreamState {
  const { config, contact, limiter, capabilities } = upstream;
  const revisions = [...contact.revisions];
  return {
    id: config.id,
    health: healthOf(upstream),
    breaker: limiter?.breaker,
    waiting: limiter?.waiting ?? 0,
    eras: [...new Set(revisions.map((revision) => (isLegacyRevision(revision) ? 'legacy' : 'modern')))],
    revisions,
    capabilities,
    openedMs: contact.openedMs,
    fault: contact.fault,
  };
}

function healthOf({ down, contact }: Upstream): UpstreamState['health'] {
  if (down) return 'down';
  if (contact.isStarting) return 'starting';
  return contact.openedMs === undefined ? 'unknown' : 'up';
}
