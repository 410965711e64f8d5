/** What `run` needs before anything listens: the configuration and the sealing keys, read and checked. */
import { ConfigError, type Config } from '../config/model.ts';
import type { KeySpec } from '../session/key-spec.ts';
import type { RunOptions } from '../cli/arguments.ts';
import type { CommandIo } from '../cli/io.ts';
import { readGivenSources } from '../cli/sources.ts';
import { sealingKeys } from './sealing-keys.ts';
import { unenforced } from './unenforced.ts';

export interface Prepared {
  readonly config: Config;
  readonly keys: readonly KeySpec[];
}

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost']);

export function isLoopback(host: string): boolean {
  return loopbackHosts.has(host);
}

/** Warnings go to stderr. Throws `ConfigError`, `KeyringError` or `UsageError`. */
export async function prepare(options: RunOptions, io: CommandIo): Promise<Prepared> {
  const config = await readGivenSources(options, io, options.naming);
  const beyond = unenforced(config);
  if (beyond.length > 0) throw new ConfigError('configuration', beyond);
  for (const warning of config.warnings) io.stderr.write(`warning: ${warning}\n`);
  return { config, keys: await sealingKeys(options, io, isLoopback(options.host)) };
}
