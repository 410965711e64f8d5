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
  | { readonly kind: 'reload'; readonly prepared: Prepared; readonly urls: ReadonlyMap<string, string> }
  | { readonly kind: 'log-level'; readonly level: string }
  | { readonly kind: 'drain'; readonly delayMs: number }
  | { readonly kind: 'notice'; readonly notice: Notice };

/** From a worker to the primary. */
export type FromWorker =
  /** `waitsFor`: see `Preparation`; when that is over it is `prepared`. */
  | { readonly kind: 'listening'; readonly origin: string; readonly waitsFor: string | undefined }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'greeting'; readonly text: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'notice'; readonly notice: Notice };

export function runWorker(io: CommandIo, version: string): void {
  AggregatorRegistry.setRegistries(registry);
  // Created for its listener, which answers when the primary collects metrics.
  const collected = new AggregatorRegistry();
  let serving: Serving | undefined;
  let log: Log | undefined;
  let urls: ReadonlyMap<string, string> = new Map();
  // Ctrl-C reaches the whole process group, and so does a supervisor's SIGTERM; the primary decides when a worker drains.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  process.on('disconnect', () => {
    collected.clear();
    process.exit(0);
  });
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'start':
        start(message).catch((fault: unknown) => {
          tell({ kind: 'failed', message: fault instanceof Error ? fault.message : String(fault) });
          process.exit(1);
        });
        return;
      case 'notice':
        void serving?.heard(message.notice);
        return;
      case 'reload':
        urls = message.urls;
        serving?.reload(message.prepared);
        return;
      case 'log-level':
        if (log !== undefined) log.level = message.level;
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
    if (message.greets) tell({ kind: 'greeting', text: await greeting(serving.originOf, serving.routes, version) });
  }

  async function drain(delayMs: number): Promise<void> {
    await serving?.drain(delayMs);
    await stopTracing();
    process.exit(0);
  }
}

function tell(message: FromWorker): void {
  process.send?.(message);
}
