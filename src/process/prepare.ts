/** What `run` needs before anything listens: the configuration and the sealing keys, read and checked. */
import { readMcpServers } from '../config/mcp-servers/read.ts';
import { ConfigError, type Config } from '../config/model.ts';
import { readConfig } from '../config/read.ts';
import type { KeySpec } from '../session/key-spec.ts';
import type { RunOptions } from './options.ts';
import { fileFault, type CommandIo } from './io.ts';
import { withoutItself } from './own-address.ts';
import { sealingKeys } from './sealing-keys.ts';
import { UsageError } from './usage.ts';

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
  const config = await readConfiguration(options, io);
  return { config, keys: await sealingKeys(options, io, isLoopback(options.host)) };
}

/** The configuration as it is to be served. Warnings go to stderr. Throws `ConfigError` or `UsageError`. */
export async function readConfiguration(options: RunOptions, io: CommandIo): Promise<Config> {
  const { config, source } = await readSource(options, io);
  const served = withoutItself(config, source, options, options.strict);
  for (const warning of served.warnings) io.stderr.write(`warning: ${warning}\n`);
  return served;
}

async function readSource(options: RunOptions, io: CommandIo): Promise<{ config: Config; source: string }> {
  const how = { withoutUnusable: !options.strict };
  if (options.mcpJson !== undefined) {
    const source = '--mcp-json';
    return { config: readMcpServers(options.mcpJson, source, io.env, options.naming, how), source };
  }
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
  const read = options.mcpConfig === undefined ? readConfig : readMcpServers;
  return { config: read(text, path, io.env, options.naming, how), source: path };
}
