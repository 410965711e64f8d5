/** One worker of `--workers N`: serves what the primary process sends it, and ends with the primary. */
import cluster from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { createLog, outputOf, type Log } from '../telemetry/log.ts';
import { registry } from '../telemetry/metrics.ts';
import { startTracing, stopTracing } from '../telemetry/traces.ts';
import type { Notice } from '../transport/peers/notice.ts';
import type { RunOptions } from './options.ts';
import { bridgedName } from './bridged-name.ts';
import { greeting } from './greeting.ts';
import type { CommandIo } from './io.ts';
import type { Prepared } from './prepare.ts';
import { serve, type Serving } from './serve.ts';
import type { ProcessState } from './state.ts';

/** From the primary to a worker. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly prepared: Prepared;
      readonly options: RunOptions;
      /** The number of this worker, from 0; a replacement gets the same number. */
      readonly slot: number;
      /** URLs of bridged upstreams, by name. */
      readonly urls: ReadonlyMap<string, string>;
      /** Whether to contact the upstreams for the greeting. */
      readonly greets: boolean;
    }
  /** See `Serving`. Each is answered by `done` with its turn. */
  | { readonly kind: 'open'; readonly turn: number; readonly prepared: Prepared }
  | {
      readonly kind: 'reload';
      readonly turn: number;
      readonly prepared: Prepared;
      readonly urls: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'log-level'; readonly level: string }
  /** To be answered with `state`. */
  | { readonly kind: 'ask'; readonly question: number }
  | { readonly kind: 'drain'; readonly delayMs: number }
  | { readonly kind: 'notice'; readonly notice: Notice };

/** From a worker to the primary. */
export type FromWorker =
  /** `waitsFor`: see `Preparation`; when that is over it is `prepared`. */
  | { readonly kind: 'listening'; readonly origin: string; readonly waitsFor: string | undefined }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'greeting'; readonly text: string }
  | { readonly kind: 'failed'; readonly message: string }
  /** With the reason where it could not be done. */
  | { readonly kind: 'done'; readonly turn: number; readonly fault: string | undefined }
  | { readonly kind: 'state'; readonly question: number; readonly state: ProcessState }
  | { readonly kind: 'notice'; readonly notice: Notice };

export function runWorker(io: CommandIo, version: string): void {
  AggregatorRegistry.setRegistries(registry);
  // Created for its listener, which answers when the primary collects metrics.
  const collected = new AggregatorRegistry();
  let serving: Serving | undefined;
  let log: Log | undefined;
  let urls: ReadonlyMap<string, string> = new Map();
  /** The last instruction: each waits for the one before, and the first for the start. */
  let last: Promise<void> = Promise.resolve();
  // Ctrl-C reaches the whole process group, and so does a supervisor's SIGTERM; the primary decides when a worker drains.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  process.on('disconnect', () => {
    collected.clear();
    process.exit(0);
  });
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'start':
        last = start(message).catch((fault: unknown) => {
          tell({ kind: 'failed', message: textOf(fault) });
          process.exit(1);
        });
        return;
      case 'open':
        last = last.then(() => answer(message.turn, serving?.open(message.prepared)));
        return;
      case 'notice':
        void serving?.heard(message.notice);
        return;
      case 'reload':
        last = last.then(() => {
          urls = message.urls;
          return answer(message.turn, serving?.reload(message.prepared));
        });
        return;
      case 'log-level':
        if (log !== undefined) log.level = message.level;
        return;
      case 'ask':
        void serving?.state().then((state) => tell({ kind: 'state', question: message.question, state }));
        return;
      case 'drain':
        void drain(message.delayMs);
    }
  });

  async function start(message: Extract<ToWorker, { kind: 'start' }>): Promise<void> {
    const { prepared, options, slot } = message;
    urls = message.urls;
    await startTracing(io.env, version);
    log = createLog(options.logLevel, outputOf(options.logFormat)).child({ worker: cluster.worker?.id });
    serving = await serve(prepared, {
      options,
      slot,
      // The primary has already reported it.
      io: { ...io, stderr: { write: () => {} } },
      log,
      version,
      bridgedUrl: (route, name) => urls.get(bridgedName(route, name))!,
      onNotice: (notice) => tell({ kind: 'notice', notice }),
    });
    const { preparation } = serving;
    tell({ kind: 'listening', origin: serving.origin, waitsFor: preparation.waitsFor() });
    void preparation.prepared.then(() => tell({ kind: 'prepared' }));
    if (message.greets) void greet(serving);
  }

  async function greet({ originOf, routes }: Serving): Promise<void> {
    tell({ kind: 'greeting', text: await greeting(originOf, routes, version) });
  }

  async function drain(delayMs: number): Promise<void> {
    await serving?.drain(delayMs);
    await stopTracing();
    process.exit(0);
  }
}

/** Never rejects. */
async function answer(turn: number, doing: Promise<void> | undefined): Promise<void> {
  try {
    await doing;
    tell({ kind: 'done', turn, fault: undefined });
  } catch (fault) {
    tell({ kind: 'done', turn, fault: textOf(fault) });
  }
}

function textOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

function tell(message: FromWorker): void {
  process.send?.(message);
}
