/**
 * What is really started for a configured command, and with which environment. Never a shell: arguments reach the program
 * as they stand in the config (CVE-2025-6514 and its kind).
 */
import { statSync } from 'node:fs';
import { win32 } from 'node:path';

/* The variables that MCP clients hand to stdio servers (the SDK's getDefaultEnvironment); a secret of the gateway's own
   environment is not among them. */
const inherited =
  process.platform === 'win32'
    ? [
        'APPDATA',
        'HOMEDRIVE',
        'HOMEPATH',
        'LOCALAPPDATA',
        'PATH',
        'PROCESSOR_ARCHITECTURE',
        'SYSTEMDRIVE',
        'SYSTEMROOT',
        'TEMP',
        'USERNAME',
        'USERPROFILE',
        'PROGRAMFILES',
      ]
    : ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER'];

/**
 * The way into the network, where there is one only: proxies and the certificates of whoever stands in between. Without them
 * `npx` and `uvx` can install nothing there.
 */
export const networkVariables: ReadonlySet<string> = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY']
    .flatMap((name) => [name, name.toLowerCase()])
    .concat(['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE']),
);

/** The inherited variables that are set, with those of the config on top. Exported shell functions are left out. */
export function serverEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  configured: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of [...inherited, ...networkVariables]) {
    const value = own[name];
    if (value !== undefined && !value.startsWith('()')) environment[name] = value;
  }
  return { ...environment, ...configured };
}

export interface SpawnCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** The arguments are one command line already (Windows). */
  readonly verbatim: boolean;
}

/** On Windows `npx` and most tools are `.cmd` scripts, which only cmd.exe can run. Throws RangeError for arguments it cannot carry. */
export function spawnCommand(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): SpawnCommand {
  return process.platform === 'win32'
    ? windowsCommand(command, args, environment, isFile)
    : { file: command, args, verbatim: false };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

const programEndings = ['.exe', '.com', '.cmd', '.bat'];

/** Looks the command up as Windows would, but never in the current directory. Pure but for `exists`; throws as `spawnCommand`. */
export function windowsCommand(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  exists: (path: string) => boolean,
): SpawnCommand {
  const folders =
    command.includes('\\') || command.includes('/')
      ? ['']
      : (environment['PATH'] ?? '').split(';').filter((folder) => folder !== '');
  const endings = programEndings.includes(win32.extname(command).toLowerCase()) ? [''] : programEndings;
  const candidates = folders.flatMap((folder) => endings.map((ending) => win32.join(folder, command + ending)));
  const file = candidates.find((candidate) => exists(candidate)) ?? command;
  if (!['.cmd', '.bat'].includes(win32.extname(file).toLowerCase())) return { file, args, verbatim: false };
  const line = [file, ...args].map((part) => batchArgument(part)).join(' ');
  // The outer quotes are taken off by cmd.exe itself (/s). Delayed expansion is off, so `!` is an ordinary character.
  return { file: 'cmd.exe', args: ['/e:ON', '/v:OFF', '/d', '/s', '/c', `"${line}"`], verbatim: true };
}

/** Always quoted; a quote is doubled, and `%` cannot begin the name of a variable: `%cd:~,%` expands to nothing. */
function batchArgument(text: string): string {
  if (text.includes('\0') || text.includes('\r') || text.includes('\n'))
    throw new RangeError('a batch file takes no argument with a line end or NUL');
  const quoted = text.replaceAll('%', '%%cd:~,%').replaceAll('"', '""');
  let backslashes = 0;
  while (quoted.at(-1 - backslashes) === '\\') backslashes += 1;
  return `"${quoted}${'\\'.repeat(backslashes)}"`;
}
