/** What serving processes know, put together: a process alone, or the workers of one replica. */
import type { RouteCounts, RouteState, UpstreamState } from '../route/state.ts';
import type { SeenPeers } from '../transport/peers/peers.ts';

/** Of one process; may be sent between them. */
export interface ProcessState {
  readonly routes: readonly RouteState[];
  readonly peers: SeenPeers;
}

/**
 * As one process: counts are sums, an upstream is up where one of them reaches it, and the latest fault and contact count. The order
 * is that of the first.
 */
export function together(states: readonly ProcessState[]): ProcessState {
  const routes = new Map<string, RouteState>();
  for (const state of states)
    for (const route of state.routes) {
      const known = routes.get(route.route);
      routes.set(route.route, known === undefined ? route : bothRoutes(known, route));
    }
  return { routes: [...routes.values()], peers: states.map(({ peers }) => peers).reduce(bothPeers, nobody) };
}

const nobody: SeenPeers = { told: [], heard: [] };

function bothRoutes(one: RouteState, other: RouteState): RouteState {
  const upstreams = new Map(one.upstreams.map((upstream) => [upstream.id, upstream]));
  for (const upstream of other.upstreams) {
    const known = upstreams.get(upstream.id);
    upstreams.set(upstream.id, known === undefined ? upstream : bothUpstreams(known, upstream));
  }
  return { route: one.route, counts: sum(one.counts, other.counts), upstreams: [...upstreams.values()] };
}

function sum(one: RouteCounts, other: RouteCounts): RouteCounts {
  return {
    sealed: one.sealed + other.sealed,
    opened: one.opened + other.opened,
    sessionless: one.sessionless + other.sessionless,
    streams: one.streams + other.streams,
    requests: one.requests + other.requests,
    held: one.held + other.held,
  };
}

const byHealth: readonly UpstreamState['health'][] = ['up', 'starting', 'down', 'unknown'];

function bothUpstreams(one: UpstreamState, other: UpstreamState): UpstreamState {
  const [older, newer] = (one.openedMs ?? 0) <= (other.openedMs ?? 0) ? [one, other] : [other, one];
  return {
    id: one.id,
    health: byHealth.find((health) => one.health === health || other.health === health) ?? 'unknown',
    breaker: one.breaker === 'open' || other.breaker === 'open' ? 'open' : one.breaker,
    waiting: one.waiting + other.waiting,
    eras: [...new Set([...older.eras, ...newer.eras])],
    revisions: [...new Set([...older.revisions, ...newer.revisions])],
    capabilities: newer.capabilities ?? older.capabilities,
    openedMs: latest(one.openedMs, other.openedMs),
    fault: (one.fault?.atMs ?? 0) >= (other.fault?.atMs ?? 0) ? one.fault : other.fault,
  };
}

function bothPeers(one: SeenPeers, other: SeenPeers): SeenPeers {
  const told = new Map(one.told.map((peer) => [peer.address, peer]));
  for (const { address, answeredMs, failedMs } of other.told) {
    const known = told.get(address);
    told.set(address, toldOf(address, latest(known?.answeredMs, answeredMs), latest(known?.failedMs, failedMs)));
  }
  const heard = new Map(one.heard.map(({ from, atMs }) => [from, atMs]));
  for (const { from, atMs } of other.heard) heard.set(from, Math.max(atMs, heard.get(from) ?? 0));
  return { told: [...told.values()], heard: Array.from(heard, ([from, atMs]) => ({ from, atMs })) };
}

function toldOf(
  address: string,
  answeredMs: number | undefined,
  failedMs: number | undefined,
): SeenPeers['told'][number] {
  return {
    address,
    ...(answeredMs === undefined ? {} : { answeredMs }),
    ...(failedMs === undefined ? {} : { failedMs }),
  };
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.max(one, other);
}
