/**
 * The program and environment for a configured command. No shell is used: arguments reach the program exactly as configured (this
 * prevents command injection as in CVE-2025-6514).
 */
import { statSync } from 'node:fs';
import { win32 } from 'node:path';

/*
 * The variables that MCP clients pass to stdio servers (getDefaultEnvironment of the SDK). They include no secret of the
 * gateway's own environment.
 */
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
 * Variables for network access: proxies and additional CA certificates. Behind a corporate proxy `npx` and `uvx` cannot install
 * anything without them.
 */
export const networkVariables: ReadonlySet<string> = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY']
    .flatMap((name) => [name, name.toLowerCase()])
    .concat(['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE']),
);

/** The inherited variables that are set, overridden by those of the config. Exported shell functions are omitted. */
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
  /** The arguments are already one command line (Windows). */
  readonly verbatim: boolean;
}

/**
 * On Windows `npx` and most tools are `.cmd` scripts, which only cmd.exe can run. Throws RangeError for arguments that cmd.exe
 * cannot pass safely.
 */
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

/**
 * Looks the command up like Windows, but never in the current directory. Pure except for `exists`. Throws like `spawnCommand`.
 */
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
  // cmd.exe itself removes the outer quotes (/s). Delayed expansion is off, so `!` is an ordinary character.
  return { file: 'cmd.exe', args: ['/e:ON', '/v:OFF', '/d', '/s', '/c', `"${line}"`], verbatim: true };
}

/** The argument is always quoted. A quote is doubled. `%` cannot begin a variable name: `%cd:~,%` expands to nothing. */
function batchArgument(text: string): string {
  if (text.includes('\0') || text.includes('\r') || text.includes('\n'))
    throw new RangeError('a batch file takes no argument with a line end or NUL');
  const quoted = text.replaceAll('%', '%%cd:~,%').replaceAll('"', '""');
  let backslashes = 0;
  while (quoted.at(-1 - backslashes) === '\\') backslashes += 1;
  return `"${quoted}${'\\'.repeat(backslashes)}"`;
}
