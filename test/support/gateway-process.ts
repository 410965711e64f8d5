/** Runs the real command from dist, as a user would, and stops it. The global set-up (build.ts) builds dist first. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Exit } from './program.ts';
import { loopbackUrls, startProgram } from './program.ts';
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
  /** `false` starts without the admin port. */
  readonly admin?: boolean;
  /** A free one unless given; `configured` leaves it to the configuration. */
  readonly port?: number | 'configured';
  /** Which path its endpoint has; `/mcp` unless given. */
  readonly path?: (pathname: string) => boolean;
  /** `--drain-delay`; none unless given, since nothing balances here and every test would wait for it. */
  readonly drainDelay?: string;
}

export interface GatewayProcess {
  /** The MCP endpoint, as the command printed it. */
  readonly url: string;
  /** Base of probes and metrics, without a slash at the end; `undefined` when it has none. */
  readonly adminUrl: string | undefined;
  readonly pid: number;
  /** Lines of standard output and of standard error until now. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Sends the signal, SIGTERM unless given, and waits for the end. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<Exit>;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
}

/** The command; `node` runs it. */
export const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/**
 * Starts `manifold run` on free ports and waits until it has printed its endpoint. Throws with its output when it ends
 * first or takes longer than 20 s.
 */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  if (!existsSync(command)) throw new Error('dist is missing: npm run build');
  const hasAdmin = options.admin !== false;
  const program = await startProgram([command, 'run', ...argumentsOf(options)], {
    env: environment(options.env ?? {}),
    ready: (stdout) => {
      const urls = loopbackUrls(stdout);
      const endpoint = urls.find(({ pathname }) =>
        options.path === undefined ? pathname === '/mcp' : options.path(pathname),
      );
      const admin = urls.find(({ pathname }) => pathname === '/readyz');
      if (endpoint === undefined || (hasAdmin && admin === undefined)) return undefined;
      return { url: endpoint.href, adminUrl: hasAdmin ? admin?.origin : undefined };
    },
  });
  closedAtTheEnd(async () => void (await program.stop()));
  const { ready, pid, stdout, stderr, kill, exited } = program;
  return { url: ready.url, adminUrl: ready.adminUrl, pid, stdout, stderr, kill, exited };
}

function argumentsOf(options: GatewayOptions): string[] {
  return [
    ...(options.config === undefined ? [] : ['--mcp-json', JSON.stringify(options.config)]),
    ...(options.port === 'configured' ? [] : ['--port', String(options.port ?? 0)]),
    '--admin-port',
    options.admin === false ? 'off' : '0',
    '--drain-delay',
    options.drainDelay ?? '0s',
    ...(options.keysFile === undefined ? [] : ['--session-keys', options.keysFile]),
    ...(options.args ?? []),
  ];
}

/* The variables of the command are those of the test alone: a shell that has MANIFOLD_PORT set must not change a test. */
function environment(changes: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MANIFOLD_'));
  return Object.fromEntries([...inherited, ...Object.entries(changes)].filter(([, value]) => value !== undefined));
}
