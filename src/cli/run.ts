/** `manifold run`: reads everything, listens, greets, and drains on SIGTERM. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError, type Config } from '../config/model.ts';
import { readMcpServers } from '../config/mcp-servers.ts';
import { readConfig } from '../config/read.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { draining } from '../telemetry/metrics.ts';
import type { OriginPolicy } from '../transport/accept.ts';
import { adminServer } from '../transport/admin.ts';
import { mcpServer } from '../transport/server.ts';
import { startBridge, type Bridge } from '../transport/upstream/bridge.ts';
import type { RunOptions } from './arguments.ts';
import { compose, type Composed } from './compose.ts';
import { greeting } from './greeting.ts';
import { fileFault, type CommandIo } from './io.ts';
import { loadKeys, resourceOf, sealingKeys } from './sealing-keys.ts';
import { UsageError } from './usage.ts';

export interface Running {
  /** The endpoint as clients reach it. */
  readonly url: string;
  /** Takes in nothing new, lets what is under way finish within the drain timeout, and closes. */
  drain(): Promise<void>;
}

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost']);

/** Resolves once it listens. Throws `ConfigError`, `KeyringError`, `UsageError`, or the listener's error. */
export async function run(options: RunOptions, io: CommandIo, version: string): Promise<Running> {
  const config = await readSource(options, io);
  for (const warning of config.warnings) io.stderr.write(`warning: ${warning}\n`);
  const loopback = loopbackHosts.has(options.host);
  const keyring = await loadKeys(await sealingKeys(options, io, loopback), options, io);
  const log = createLog(options.logLevel);
  const bridge = await bridgeOf(config, log);
  const composed = config.routes.map((route) => ({
    path: route.path,
    parts: compose(route, {
      options,
      keyring,
      resource: resourceOf(options),
      policy: policyOf(options, loopback),
      bridgedUrl: (name) => bridge!.urlOf(name),
      log,
      version,
    }),
  }));

  const server = mcpServer(
    new Map(composed.map(({ path, parts }) => [path, (request, response) => parts.gateway.handle(request, response)])),
  );
  await listen(server, options.port, options.host, '--port');
  const gateways = composed.map(({ parts }) => parts.gateway);
  const admin =
    options.adminPort === undefined ? undefined : adminServer(() => gateways.every((gateway) => !gateway.draining));
  if (admin !== undefined) await listen(admin, options.adminPort!, options.host, '--admin-port');

  const url = urlOf(server, options, composed[0]!.path);
  io.stdout.write(await greeting(url, composed[0]!.parts, version));
  if (admin !== undefined)
    io.stdout.write(`Probes and metrics: http://${hostOf(options.host)}:${portOf(admin)}/readyz /metrics\n`);

  const close = async (): Promise<void> => {
    for (const closing of [server, admin]) {
      closing?.close();
      closing?.closeAllConnections();
    }
    for (const { parts } of composed) await parts.close();
    await bridge?.close();
    log.flush();
  };
  const drain = async (): Promise<void> => {
    draining.set(1);
    log.info({ timeoutMs: options.drainTimeoutMs }, 'draining');
    await Promise.all(composed.map(({ parts }) => drainOne(parts, options.drainTimeoutMs)));
    await close();
  };
  return { url, drain };
}

async function drainOne({ gateway, listening }: Composed, timeoutMs: number): Promise<void> {
  gateway.draining = true;
  // Clients come back to another replica at once and go on where they were.
  listening.endAll();
  await gateway.idle(timeoutMs);
}

async function readSource(options: RunOptions, io: CommandIo): Promise<Config> {
  if (options.mcpJson !== undefined) return readMcpServers(options.mcpJson, '--mcp-json', io.env);
  const path = options.mcpConfig ?? options.files[0];
  if (path === undefined)
    throw new UsageError('what to serve is missing: give --mcp-config FILE or --mcp-json TEXT', 'run');
  if (options.files.length > 1) throw new UsageError('one file at a time is read by this version', 'run');
  let text: string;
  try {
    text = await io.readFile(path);
  } catch (fault) {
    throw new ConfigError(path, [
      { path: '(file)', problem: fileFault(path, fault), remedy: 'Give the path of an mcpServers file' },
    ]);
  }
  return options.mcpConfig === undefined ? readConfig(text, path, io.env) : readMcpServers(text, path, io.env);
}

async function bridgeOf(config: Config, log: Log): Promise<Bridge | undefined> {
  const specs = config.routes.flatMap((route) =>
    route.upstreams.flatMap(({ name, transport }) => (transport.kind === 'http' ? [] : [{ name, transport }])),
  );
  return specs.length === 0 ? undefined : await startBridge(specs, { log });
}

/** The public URL names a host and an origin that clients rightly use. */
function policyOf(options: RunOptions, loopback: boolean): OriginPolicy {
  const hosts = new Set(options.allowedHosts);
  const origins = new Set(options.allowedOrigins);
  if (options.resource !== undefined && URL.canParse(options.resource)) {
    const { host, origin } = new URL(options.resource);
    hosts.add(host);
    origins.add(origin);
  }
  return { hosts, origins, loopback };
}

function listen(server: Server, port: number, host: string, flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (fault: NodeJS.ErrnoException) => {
      const taken =
        fault.code === 'EADDRINUSE'
          ? `port ${port} is taken; choose another with ${flag}`
          : `cannot listen on ${host}:${port} (${fault.code})`;
      reject(new UsageError(taken, 'run'));
    });
    server.listen(port, host, () => resolve());
  });
}

function urlOf(server: Server, options: RunOptions, path: string): string {
  return `http://${hostOf(options.host)}:${portOf(server)}${path}`;
}

function hostOf(host: string): string {
  if (loopbackHosts.has(host) || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
