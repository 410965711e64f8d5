/** Runs the real command from dist, as a user would, and stops it. `npm test` builds dist first (build.ts). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { closedAtTheEnd } from './started.ts';

export interface GatewayOptions {
  /** An `mcpServers` document, given with --mcp-json. */
  readonly config?: unknown;
  /** Further arguments after `run`. */
  readonly args?: readonly string[];
  /** Key ring for --session-keys. */
  readonly keysFile?: string;
  /** Added to the environment of this process; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `admin: false` starts without the admin port. */
  readonly admin?: boolean;
  readonly port?: number;
}

export interface GatewayProcess {
  /** The MCP endpoint, as the command printed it. */
  readonly url: string;
  /** Base of probes and metrics; `undefined` when it has none. */
  readonly adminUrl: string | undefined;
  readonly pid: number;
  /** Lines of standard output and of standard error until now. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Sends the signal, SIGTERM unless given, and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The command; `node` runs it. */
export const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const readyWithinMs = 20_000;
const stopWithinMs = 5_000;

/**
 * Starts `manifold run` on free ports and waits until it has printed its endpoint. Throws with its output when it ends
 * first or takes longer than 20 s.
 */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  if (!existsSync(command)) throw new Error('dist is missing: npm run build');
  const child = spawn(process.execPath, [command, 'run', ...argumentsOf(options)], {
    env: environment(options.env ?? {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited: Promise<Exit> = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  const kill = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  // The last resort, for a worker of vitest that ends without its hooks.
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  void exited.then(() => process.off('exit', orphaned));
  closedAtTheEnd(async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
  });

  const stdout: string[] = [];
  const stderr: string[] = [];
  const wantsAdmin = options.admin !== false;
  const ready = Promise.withResolvers<void>();
  const look = (lines: string[]) => (line: string) => {
    lines.push(line);
    const said = [...stdout, ...stderr];
    if (endpointIn(said) !== undefined && (!wantsAdmin || adminIn(said) !== undefined)) ready.resolve();
  };
  createInterface({ input: child.stdout }).on('line', look(stdout));
  createInterface({ input: child.stderr }).on('line', look(stderr));
  const tooLate = setTimeout(() => ready.reject(new Error('took too long')), readyWithinMs);
  try {
    await Promise.race([
      ready.promise,
      exited.then(({ code, signal }) => Promise.reject(new Error(`ended with ${code ?? signal}`))),
    ]);
  } catch (cause) {
    child.kill('SIGKILL');
    throw new Error(`the gateway did not start; it said:\n${[...stdout, ...stderr].join('\n')}`, { cause });
  } finally {
    clearTimeout(tooLate);
  }
  const said = [...stdout, ...stderr];
  return {
    url: endpointIn(said) ?? '',
    adminUrl: wantsAdmin ? adminIn(said) : undefined,
    pid: child.pid ?? 0,
    stdout,
    stderr,
    kill,
    exited,
  };
}

function argumentsOf(options: GatewayOptions): string[] {
  return [
    ...(options.config === undefined ? [] : ['--mcp-json', JSON.stringify(options.config)]),
    '--port',
    String(options.port ?? 0),
    '--admin-port',
    options.admin === false ? 'off' : '0',
    ...(options.keysFile === undefined ? [] : ['--session-keys', options.keysFile]),
    ...(options.args ?? []),
  ];
}

/* The variables of the command are those of the test alone: a shell that has MANIFOLD_PORT set must not change a test. */
function environment(changes: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MANIFOLD_'));
  return Object.fromEntries([...inherited, ...Object.entries(changes)].filter(([, value]) => value !== undefined));
}

function endpointIn(lines: readonly string[]): string | undefined {
  return urlsIn(lines).find((url) => url.pathname === '/mcp')?.href;
}

/** Any other URL of a loopback host on a line that says "admin", without its path. */
function adminIn(lines: readonly string[]): string | undefined {
  return urlsIn(lines.filter((line) => line.toLowerCase().includes('admin'))).find((url) => url.pathname !== '/mcp')
    ?.origin;
}

function urlsIn(lines: readonly string[]): URL[] {
  return lines
    .flatMap((line) => [...line.matchAll(/http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):[^\s"'\\)>,]+/g)])
    .filter(([text]) => URL.canParse(text))
    .map(([text]) => new URL(text));
}
