/** `manifold run`: reads the configuration, bridges stdio and SSE servers, serves in this process or in workers, and greets. */
import type { Server } from 'node:http';
import { type Config, faultText, routeKey } from '../config/model.ts';
import { createLog, outputOf, type Log } from '../telemetry/log.ts';
import { startTracing, stopTracing } from '../telemetry/traces.ts';
import { isForPeople, prettyOutput } from '../telemetry/pretty.ts';
import { bridgeDropped, countReload, registry } from '../telemetry/metrics.ts';
import { adminAccess } from './admin-access.ts';
import { adminPages } from './admin-pages.ts';
import { adminServer, type AdminParts } from './admin.ts';
import type { Cluster } from './cluster.ts';
import type { Readiness } from './readiness.ts';
import { startBridge, type Bridge, type BridgeSpec } from '../transport/bridge/bridge.ts';
import type { RunOptions } from './options.ts';
import { bridgedName, bridgedTransport } from './bridged-name.ts';
import { columns, firstLine } from './columns.ts';
import { greeting } from './greeting.ts';
import { showLive, type LiveLines } from './live-lines.ts';
import type { CommandIo } from './io.ts';
import { isLoopback, prepare, prepareAgain, type Prepared } from './prepare.ts';
import { FileWatch } from './file-watch.ts';
import { Reloading } from './reload.ts';
import { listen, portOf, shownHost } from './listen.ts';
import { serve, type Serving } from './serve.ts';
import { TlsFiles } from './tls-files.ts';
import { renewCertificate } from '../transport/http/server.ts';
import type { PoolContext, ServingPool } from './pool.ts';
import { startWorkers } from './workers.ts';

/** Maximum length of an entry's name in the greeting, in characters. */
const maxNameChars = 64;

export interface Running {
  /** The text for the person who started the gateway, when the upstreams have been contacted; within seconds. */
  readonly greeting: Promise<string>;
  /** Call this when the greeting is printed: log lines for people wait for it. */
  greeted(): void;
  /** Reads the configuration again. Never rejects. */
  reload(): Promise<void>;
  /** Accepts no new work, lets running work finish within the drain timeout, and closes; not before `delayMs`. */
  drain(delayMs: number): Promise<void>;
}

