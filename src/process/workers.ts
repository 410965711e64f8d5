/**
 * `--workers N`: this process becomes the primary of N workers on the same ports (node:cluster). Any worker serves any request,
 * so when one dies, only its running requests are lost. It is replaced, and the failure is logged.
 */
import cluster, { type Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { routeKey, type Config } from '../config/model.ts';
import type { Bridge } from '../transport/bridge/bridge.ts';
import { bridgedName, bridgedTransport } from './bridged-name.ts';
import { registry } from '../telemetry/metrics.ts';
import { withPrimary } from './pool-metrics.ts';
import type { PoolContext, ServingPool } from './pool.ts';
import type { Prepared } from './prepare.ts';
import { UsageError } from './usage.ts';
import type { FromWorker, ToWorker } from './worker.ts';

/** A worker that dies sooner than this after its start is replaced after a pause of the same length, in ms. */
const quickDeathMs = 1_000;

/** Resolves when all workers listen. Throws `UsageError` with the reason when the first ones cannot. */
export async function startWorkers(prepared: Prepared, context: PoolContext): Promise<ServingPool> {
  const { options, log } = context;
  // Structured clones: the configuration holds sets.
  cluster.setupPrimary({ serialization: 'advanced' });
  let current = prepared;
  let draining = false;
  let logLevel = options.logLevel;
  /** What each of the first workers waits for. */
  const waiting = new Map<number, string>();
  const greeting = Promise.withResolvers<string>();

  const fork = (slot: number, { greets = false, isReplacement = false } = {}): Promise<string> => {
    const worker = cluster.fork();
    const startedMs = performance.now();
    send(worker, {
      kind: 'start',
      prepared: current,
      options: { ...options, logLevel },
      slot,
      urls: urlsOf(current.config, context.bridge),
      greets,
    });
    worker.on('exit', (code, signal) => {
      waiting.delete(slot);
      if (draining) return;
      log.error({ worker: worker.id, code, signal }, 'worker died and is replaced');
      const pauseMs = performance.now() - startedMs < quickDeathMs ? quickDeathMs : 0;
      setTimeout(() => {
        if (!draining) fork(slot, { isReplacement: true }).catch(() => {});
      }, pauseMs);
    });
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'listening') {
          if (message.waitsFor !== undefined && !isReplacement) waiting.set(slot, message.waitsFor);
          resolve(message.origin);
        } else if (message.kind === 'prepared') waiting.delete(slot);
        else if (message.kind === 'greeting') greeting.resolve(message.text);
        else if (message.kind === 'failed') reject(new UsageError(message.message, 'run'));
        else if (message.kind === 'notice') for (const other of others(worker)) send(other, message);
      });
      worker.once('exit', () => reject(new Error('a worker ended before it was listening')));
    });
  };

  let origin: string;
  try {
    origin = await fork(0, { greets: true });
    await Promise.all(Array.from({ length: options.workers - 1 }, (_, index) => fork(index + 1)));
  } catch (fault) {
    draining = true;
    for (const worker of others(undefined)) worker.kill('SIGKILL');
    throw fault;
  }
  const collected = new AggregatorRegistry();
  return {
    origin,
    greeting: greeting.promise,
    isReady: () => !draining,
    waitsFor: () => waiting.values().next().value,
    metrics: async () => await withPrimary(await collected.clusterMetrics(), registry),
    setLogLevel: (level) => {
      // Later replacements get it too.
      logLevel = level;
      for (const worker of others(undefined)) send(worker, { kind: 'log-level', level });
    },
    reload: (next) => {
      current = next;
      const urls = urlsOf(next.config, context.bridge);
      for (const worker of others(undefined)) send(worker, { kind: 'reload', prepared: next, urls });
    },
    drain: async (delayMs) => {
      draining = true;
      await Promise.all(
        others(undefined).map((worker) => {
          const gone = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
          send(worker, { kind: 'drain', delayMs });
          return gone;
        }),
      );
    },
  };
}

/** The URLs of the bridged upstreams of a configuration, by their names at the bridge. */
function urlsOf(config: Config, bridge: Bridge): ReadonlyMap<string, string> {
  return new Map(
    config.routes.flatMap((route) =>
      route.upstreams
        .filter(({ transport }) => bridgedTransport(transport) !== undefined)
        .map(({ name }) => bridgedName(routeKey(route), name))
        .map((name) => [name, bridge.urlOf(name)] as const),
    ),
  );
}

function others(than: Worker | undefined): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (worker): worker is Worker => worker !== undefined && worker !== than,
  );
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
