/** `manifold run`: prepares, bridges what speaks no HTTP, serves in this process or in workers, and greets. */
import type { Config } from '../config/model.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { adminServer } from '../transport/admin.ts';
import { startBridge, type Bridge } from '../transport/upstream/bridge.ts';
import type { RunOptions } from './arguments.ts';
import { greeting } from './greeting.ts';
import type { CommandIo } from './io.ts';
import { prepare } from './prepare.ts';
import { listen, portOf, serve, shownHost, type Serving } from './serve.ts';
import type { PoolContext, ServingPool } from './pool.ts';
import { startWorkers } from './workers.ts';

export interface Running {
  /** The endpoint as clients reach it. */
  readonly url: string;
  /** Takes in nothing new, lets what is under way finish within the drain timeout, and closes. */
  drain(): Promise<void>;
}

/** Resolves once it listens. Throws `ConfigError`, `KeyringError` or `UsageError`. */
export async function run(options: RunOptions, io: CommandIo, version: string): Promise<Running> {
  const prepared = await prepare(options, io);
  const log = createLog(options.logLevel);
  const bridge = await bridgeOf(prepared.config, log);
  try {
    const context = { options, io, log, version };
    const pool =
      options.workers > 1
        ? await startWorkers(prepared, { ...context, bridge })
        : await alone(prepared, { ...context, bridge });
    const admin = options.adminPort === undefined ? undefined : adminServer(pool.isReady, pool.metrics);
    if (admin !== undefined) await listen(admin, options.adminPort!, options.host, '--admin-port');
    io.stdout.write(pool.greeting);
    if (admin !== undefined)
      io.stdout.write(`Probes and metrics: http://${shownHost(options.host)}:${portOf(admin)}/readyz /metrics\n`);
    const drain = async (): Promise<void> => {
      await pool.drain();
      admin?.close();
      admin?.closeAllConnections();
      await bridge?.close();
      log.flush();
    };
    return { url: pool.url, drain };
  } catch (fault) {
    await bridge?.close();
    throw fault;
  }
}

async function alone(prepared: Parameters<typeof serve>[0], context: PoolContext): Promise<ServingPool> {
  const serving: Serving = await serve(prepared, {
    ...context,
    bridgedUrl: (name) => context.bridge!.urlOf(name),
    onEnded: () => {},
  });
  return {
    url: serving.url,
    greeting: await greeting(serving.url, serving.first, context.version),
    isReady: () => !serving.isDraining(),
    metrics: undefined,
    drain: () => serving.drain(),
  };
}

async function bridgeOf(config: Config, log: Log): Promise<Bridge | undefined> {
  const specs = config.routes.flatMap((route) =>
    route.upstreams.flatMap(({ name, transport }) => (transport.kind === 'http' ? [] : [{ name, transport }])),
  );
  return specs.length === 0 ? undefined : await startBridge(specs, { log });
}
