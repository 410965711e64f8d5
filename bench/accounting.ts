/**
 * What a target has used, from its own accounting: CPU time of the process, all its threads and its descendants (workers),
 * and resident memory. Linux: proc_pid_stat(5) and proc_pid_status(5). Elsewhere a Node target is asked over IPC
 * (account-over-ipc.ts), and a target of another maker has no CPU figure.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Usage {
  /** User and system time since the start of the process, in µs. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

/** USER_HZ: the tick of /proc/PID/stat is 10 ms on every Linux that Node runs on. */
const microsPerTick = 10_000;

/** A silent child is taken for one that keeps no account. */
const answerWithinMs = 1_000;

export const hasProc = existsSync('/proc/self/stat');

/** Undefined when the process is gone or nothing can be known. */
export async function usageOf(pid: number, child?: ChildProcess): Promise<Usage | undefined> {
  if (hasProc) return usageFromProc(pid);
  return child === undefined ? undefined : usageOverIpc(child);
}

function usageFromProc(pid: number): Usage | undefined {
  try {
    let cpuMicros = ticksFromStat(readFileSync(`/proc/${pid}/stat`, 'utf8')) * microsPerTick;
    let rssBytes = rssFromStatus(readFileSync(`/proc/${pid}/status`, 'utf8'));
    for (const descendant of childrenOf(pid)) {
      const usage = usageFromProc(descendant);
      cpuMicros += usage?.cpuMicros ?? 0;
      rssBytes += usage?.rssBytes ?? 0;
    }
    return { cpuMicros, rssBytes };
  } catch {
    return undefined;
  }
}

/** utime (field 14) + stime (field 15). Field 2, the name, may hold spaces and parentheses: count from its last one. */
export function ticksFromStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

export function rssFromStatus(status: string): number {
  const line = status.split('\n').find((line) => line.startsWith('VmRSS:'));
  return line === undefined ? 0 : Number.parseInt(line.slice('VmRSS:'.length), 10) * 1024;
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '))
    .filter((child) => child !== '')
    .map(Number);
}

export async function usageOverIpc(child: ChildProcess): Promise<Usage | undefined> {
  if (!child.connected) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), answerWithinMs);
    child.once('message', (usage) => {
      clearTimeout(timer);
      resolve(usage as Usage);
    });
    child.send('usage');
  });
}

/**
 * Begins to watch what this machine does beside the run. The answer, in cores: busy time of all cores less that of this
 * process and of those whose CPU times `ofTheRun` gives (µs, always in the same order).
 */
export async function foreignLoad(ofTheRun: () => Promise<readonly number[]>): Promise<() => Promise<number>> {
  const busyBeside = async (): Promise<number> => {
    const { user, system } = process.cpuUsage();
    const times = cpus().map(({ times }) => (times.user + times.nice + times.sys) * 1_000);
    return sum(times) - user - system - sum(await ofTheRun());
  };
  const [before, startedAt] = [await busyBeside(), performance.now()];
  return async () => {
    const [after, micros] = [await busyBeside(), (performance.now() - startedAt) * 1_000];
    return Math.max(0, (after - before) / micros);
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
