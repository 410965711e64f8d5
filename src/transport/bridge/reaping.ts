/**
 * The gateway's side of the reaper: starts it, tells it which process groups run, and restarts it if it exits.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BridgeLog } from './running-server.ts';
import { serverEnvironment } from './spawn-command.ts';

/* Compiled code runs the compiled program, and source runs the source. */
const program = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './reaper.ts' : './reaper.js', import.meta.url),
);
const maxRestarts = 5;

export interface Reaping {
  watch(group: number): void;
  forget(group: number): void;
  /** Closes the reaper's input. It then ends all groups that are still on its list. */
  close(): void;
}

export function startReaping(log: BridgeLog): Reaping {
  const groups = new Set<number>();
  let closed = false;
  let restarts = 0;
  let child = start();

  function start(): ChildProcess {
    // Detached, so that Ctrl-C in a terminal does not reach it. The gateway's environment contains secrets, so the reaper gets
    // only the variables that a server gets.
    const started = spawn(process.execPath, [program], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: serverEnvironment(process.env, {}),
      windowsHide: true,
    });
    started.unref();
    started.stdin.on('error', () => {});
    started.once('error', (cause) => lost(started, cause.message));
    started.once('exit', (code, signal) => lost(started, signal ?? `exit code ${code ?? 'unknown'}`));
    for (const group of groups) started.stdin.write(`+${group}\n`);
    return started;
  }

  function lost(which: ChildProcess, how: string): void {
    if (closed || which !== child) return;
    if (restarts >= maxRestarts) {
      log.error(
        { how },
        'the reaper cannot be kept running: a gateway that is killed may leave server processes behind',
      );
      return;
    }
    restarts += 1;
    log.warn({ how }, 'the reaper ended, starting another');
    child = start();
  }

  return {
    watch(group) {
      groups.add(group);
      child.stdin?.write(`+${group}\n`);
    },
    forget(group) {
      if (groups.delete(group)) child.stdin?.write(`-${group}\n`);
    },
    close() {
      closed = true;
      child.stdin?.end();
    },
  };
}