/** Resolves when it listens, whatever the state of its upstreams. Throws `ConfigError`, `KeyringError` or `UsageError`. */
export async function run(options: RunOptions, io: CommandIo, version: string): Promise<Running> {
  const keyFiles = options.sessionKeys === undefined ? [] : [options.sessionKeys];
  const paths = [...options.mcpConfig, ...options.files, ...keyFiles];
  const files = new FileWatch();
  const note = (path: string): void => files.note(path);
  files.begin(paths);
  const given = await prepare(options, io, note);
  const terminal = isForPeople(options.logFormat) ? prettyOutput(process.stderr) : undefined;
  const log = createLog(options.logLevel, terminal ?? outputOf('json'));
  let pool: ServingPool | undefined;
  let bridge: Bridge | undefined;
  let reloading: Reloading | undefined;
  let cluster: Cluster | undefined;
  let current: Prepared = given;
  const adminTls =
    options.adminTls === undefined || options.adminPort === undefined
      ? undefined
      : new TlsFiles(options.adminTls, log, 'admin-tls');
  // Probes are answered from the start; readiness follows later.
  const admin = await startAdmin(
    options,
    {
      readiness: () => readinessOf(pool, cluster),
      startup: () => startupOf(pool, cluster),
      metrics: () => pool?.metrics?.() ?? registry.metrics(),
      pages: adminPages({
        options,
        version,
        config: () => current.config,
        states: async () => (await pool?.state()) ?? [],
      }),
      logLevel: () => log.level,
      setLogLevel: (level) => {
        log.level = level;
        pool?.setLogLevel(level);
      },
    },
    adminTls,
  );
  const close = async (): Promise<void> => {
    reloading?.stop();
    await cluster?.close();
    admin?.close();
    admin?.closeAllConnections();
    adminTls?.stop();
    await bridge?.close();
    log.flush();
    terminal?.release();
  };
  try {
    // Loaded on demand: the Kubernetes client is large.
    if (options.kubernetes !== undefined)
      cluster = (await import('./cluster.ts')).startCluster(options.kubernetes, options, { io, log });
    const prepared =
      cluster === undefined ? given : { ...given, config: await firstOf(cluster, probesOf(admin, options), log) };
    const started = await startBridge(bridgedOf(prepared.config), {
      log,
      onDropped: (upstream) => bridgeDropped.inc({ upstream }),
    });
    bridge = started;
    const context = { options, io, log, version, bridge: started };
    const serving = options.workers > 1 ? await startWorkers(prepared, context) : await alone(prepared, context);
    pool = serving;
    current = prepared;
    /* One after the other: the keys and, from a cluster, the routes change on their own. */
    let last: Promise<void> = Promise.resolve();
    const apply = (change: (before: Prepared) => Prepared): Promise<void> => {
      const taken = last.then(async () => {
        const changed = change(current);
        // What may fail comes first.
        await serving.open(changed);
        current = changed;
        started.update(bridgedOf(changed.config));
        await serving.reload(changed);
      });
      last = taken.catch(() => {});
      return taken;
    };
    reloading = new Reloading({
      paths,
      files,
      read: () => prepareAgain(current, options, io, note),
      // The routes of a cluster may have changed since.
      apply: (next) => apply((before) => (options.kubernetes === undefined ? next : { ...before, keys: next.keys })),
      log,
    });
    cluster?.follow(prepared.config, (config) => {
      apply((before) => ({ ...before, config })).catch((fault: unknown) => {
        countReload(false);
        log.error({ fault: String(fault) }, 'the configuration of the cluster was not taken');
      });
    });
    // Log lines that reach the same terminal another way would cut the status lines in two.
    const isOrdered = !process.stderr.isTTY || (terminal !== undefined && options.workers === 1);
    const live = liveOf(prepared.config, context, isOrdered);
    // Log lines are printed above the status lines of servers that are starting.
    if (terminal !== undefined) terminal.above = live?.above;
    const probes = probesOf(admin, options);
    return {
      greeting: greetingOf(options, serving, version)
        .then((text) => text + leftOut(prepared.config) + probes)
        .finally(() => {
          live?.stop();
          if (terminal !== undefined) terminal.above = undefined;
        }),
      greeted: () => terminal?.release(),
      reload: async () => await reloading?.now(),
      drain: async (delayMs) => {
        terminal?.release();
        // The Lease is released while this process drains, so that another replica can lead at once.
        await Promise.all([cluster?.close(), serving.drain(delayMs)]);
        await close();
      },
    };
  } catch (fault) {
    await close();
    throw fault;
  }
}

function probesOf(admin: Server | undefined, { adminHost, adminTls }: RunOptions): string {
  return admin === undefined
    ? ''
    : `Probes and metrics: ${adminTls === undefined ? 'http' : 'https'}://${shownHost(adminHost)}:${portOf(admin)}/readyz /metrics\n`;
}

/** Waits before listening: a client would take an unknown route for one that does not exist. */
async function firstOf(cluster: Cluster, probes: string, log: Log): Promise<Config> {
  log.info(`the routes of the cluster are waited for. ${probes.trim()}`);
  return await cluster.first;
}

/** The routes of the cluster may arrive at any time, so the greeting says where they are, not what they offer. */
async function greetingOf({ kubernetes }: RunOptions, pool: ServingPool, version: string): Promise<string> {
  if (kubernetes === undefined) return await pool.greeting;
  return `Manifold ${version} serves ${routesText(kubernetes)} at ${pool.origin}\n`;
}

/** Which MCPRoutes are served, as text. */
function routesText({ namespaces }: NonNullable<RunOptions['kubernetes']>): string {
  if (namespaces === undefined) return 'the MCPRoutes of its namespace';
  if (namespaces === 'all') return 'the MCPRoutes of all namespaces';
  return `the MCPRoutes of ${namespaces.join(', ')}`;
}

