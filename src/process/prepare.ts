/** What `run` needs before it listens: the configuration and the sealing keys, read and checked. */
import { ConfigError, type Config } from '../config/model.ts';
import type { KeySpec } from '../session/key-spec.ts';
import type { RunOptions } from './options.ts';
import type { CommandIo } from './io.ts';
import { withoutItself } from './own-address.ts';
import { allPorts, checkOnePort } from './ports.ts';
import { keysByNow, sealingKeys } from './sealing-keys.ts';
import { readGivenSources, titleOf } from './sources.ts';
import { securityFaults } from './rule-faults.ts';

export interface Prepared {
  readonly config: Config;
  readonly keys: readonly KeySpec[];
}

/** Called with each file that the configuration names. */
export type NoteFile = (path: string) => void;

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost']);

export function isLoopback(host: string): boolean {
  return loopbackHosts.has(host);
}

/** Warnings go to stderr. Throws `ConfigError`, `KeyringError` or `UsageError`. */
export async function prepare(options: RunOptions, io: CommandIo, note?: NoteFile): Promise<Prepared> {
  const config = await readConfiguration(options, io, note);
  return { config, keys: await sealingKeys(options, io, isLoopback(options.host)) };
}

/** Reads configuration and keys again. Throws the same errors as `prepare`. */
export async function prepareAgain(
  before: Prepared,
  options: RunOptions,
  io: CommandIo,
  note: NoteFile,
): Promise<Prepared> {
  const config = options.kubernetes === undefined ? await readConfiguration(options, io, note) : before.config;
  return { config, keys: await keysByNow(before.keys, options, io) };
}

async function readConfiguration(options: RunOptions, io: CommandIo, note?: NoteFile): Promise<Config> {
  // With a cluster, the routes arrive later.
  if (options.kubernetes !== undefined) return { routes: [], warnings: [] };
  const source = titleOf(options);
  const config = await readGivenSources(options, io, options.naming, { withoutUnusable: !options.strict }, note);
  const beyond = securityFaults(config);
  if (beyond.length > 0) throw new ConfigError(source, beyond);
  checkOnePort(config, source, options);
  const served = allPorts(config, options).reduce(
    (left, port) => withoutItself(left, source, { ...options, port }, options.strict),
    config,
  );
  for (const warning of served.warnings) io.stderr.write(`warning: ${warning}\n`);
  return served;
}
