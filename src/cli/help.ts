/** The texts of `--help`, made from the table of flags. */
import type { CommandLine, CommandName, Flag } from './flags.ts';
import { commandLines, variableOf } from './flags.ts';

const width = 100;

/** The help of one command, or of the program. Ends in a line break. */
export function helpText(command: CommandName | undefined): string {
  return `${(command === undefined ? overview() : commandHelp(commandLines[command])).join('\n')}\n`;
}

function overview(): readonly string[] {
  return [
    'manifold: many MCP servers behind one endpoint',
    '',
    'Usage: manifold COMMAND [ARGUMENTS]',
    '',
    'Commands:',
    ...table(Object.values(commandLines).map((c: CommandLine) => [`${c.name} ${c.takes}`.trimEnd(), c.says])),
    '',
    'Flags:',
    ...table([
      ['-h, --help', 'this text; after a command, the help of that command'],
      ['-V, --version', 'the version'],
    ]),
    '',
    `Start with: ${commandLines.run.examples[0]}`,
  ];
}

function commandHelp(line: CommandLine): readonly string[] {
  const usage = ['manifold', line.name, line.takes, line.flags.length === 0 ? '' : '[FLAGS]'].filter(
    (part) => part !== '',
  );
  const help = [`Usage: ${usage.join(' ')}`, '', ...wrapped(line.says, width)];
  if (line.flags.length > 0)
    help.push('', 'Flags:', ...table(line.flags.map((flag) => [flagText(flag), flagSays(flag)])));
  help.push(
    '',
    line.examples.length === 1 ? 'Example:' : 'Examples:',
    ...line.examples.map((example) => `  ${example}`),
  );
  const variables = line.flags.map((flag) => [flag.name, variableOf(flag)] as const);
  const read = variables.find(([, variable]) => variable !== undefined);
  if (read !== undefined) {
    help.push('', ...wrapped(`Each flag is also read from the environment: --${read[0]} from ${read[1]!}.`, width));
  }
  if (line.flags.some((flag) => flag.name === 'session-kdf')) {
    help.push(
      ...wrapped(
        'Without a key ring, MANIFOLD_SESSION_SECRET holds the secret: at least 20 characters, from the environment only.',
        width,
      ),
    );
  }
  return help;
}

function flagText(flag: Flag): string {
  return `${flag.short === undefined ? '' : `-${flag.short}, `}--${flag.name}${flag.value === undefined ? '' : ` ${flag.value}`}`;
}

function flagSays(flag: Flag): string {
  return flag.standard === undefined ? flag.says : `${flag.says} (default: ${flag.standard})`;
}

/* Two columns; the right one wraps. */
function table(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const left = Math.max(...rows.map(([text]) => text.length)) + 4;
  return rows.flatMap(([text, says]) =>
    wrapped(says, width - left).map((line, i) => (i === 0 ? `  ${text}`.padEnd(left) : ' '.repeat(left)) + line),
  );
}

function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
