/** Brings a scenario's targets up, each in its own process in front of the one upstream, and takes them down. */
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usageOf } from './accounting.ts';
import { launch } from './launch.ts';
import type { Launched } from './launch.ts';
import type { Measured } from './measure.ts';
import type { Placement } from './placement.ts';
import type { TargetSpec } from './scenario.ts';
import { securedRoute } from './secured.ts';

export interface Target extends Measured {
  readonly name: string;
  /** Undefined for what was not started here, unless it was given. */
  readonly pid: number | undefined;
  /** From start to listening: where a costly key derivation is paid. Undefined for what was not started here. */
  readonly readyAfterMs: number | undefined;
  /** Collects the garbage of a target that was started here with `collects`. */
  collect(): Promise<void>;
  forgetLog(): void;
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly placement: Placement;
  /** A directory of this run for key rings and logs. */
  readonly directory: string;
  /** Makes `Target.collect` work. */
  readonly collects?: boolean;
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The upstream listens on `port`, so that a gateway of another maker can be configured for it; 0 is any. */
export async function startUpstream({ placement, directory }: Surroundings, port: number): Promise<Launched> {
  const place = { core: placement.upstream, directory, path: '/echo' };
  return launch('upstream', [file('upstream.ts'), String(port)], place);
}

export async function startTarget(spec: TargetSpec, upstreamUrl: string, around: Surroundings): Promise<Target> {
  const { placement, directory, collects = false } = around;
  const place = { core: placement.target, directory, path: '/mcp', collects };
  if (spec.kind === 'direct') return notStartedHere(spec.name, upstreamUrl, undefined);
  if (spec.kind === 'other') return notStartedHere(spec.name, spec.url, spec.pid);
  if (spec.kind === 'relay')
    return started(spec.name, await launch(spec.name, [file('relay.ts'), upstreamUrl], place), undefined);
  const secured = spec.asks === undefined ? undefined : await securedRoute(spec.asks);
  const command = gateway(spec, upstreamUrl, around, secured?.routes);
  return started(spec.name, await launch(spec.name, command, place), secured?.credential);
}

/** This project's own command, as a user would give it; log and deadlines are on. */
function gateway(
  spec: { readonly name: string; readonly kdf: string; readonly routes?: number },
  upstream: string,
  around: Surroundings,
  routes: object | undefined,
): string[] {
  const command = file('../dist/main.js');
  if (!existsSync(command)) {
    throw new Error('dist/main.js is missing: run `npm run build`, or leave the gateway out with --only');
  }
  const servers = JSON.stringify(
    spec.routes === undefined ? oneServer(upstream, routes) : manyRoutes(upstream, spec.routes),
  );
  const keys = writeKeyRing(spec, around.directory);
  return [command, 'run', '--mcp-json', servers, '--port', '0', '--admin-port', 'off', '--session-keys', keys];
}

function oneServer(url: string, routes: object | undefined): object {
  return { mcpServers: { bench: { type: 'http', url } }, ...(routes && { manifold: { routes } }) };
}

/** As many servers as a file may well have: routes share them. */
const maxServers = 50;

/** The last route is at /mcp, where the calls go. */
function manyRoutes(url: string, count: number): object {
  const servers = Array.from({ length: Math.min(count, maxServers) }, (_, index) => `bench${index}`);
  const routes = Array.from({ length: count }, (_, index) => ({
    path: index === count - 1 ? '/mcp' : `/route${index}/mcp`,
    servers: [servers[index % servers.length]],
  }));
  return {
    mcpServers: Object.fromEntries(servers.map((name) => [name, { type: 'http', url }])),
    manifold: { routes: Object.fromEntries(routes.map((route, index) => [`route${index}`, route])) },
  };
}

function started(name: string, launched: Launched, credential: readonly string[] | undefined): Target {
  return {
    name,
    ...(credential === undefined ? {} : { credential }),
    pid: launched.pid,
    url: launched.url,
    readyAfterMs: launched.readyAfterMs,
    usage: async () => launched.usage(),
    collect: () => launched.collect(),
    forgetLog: () => launched.forgetLog(),
    stop: async () => launched.stop(),
  };
}

function notStartedHere(name: string, url: string, pid: number | undefined): Target {
  return {
    name,
    pid,
    url,
    readyAfterMs: undefined,
    usage: async () => (pid === undefined ? undefined : usageOf(pid)),
    collect: async () => {},
    forgetLog: () => {},
    stop: async () => {},
  };
}

/** One key of 32 random bytes; a passphrase of that strength serves every derivation alike. */
function writeKeyRing(spec: { readonly name: string; readonly kdf: string }, directory: string): string {
  const path = join(directory, `${spec.name}.keys.json`);
  const key = { id: 'bench', secret: randomBytes(32).toString('base64'), kdf: spec.kdf };
  writeFileSync(path, JSON.stringify({ keys: [key] }), { mode: 0o600 });
  return path;
}
