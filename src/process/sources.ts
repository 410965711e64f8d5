/** Reads the paths of the command line: files as they are, and directories as the files in them. */
import type { Config, ConfigFault, Naming } from '../config/model.ts';
import { ConfigError } from '../config/model.ts';
import type { ConfigSource, ReadOptions } from '../config/read.ts';
import { readSources } from '../config/read.ts';
import { notingFiles } from '../config/text-file.ts';
import type { CommandIo } from './io.ts';
import { fileFault } from './io.ts';

/** The sources that the command line names. */
export interface GivenSources {
  readonly files: readonly string[];
  /** Files in mcpServers format, whatever their content looks like. */
  readonly mcpConfig: readonly string[];
  /** Texts in that format. */
  readonly mcpJson: readonly string[];
}

/**
 * Reads all sources as one configuration. `note` is called with each file that a source names. Throws `ConfigError` with every
 * fault, including files that cannot be read.
 */
export async function readGivenSources(
  given: GivenSources,
  io: CommandIo,
  naming?: Naming,
  options?: ReadOptions,
  note: (path: string) => void = () => {},
): Promise<Config> {
  const { sources, faults } = await gather(given, io);
  if (faults.length === 0) return notingFiles(note, () => readSources(sources, io.env, naming, options));
  const further: ConfigFault[] = [];
  try {
    // The readable files are checked too, so that all faults are reported at once.
    if (sources.length > 0) readSources(sources, io.env, naming);
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault;
    further.push(
      ...fault.faults.map((one) =>
        one.place === undefined && sources.length === 1 ? { place: sources[0]!.name, ...one } : one,
      ),
    );
  }
  throw new ConfigError(titleOf(given), [...faults, ...further]);
}

/** A title for messages: the path if there is only one. */
export function titleOf({ files, mcpConfig, mcpJson }: GivenSources): string {
  const all = [...mcpConfig, ...mcpJson.map(() => '--mcp-json'), ...files];
  return all.length === 1 ? all[0]! : `${all.length} sources`;
}

interface Gathered {
  readonly sources: readonly ConfigSource[];
  /** One for each path that cannot be read. */
  readonly faults: readonly ConfigFault[];
}

const configFile = /\.(?:ya?ml|jsonc?)$/i;

async function gather(given: GivenSources, io: CommandIo): Promise<Gathered> {
  const faults: ConfigFault[] = [];
  const read = async (path: string, kind?: 'mcp-servers'): Promise<ConfigSource[]> => {
    try {
      return [{ name: path, text: await io.readFile(path), ...(kind !== undefined && { kind }) }];
    } catch (fault) {
      faults.push({ path: '(file)', problem: fileFault(path, fault), remedy: 'Give the path of a configuration file' });
      return [];
    }
  };
  const sources: ConfigSource[] = [];
  for (const path of given.mcpConfig) sources.push(...(await read(path, 'mcp-servers')));
  for (const [i, text] of given.mcpJson.entries())
    sources.push({ name: i === 0 ? '--mcp-json' : `--mcp-json ${i + 1}`, text, kind: 'mcp-servers' });
  for (const path of given.files) {
    const inside = await filesOf(path, io);
    if (inside === undefined) sources.push(...(await read(path)));
    for (const file of inside ?? []) sources.push(...(await read(file)));
    if (inside?.length === 0)
      faults.push({
        path: '(file)',
        problem: `${path}: a directory without configuration files`,
        remedy: 'Files end in .yaml, .yml, .json or .jsonc',
      });
  }
  return { sources, faults };
}

/* Undefined if the path is not a directory. The volume of a ConfigMap has hidden entries, which are skipped. */
async function filesOf(path: string, io: CommandIo): Promise<readonly string[] | undefined> {
  let names: readonly string[];
  try {
    names = await io.readDirectory(path);
  } catch {
    return undefined;
  }
  return names
    .filter((name) => !name.startsWith('.') && configFile.test(name))
    .sort()
    .map((name) => `${path.replace(/\/+$/, '')}/${name}`);
}
