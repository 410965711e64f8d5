/**
 * `--workers N`: this process becomes the primary of N workers on the same ports (node:cluster). Any worker serves any request,
 * so when one dies, only its running requests are lost. It is replaced, and the failure is logged.
 */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { AggregatorRegistry } from 'prom-client';
import { routeKey, type Config } from '../config/model.ts';
import type { Bridge } from '../transport/bridge/bridge.ts';
import { bridgedName, bridgedTransport } from './bridged-name.ts';
import { registry } from '../telemetry/metrics.ts';
import { withPrimary } from './pool-metrics.ts';
import { listen } from './listen.ts';
import { allPorts } from './ports.ts';
import type { PoolContext, ServingPool } from './pool.ts';
import type { Prepared } from './prepare.ts';
import { UsageError } from './usage.ts';
import { WorkersAsked } from './workers-asked.ts';
import type { FromWorker, ToWorker } from './worker.ts';

/** A worker that dies sooner than this after its start is replaced after a pause of the same length, in ms. */
const quickDeathMs = 1_000;

/** Longest wait for a worker to do what it is told, in ms. */
const maxAnswerMs = 30_000;

/** Resolves when all workers listen. Throws `UsageError` with the reason when the first ones cannot. */
export async function startWorkers(prepared: Prepared, context: PoolContext): Promise<ServingPool> {
  const { options, log } = context;
  // Structured clones: the configuration holds sets.
  cluster.setupPrimary({ serialization: 'advanced' });
  let current = prepared;
  let draining = false;
  let logLevel = options.logLevel;
  /** What each of the first workers waits for. */
  const unprepared = new Map<number, string>();
  let turns = 0;
  /** What waits for a worker to have done what it was told, by turn and worker. */
  const waiting = new Map<string, (fault: string | undefined) => void>();
  /** Throws `UsageError` with the reason of a worker that has not done it. */
  const done = async (message: (turn: number) => ToWorker): Promise<void> => {
    const turn = (turns += 1);
    const faults = await Promise.all(
      others(undefined).map((worker) => {
        const answer = Promise.withResolvers<string | undefined>();
        const key = `${turn} ${worker.id}`;
        waiting.set(key, answer.resolve);
        const tooLate = setTimeout(() => answer.resolve('a worker did not answer'), maxAnswerMs);
        // Whoever takes its place begins with what is served by then.
        const ended = (): void => answer.resolve(undefined);
        worker.once('exit', ended);
        send(worker, message(turn));
        return answer.promise.finally(() => {
          waiting.delete(key);
          clearTimeout(tooLate);
          worker.off('exit', ended);
        });
      }),
    );
    const fault = faults.find((one) => one !== undefined);
    if (fault !== undefined) throw new UsageError(fault, 'run');
  };
  const greeting = Promise.withResolvers<string>();
  const asked = new WorkersAsked();

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
      unprepared.delete(slot);
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
          if (message.waitsFor !== undefined && !isReplacement) unprepared.set(slot, message.waitsFor);
          resolve(message.origin);
        } else if (message.kind === 'prepared') unprepared.delete(slot);
        else if (message.kind === 'greeting') greeting.resolve(message.text);
        else if (message.kind === 'failed') reject(new UsageError(message.message, 'run'));
        else if (message.kind === 'done') waiting.get(`${message.turn} ${worker.id}`)?.(message.fault);
        else if (message.kind === 'state') asked.answered(message.question, message.state);
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
    waitsFor: () => unprepared.values().next().value,
    metrics: async () => await withPrimary(await collected.clusterMetrics(), registry),
    state: () => asked.ask(others(undefined).map((worker) => (question) => send(worker, { kind: 'ask', question }))),
    setLogLevel: (level) => {
      // Later replacements get it too.
      logLevel = level;
      for (const worker of others(undefined)) send(worker, { kind: 'log-level', level });
    },
    open: async (next) => {
      const known = allPorts(current.config, options);
      const asked = allPorts(next.config, options).filter((port) => !known.includes(port));
      // A port that was refused to some workers is another one to those that come later (node:cluster counts how often each asks).
      for (const port of asked) await tryPort(port, options.host);
      try {
        await done((turn) => ({ kind: 'open', turn, prepared: next }));
      } catch (fault) {
        // Those that have opened them close them again.
        await done((turn) => ({ kind: 'open', turn, prepared: current })).catch(() => {});
        throw fault;
      }
    },
    reload: async (next) => {
      current = next;
      const urls = urlsOf(next.config, context.bridge);
      await done((turn) => ({ kind: 'reload', turn, prepared: next, urls }));
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

/** Throws `UsageError` where it cannot be listened on. */
async function tryPort(port: number, host: string): Promise<void> {
  const server = createServer();
  await listen(server, port, host, '--port', true);
  const closed = once(server, 'close');
  server.close();
  await closed;
}

function others(than: Worker | undefined): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (worker): worker is Worker => worker !== undefined && worker !== than,
  );
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
