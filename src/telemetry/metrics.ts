/**
 * The metrics, one registry per process. Label values come only from the configuration or from fixed lists, never from a peer,
 * which could otherwise create an unlimited number of series. `docs/metrics.md` is generated from this file.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { TallyHistogram, type Tally } from './tally.ts';

export const registry = new Registry();
const registers = [registry];

let readyForRequests = (): void => {};
/** `flush` is called before the totals of requests are read: until then, call-meter.ts keeps the counts of calls. */
export function beforeRequests(flush: () => void): void {
  readyForRequests = flush;
}

const requests = new Counter({
  name: 'manifold_requests_total',
  help: 'Messages from clients, by method and outcome (ok, error, fault code).',
  labelNames: ['method', 'outcome'],
  registers,
  collect: () => readyForRequests(),
});
const seconds = new TallyHistogram({
  name: 'manifold_request_duration_seconds',
  help: 'Time from the last byte of a request to the last byte of its answer, by method.',
  labelNames: ['method'],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  registers,
});
const upstreamCalls = new Counter({
  name: 'manifold_upstream_calls_total',
  help: 'Calls sent to an upstream, by outcome (ok, error, fault code).',
  labelNames: ['upstream', 'outcome'],
  registers,
});
const upstreamSessions = new Counter({
  name: 'manifold_upstream_sessions_total',
  help: 'Upstream sessions opened, by reason (initialize, late, healed, refreshed, probe) and outcome.',
  labelNames: ['upstream', 'reason', 'outcome'],
  registers,
});

export const upstreamUp = new Gauge({
  name: 'manifold_upstream_up',
  help: 'Gauge: 1 if the last contact with an upstream succeeded, else 0. With workers, 1 if it succeeded in any of them.',
  aggregator: 'max',
  labelNames: ['upstream'],
  registers,
});
export const breakersOpen = new Gauge({
  name: 'manifold_upstream_breakers_open',
  help: 'Gauge: breakers that are open, of an upstream of that id in any route and worker.',
  labelNames: ['upstream'],
  registers,
});
export const upstreamWaiting = new Gauge({
  name: 'manifold_upstream_waiting',
  help: 'Gauge: requests that wait for their turn, where `concurrency` limits an upstream.',
  labelNames: ['upstream'],
  registers,
});
export const limitedRetries = new Counter({
  name: 'manifold_upstream_retries_total',
  help: 'Requests that were sent again, as configured by `retries` of an upstream.',
  labelNames: ['upstream'],
  registers,
});
const limitedRefusals = new Counter({
  name: 'manifold_upstream_limited_total',
  help: 'Requests that were not sent, by reason (upstream_open: the breaker is open; upstream_queue_full).',
  labelNames: ['upstream', 'reason'],
  registers,
});

export function countRefused(upstream: string, reason: 'upstream_open' | 'upstream_queue_full'): void {
  limitedRefusals.inc({ upstream, reason });
}

export const sessionRejects = new Counter({
  name: 'manifold_session_reject_total',
  help: 'Session tokens refused, by reason.',
  labelNames: ['reason'],
  registers,
});
export const tokenOverflows = new Counter({
  name: 'manifold_token_overflow_total',
  help: 'Upstream sessions left out of a token because it would have become too long.',
  registers,
});
export const streams = new Gauge({
  name: 'manifold_streams',
  help: 'Gauge: GET streams that are open now.',
  registers,
});
export const hiddenItems = new Counter({
  name: 'manifold_list_items_hidden_total',
  help: 'List items left out because their name or size exceeds a limit.',
  labelNames: ['upstream'],
  registers,
});
export const mendedItems = new Counter({
  name: 'manifold_list_items_mended_total',
  help: 'List items that clients would refuse and that were mended.',
  labelNames: ['upstream'],
  registers,
});
export const toleratedOddities = new Counter({
  name: 'manifold_tolerated_total',
  help: 'Tolerated deviations of an upstream from the specification, by kind (see the log).',
  labelNames: ['upstream', 'kind'],
  registers,
});
export const denylistOverflows = new Counter({
  name: 'manifold_denylist_overflow_total',
  help: 'Ended sessions that this process can no longer refuse because too many others ended.',
  registers,
});
export const resumptions = new Counter({
  name: 'manifold_answer_resumptions_total',
  help: 'Broken answers of upstreams that the gateway resumed.',
  registers,
});
export const resumedStreams = new Counter({
  name: 'manifold_streams_resumed_total',
  help: 'Streams that clients took up again where they broke, by their last event id.',
  registers,
});
export const sealedSessions = new Counter({
  name: 'manifold_sessions_sealed_total',
  help: 'Session tokens given to clients.',
  registers,
});
export const openedSessions = new Counter({
  name: 'manifold_sessions_opened_total',
  help: 'Session tokens of clients opened; one that is still remembered is not opened again.',
  registers,
});
export const tokenBytes = new Histogram({
  name: 'manifold_session_token_bytes',
  help: 'Length of session tokens given to clients.',
  buckets: [256, 512, 1024, 2048, 4096, 6144],
  registers,
});
export const heldCalls = new Gauge({
  name: 'manifold_calls_held',
  help: 'Gauge: calls that wait in this process for their client, which a server has asked something.',
  registers,
});
export const hops = new Counter({
  name: 'manifold_hops_total',
  help: 'Requests of clients handed to the replica that holds their call, by outcome (ok, refused, unreachable).',
  labelNames: ['outcome'],
  registers,
});
export const bridgeDropped = new Counter({
  name: 'manifold_bridge_dropped_total',
  help: 'Messages of stdio and SSE servers dropped because their session or request is unknown.',
  labelNames: ['upstream'],
  registers,
});
export const draining = new Gauge({
  name: 'manifold_draining',
  help: 'Gauge: 1 while the process drains, else 0.',
  aggregator: 'max',
  registers,
});
export const budgetRefusals = new Counter({
  name: 'manifold_budget_refused_total',
  help: 'Times that memory for messages was refused, by reason: budget or share (the request for more was refused), squeezed (a larger one was taken back).',
  labelNames: ['reason'],
  registers,
});
let usedBudget = (): number => 0;
const budgetBytes: Gauge = new Gauge({
  name: 'manifold_budget_bytes',
  help: 'Gauge: bytes of messages that are being received, wait to be sent or are held now, as `--memory-budget` counts them.',
  registers,
  collect: (): void => budgetBytes.set(usedBudget()),
});

