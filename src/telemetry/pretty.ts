/**
 * The log for people at a terminal: time, level, message and fields in one line, in colour where the terminal has it and NO_COLOR
 * is not set (https://no-color.org). Lines wait until the greeting is written, so that neither cuts the other in two.
 */
import { stripVTControlCharacters, styleText } from 'node:util';

export type LogFormat = 'auto' | 'json' | 'pretty';

export interface PrettyOutput {
  /** Takes one JSON line of the log. */
  write(line: string): void;
  /** Writes the waiting lines; later lines are written at once. */
  release(): void;
  /** Clears other output on the terminal, calls `write`, and draws it again below. Undefined: there is no such output. */
  above: ((write: () => void) => void) | undefined;
}

/** Maximum time that lines wait, in ms, even if the greeting takes longer. */
const maxHeldMs = 15_000;
/** Maximum number of waiting lines; one more releases all of them. */
const maxHeldLines = 1_000;

const colours = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'magenta',
} as const;

export function isForPeople(format: LogFormat): boolean {
  return format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
}

/** `holds`: whether lines wait for `release`. */
export function prettyOutput(stream: NodeJS.WritableStream, holds = true): PrettyOutput {
  let waiting: string[] | undefined = holds ? [] : undefined;
  const put = (text: string): void => {
    const write = (): void => void stream.write(text);
    if (output.above === undefined) write();
    else output.above(write);
  };
  const release = (): void => {
    clearTimeout(timer);
    const lines = waiting ?? [];
    waiting = undefined;
    process.off('exit', release);
    if (lines.length > 0) put(lines.join(''));
  };
  const timer = setTimeout(release, maxHeldMs);
  timer.unref();
  if (holds) process.once('exit', release);
  else clearTimeout(timer);
  const output: PrettyOutput = {
    above: undefined,
    write: (line) => {
      const text = prettyLine(line, stream);
      if (waiting === undefined) put(text);
      else if (waiting.push(text) > maxHeldLines) release();
    },
    release,
  };
  return output;
}

/** A line that is not a JSON object is printed unchanged. */
export function prettyLine(line: string, stream: NodeJS.WritableStream): string {
  const entry = entryOf(line);
  if (entry === undefined) return line;
  const { level, time, msg, err, ...fields } = entry;
  const paint = (style: Parameters<typeof styleText>[0], text: string): string => styleText(style, text, { stream });
  const name = typeof level === 'string' ? level : 'info';
  const head = [
    paint('gray', typeof time === 'string' ? time.slice(11, 19) : ''),
    paint(Object.hasOwn(colours, name) ? colours[name as keyof typeof colours] : 'green', name.toUpperCase().padEnd(5)),
    shown(msg ?? ''),
  ];
  const rest = Object.entries(fields).map(([key, value]) => `${paint('gray', `${key}=`)}${shown(value)}`);
  return `${[...head, ...rest].join(' ')}\n${stackOf(err)}`;
}

function entryOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/* Text of peers must not move the cursor or colour the screen. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return stripVTControlCharacters(text).replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function stackOf(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message } = err as { stack?: unknown; message?: unknown };
  const text = typeof stack === 'string' ? stack : String(message);
  return text
    .split('\n')
    .map((part) => `    ${shown(part)}\n`)
    .join('');
}
