/**
 * The flags of the command line, completed by the environment: by name, as text. It uses the table of flags, but not their
 * meaning.
 */
import { parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import type { Environment } from '../config/variables.ts';
import type { CommandName, Flag } from './flags.ts';
import { commandLines, variableOf } from './flags.ts';
import { UsageError } from '../process/usage.ts';

export interface Given {
  readonly command: CommandName;
  readonly help: boolean;
  /** The arguments that are not flags. */
  readonly words: readonly string[];
  /**
   * The value of a flag; the last one if it was repeated; undefined if it is neither on the command line nor in the environment.
   */
  one(name: string): string | undefined;
  /** The same for a flag with a default. */
  value(name: string): string;
  /** The values of a list. */
  list(name: string): readonly string[];
  /** Whether a switch is on. */
  on(name: string): boolean;
  /** Whether a flag is on the command line itself. */
  typed(name: string): boolean;
  /** A variable that has no flag. */
  secret(variable: string): string | undefined;
}

/** Throws `UsageError` for an unknown flag, a missing value, or an unexpected value. */
export function readGiven(command: CommandName, argv: readonly string[], env: Environment): Given {
  const flags: readonly Flag[] = commandLines[command].flags;
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const { tokens, values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', short: 'h' },
      ...Object.fromEntries(flags.map((flag) => [flag.name, parserOption(flag)])),
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const typed = new Map<string, string[]>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option' || token.name === 'help') continue;
    const flag = byName.get(token.name);
    if (flag === undefined) throw unknown(token.rawName, command, byName.keys());
    if (flag.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`--${flag.name} takes no value`, command);
    } else if (token.value === undefined || (!token.inlineValue && looksLikeFlag(token.value))) {
      throw new UsageError(`--${flag.name} needs a value: --${flag.name} ${flag.value}`, command);
    }
    typed.set(flag.name, [...(typed.get(flag.name) ?? []), token.value ?? '']);
  }
  const valuesOf = (name: string): readonly string[] => typed.get(name) ?? fromEnvironment(byName.get(name), env);
  return {
    command,
    help: values['help'] === true,
    words,
    one: (name) => valuesOf(name).at(-1),
    value: (name) => valuesOf(name).at(-1) ?? byName.get(name)?.standard ?? '',
    list: (name) => (byName.get(name)?.list === 'commas' ? valuesOf(name).flatMap(splitAtCommas) : valuesOf(name)),
    on: (name) => typed.has(name),
    typed: (name) => typed.has(name),
    secret: (variable) => env[variable] || undefined,
  };
}

function parserOption(flag: Flag): { type: 'string' | 'boolean'; short?: string } {
  const type = flag.value === undefined ? 'boolean' : 'string';
  return flag.short === undefined ? { type } : { type, short: flag.short };
}

/* `-` alone is a word. */
function looksLikeFlag(value: string): boolean {
  return value.length > 1 && value.startsWith('-');
}

function splitAtCommas(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/* An empty variable counts as not set, because manifests and shells often cannot omit one. */
function fromEnvironment(flag: Flag | undefined, env: Environment): readonly string[] {
  const variable = flag === undefined ? undefined : variableOf(flag);
  const value = variable === undefined ? undefined : env[variable];
  // Kubernetes sets MANIFOLD_PORT=tcp://… in every pod if a Service of its namespace is called `manifold`.
  if (value === undefined || value === '' || (variable!.endsWith('PORT') && value.startsWith('tcp://'))) return [];
  return [value];
}

function unknown(rawName: string, command: CommandName, known: Iterable<string>): UsageError {
  const near = rawName.startsWith('--') ? nearest(rawName.slice(2), known) : undefined;
  return new UsageError(`there is no flag ${rawName}${near === undefined ? '' : `; did you mean --${near}?`}`, command);
}