/** `read` returns the bytes that are in use now. */
export function reportBudget(read: () => number): void {
  usedBudget = read;
}

const counters = new Map<string, Map<string, Counter.Internal>>();
const timers = new Map<string, Tally>();

export function countRequest(method: string, outcome: string): void {
  const byOutcome = found(counters, method, () => new Map<string, Counter.Internal>());
  found(byOutcome, outcome, () => requests.labels(method, outcome)).inc();
}

export function timeRequest(method: string, durationMs: number): void {
  found(timers, method, () => seconds.tally({ method })).observe(durationMs / 1000);
}

/** Counts `count` calls of an upstream with the same method and outcome. */
export function countCalls(upstream: string, method: string, outcome: string, count: number): void {
  upstreamCalls.inc({ upstream, outcome }, count);
  requests.inc({ method, outcome }, count);
}

export function countUpstreamSession(upstream: string, reason: string, outcome: string): void {
  upstreamSessions.labels(upstream, reason, outcome).inc();
}

function found<T>(cache: Map<string, T>, key: string, make: () => T): T {
  let value = cache.get(key);
  if (value === undefined) cache.set(key, (value = make()));
  return value;
}

/** Why a message from an upstream was dropped. */
export type DropReason = 'not_of_this_call' | 'of_a_shared_session' | 'invalid';

export const droppedMessages = new Counter({
  name: 'manifold_messages_dropped_total',
  help: 'Messages of upstreams that were dropped, because they do not provably belong to the client or are invalid.',
  labelNames: ['reason', 'upstream'],
  registers: [registry],
});

const reloads = new Counter({
  name: 'manifold_config_reloads_total',
  help: 'Reloads of the configuration, by outcome (ok, invalid).',
  labelNames: ['outcome'],
  registers,
});
const reloadFailed = new Gauge({
  name: 'manifold_config_reload_failed',
  help: 'Gauge: 1 while the newest configuration is invalid and an older one is in use, else 0.',
  registers,
});

export function countReload(isValid: boolean): void {
  reloads.inc({ outcome: isValid ? 'ok' : 'invalid' });
  reloadFailed.set(isValid ? 0 : 1);
}

/** The state of the connection to the Kubernetes cluster from which the routes come. */
export interface ClusterState {
  /** Seconds since the last event of the watch that has been silent longest. */
  readonly lagSeconds: number;
  readonly isConnected: boolean;
  readonly isLeader: boolean;
}

let clusterState: (() => ClusterState) | undefined;
const watchLag: Gauge = new Gauge({
  name: 'manifold_watch_lag_seconds',
  help: 'Gauge: seconds since the most silent watch of the cluster received something (usually a bookmark per minute); 0 without `--kubernetes`.',
  registers,
  collect: (): void => watchLag.set(clusterState?.().lagSeconds ?? 0),
});
const watchConnected: Gauge = new Gauge({
  name: 'manifold_watch_connected',
  help: 'Gauge: 1 while every watch of the cluster is open, else 0; 1 without `--kubernetes`.',
  registers,
  collect: (): void => watchConnected.set((clusterState?.().isConnected ?? true) ? 1 : 0),
});
const leader: Gauge = new Gauge({
  name: 'manifold_leader',
  help: 'Gauge: 1 if this replica writes the status of routes to the cluster, else 0.',
  registers,
  collect: (): void => leader.set((clusterState?.().isLeader ?? false) ? 1 : 0),
});

/** `read` returns the current state. */
export function reportCluster(read: () => ClusterState): void {
  clusterState = read;
}

const heap: Gauge = new Gauge({
  name: 'manifold_heap_bytes',
  help: 'Gauge: memory of the process, by kind (used: of the heap of JavaScript; rss: all of it; buffers).',
  labelNames: ['kind'],
  registers,
  collect: (): void => {
    const { heapUsed, rss, arrayBuffers } = process.memoryUsage();
    heap.set({ kind: 'used' }, heapUsed);
    heap.set({ kind: 'rss' }, rss);
    heap.set({ kind: 'buffers' }, arrayBuffers);
  },
});

/** Resolution of the measured event loop delays, in ms. */
const delayResolutionMs = 20;
/* Starts at the first scrape, so it costs nothing without a scraper. */
let delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
const loopDelay: Gauge = new Gauge({
  name: 'manifold_event_loop_delay_seconds',
  help: 'Gauge: delay of the event loop since the last scrape, by percentile (50, 99, 100). With workers, that of the latest one.',
  labelNames: ['percentile'],
  aggregator: 'max',
  registers,
  collect: (): void => {
    if (delay === undefined) {
      delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
      delay.enable();
    }
    for (const percentile of [50, 99, 100]) {
      const late = delay.count === 0 ? 0 : delay.percentile(percentile) / 1e9 - delayResolutionMs / 1000;
      loopDelay.set({ percentile: String(percentile) }, Math.max(0, late));
    }
    delay.reset();
  },
});