function readinessOf(pool: ServingPool | undefined, cluster: Cluster | undefined): Readiness {
  if (pool === undefined) {
    const state = cluster?.readiness();
    return state === undefined || state.isReady ? { isReady: false, text: 'not ready: it starts' } : state;
  }
  if (!pool.isReady()) return { isReady: false, text: 'not ready: it drains' };
  return cluster?.readiness() ?? { isReady: true, text: 'ready' };
}

/* A missing cluster is no reason to restart the process. */
function startupOf(pool: ServingPool | undefined, cluster: Cluster | undefined): Readiness {
  if (pool !== undefined) return { isReady: true, text: 'started' };
  if (cluster?.readiness().isReady === false) return { isReady: true, text: 'started: it waits for the cluster' };
  return { isReady: false, text: 'not started: keys, workers or listeners are not ready' };
}

/** Entries of the configuration that are not served, with the reasons. Empty if there are none. */
function leftOut({ unusable = [] }: Config): string {
  if (unusable.length === 0) return '';
  const rows = unusable.flatMap(({ name, faults }) =>
    faults.map((fault, i) => [i === 0 ? firstLine(name, maxNameChars) : '', 'failed', faultText(fault)]),
  );
  return `Not served, until the configuration is mended:\n${columns(rows)
    .map((line) => `  ${line}\n`)
    .join('')}\n`;
}

async function startAdmin(
  options: RunOptions,
  parts: Omit<AdminParts, 'maySee' | 'policy' | 'tls'>,
  tls: TlsFiles | undefined,
): Promise<Server | undefined> {
  if (options.adminPort === undefined) return undefined;
  const admin = adminServer({
    ...parts,
    maySee: adminAccess(options.adminTokenFile),
    policy: { hosts: new Set(options.allowedHosts), loopback: isLoopback(options.adminHost) },
    tls: tls?.texts,
  });
  tls?.onChange((texts) => renewCertificate(admin, texts));
  await listen(admin, options.adminPort, options.adminHost, '--admin-port');
  return admin;
}

async function alone(prepared: Prepared, context: PoolContext): Promise<ServingPool> {
  await startTracing(context.io.env, context.version);
  const serving: Serving = await serve(prepared, {
    ...context,
    bridgedUrl: (route, name) => context.bridge.urlOf(bridgedName(route, name)),
    onNotice: () => {},
  });
  let isDraining = false;
  return {
    origin: serving.origin,
    greeting: greeting(serving.originOf, serving.routes, context.version, (route, name) =>
      context.bridge.stateOf(bridgedName(route, name)),
    ),
    isReady: () => !isDraining,
    metrics: undefined,
    state: async () => [await serving.state()],
    // The only log is that of this process, which sets its own level.
    setLogLevel: () => {},
    open: (next) => serving.open(next),
    reload: (next) => serving.reload(next),
    drain: async (delayMs) => {
      isDraining = true;
      await serving.drain(delayMs);
      await stopTracing();
    },
  };
}

/** `draws`: on a terminal the lines are drawn in their place; else one is written for each change. */
function liveOf(config: Config, { bridge, io }: PoolContext, draws: boolean): LiveLines | undefined {
  const names = config.routes.flatMap((route) =>
    route.upstreams
      .filter(({ transport }) => transport.kind !== 'http')
      .map(({ name }) => bridgedName(routeKey(route), name)),
  );
  const { stdout } = io;
  const out = draws ? stdout : { write: (text: string) => stdout.write(text) };
  return names.length === 0 ? undefined : showLive(out, names, (name) => bridge.stateOf(name));
}

function bridgedOf(config: Config): BridgeSpec[] {
  return config.routes.flatMap((route) =>
    route.upstreams.flatMap(({ name, transport: written }) => {
      const transport = bridgedTransport(written);
      return transport === undefined ? [] : [{ name: bridgedName(routeKey(route), name), transport }];
    }),
  );
}
