/** Runs a program as a process of its own, waits until it says that it is ready, and stops it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program<Ready> {
  /** What `ready` made of its output. */
  readonly ready: Ready;
  readonly pid: number;
  /** Lines of standard output and of standard error until now. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Sends the signal, SIGTERM unless given, and waits for the end. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<Exit>;
  /** As `kill`, with SIGKILL after 5 s. */
  readonly stop: () => Promise<Exit>;
  /** Resolves when the process has ended and its output is read. */
  readonly exited: Promise<Exit>;
}

export interface ProgramOptions<Ready> {
  /** Looks at the output after each line and gives what the caller waits for, once it is there. */
  readonly ready: (stdout: readonly string[], stderr: readonly string[]) => Ready | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** How long it may take, in ms; 20 s unless given. */
  readonly withinMs?: number;
}

const readyWithinMs = 20_000;
const stopWithinMs = 5_000;

/** Runs `node ARGUMENTS`. Throws with its output when it ends before it is ready or takes too long. */
export async function startProgram<Ready>(
  nodeArguments: readonly string[],
  options: ProgramOptions<Ready>,
): Promise<Program<Ready>> {
  const child = spawn(process.execPath, nodeArguments, {
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited: Promise<Exit> = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  // The last resort, for a parent that ends without stopping what it started.
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  void exited.then(() => process.off('exit', orphaned));

  const stdout: string[] = [];
  const stderr: string[] = [];
  const ready = Promise.withResolvers<Ready>();
  const look = (lines: string[]) => (line: string) => {
    lines.push(line);
    const found = options.ready(stdout, stderr);
    if (found !== undefined) ready.resolve(found);
  };
  createInterface({ input: child.stdout }).on('line', look(stdout));
  createInterface({ input: child.stderr }).on('line', look(stderr));
  const tooLate = setTimeout(() => ready.reject(new Error('took too long')), options.withinMs ?? readyWithinMs);
  void exited.then(({ code, signal }) => ready.reject(new Error(`ended with ${code ?? signal}`)));
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  try {
    return {
      ready: await ready.promise,
      pid: child.pid ?? 0,
      stdout,
      stderr,
      kill,
      stop: async () => {
        const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
        const exit = await kill();
        clearTimeout(timer);
        return exit;
      },
      exited,
    };
  } catch (cause) {
    child.kill('SIGKILL');
    const said = [...stdout, ...stderr].join('\n');
    throw new Error(`${nodeArguments.join(' ')} did not start; it said:\n${said}`, { cause });
  } finally {
    clearTimeout(tooLate);
  }
}

/** The URLs of a loopback host in `lines`, in order. */
export function loopbackUrls(lines: readonly string[]): URL[] {
  return lines
    .flatMap((line) => [...line.matchAll(/https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):[^\s"'\\)>,]+/g)])
    .filter(([text]) => URL.canParse(text))
    .map(([text]) => new URL(text));
}
