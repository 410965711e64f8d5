/**
 * Starts one process of a run, waits until it prints its URL, and stops it. Output goes to a file rather than a pipe: a
 * pipe would have to be emptied by the load's core, and a full one would block the target.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hasProc, usageOf } from './accounting.ts';
import type { Usage } from './accounting.ts';
import { onCore } from './placement.ts';

export interface Launched {
  readonly url: string;
  readonly pid: number;
  /** From the spawn to the line with the URL. */
  readonly readyAfterMs: number;
  usage(): Promise<Usage | undefined>;
  /** Collects its garbage, where it was launched for that. */
  collect(): Promise<void>;
  /** Empties the log, so that a long run does not fill the disk. */
  forgetLog(): void;
  stop(): Promise<void>;
}

const readyWithinMs = 30_000;
const stopWithinMs = 10_000;
const pollEveryMs = 10;
const logTailCharacters = 2_000;
const collectedWithinMs = 2_000;
const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/**
 * Runs `node ARGUMENTS` on `core`; its log is DIRECTORY/NAME.log. The URL is the first `http://…` of the log whose path is
 * `path`. Throws with the end of the log when the process ends first or prints none within 30 s.
 */
export async function launch(
  name: string,
  nodeArguments: readonly string[],
  place: {
    readonly core: number | undefined;
    readonly directory: string;
    readonly path: string;
    /** Makes `collect` work. */
    readonly collects?: boolean;
    /** Makes SIGUSR2 print the longest turn of its loop. */
    readonly turns?: boolean;
  },
): Promise<Launched> {
  const log = join(place.directory, `${name}.log`);
  const output = openSync(log, 'a');
  const preload = [
    ...(hasProc ? [] : ['--import', beside('account-over-ipc.ts')]),
    ...(place.collects === true ? ['--expose-gc', '--import', beside('collect-on-signal.ts')] : []),
    ...(place.turns === true ? ['--import', beside('turns-on-signal.ts')] : []),
  ];
  const command = onCore(place.core, [process.execPath, ...preload, ...nodeArguments]);
  const startedAt = performance.now();
  const child = spawn(command[0] ?? process.execPath, command.slice(1), {
    stdio: ['ignore', output, output, ...(hasProc ? [] : (['ipc'] as const))],
  });
  closeSync(output);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
  };
  // `taskset` and an absent program fail after spawn returns; the exit below tells.
  child.on('error', () => {});
  while (performance.now() - startedAt < readyWithinMs) {
    const url = urlIn(readFileSync(log, 'utf8'), place.path);
    if (url !== undefined && child.pid !== undefined) {
      const { pid } = child;
      return {
        url,
        pid,
        readyAfterMs: performance.now() - startedAt,
        usage: async () => usageOf(pid, child),
        collect: async () => {
          // What the first leaves to finalizers is for the second.
          for (let time = 0; time < 2; time += 1) {
            process.kill(pid, 'SIGUSR2');
            await sleep(collectedWithinMs);
          }
        },
        forgetLog: () => truncateSync(log),
        stop,
      };
    }
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) break;
    await sleep(pollEveryMs);
  }
  await stop();
  throw new Error(`${name} did not print its URL; it said:\n${readFileSync(log, 'utf8').slice(-logTailCharacters)}`);
}

/** The first `http://…PATH` of `text`, up to white space, a quote or a closing bracket. */
export function urlIn(text: string, path: string): string | undefined {
  for (const [candidate] of text.matchAll(/http:\/\/[^\s"'\\)>,]+/g)) {
    if (URL.canParse(candidate) && new URL(candidate).pathname === path) return candidate;
  }
  return undefined;
}
