/** What `run` needs before anything listens: the configuration and the sealing keys, read and checked. */
import { readMcpServers } from '../config/mcp-servers/read.ts';
import { ConfigError, type Config } from '../config/model.ts';
import { readConfig } from '../config/read.ts';
import type { KeySpec } from '../session/key-spec.ts';
import type { RunOptions } from '../cli/arguments.ts';
import { fileFault, type CommandIo } from '../cli/io.ts';
import { sealingKeys } from './sealing-keys.ts';
import { UsageError } from '../cli/usage.ts';

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
  const config = await readSource(options, io);
  for (const warning of config.warnings) io.stderr.write(`warning: ${warning}\n`);
  return { config, keys: await sealingKeys(options, io, isLoopback(options.host)) };
}

async function readSource(options: RunOptions, io: CommandIo): Promise<Config> {
  if (options.mcpJson !== undefined) return readMcpServers(options.mcpJson, '--mcp-json', io.env, options.naming);
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
  return read(text, path, io.env, options.naming);
}
