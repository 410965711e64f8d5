/**
 * Which core each process of a run gets. The load (this process) and the upstream share one core and the target has
 * another to itself, so that the target's CPU is its own and a slow driver cannot be mistaken for a slow gateway. With a
 * third core the upstream moves there. Without `taskset`, or with one core, nothing is pinned.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Placement {
  readonly load: number | undefined;
  readonly upstream: number | undefined;
  readonly target: number | undefined;
}

const unplaced: Placement = { load: undefined, upstream: undefined, target: undefined };

/** Pins this process to the load's core and says where the others belong. */
export function placeLoad(): Placement {
  const placement = placementOn(allowedCores());
  if (placement.load === undefined) return unplaced;
  const pinned = spawnSync('taskset', ['-acp', String(placement.load), String(process.pid)], { stdio: 'ignore' });
  return pinned.status === 0 ? placement : unplaced;
}

export function placementOn(cores: readonly number[]): Placement {
  const [load, target, third] = cores;
  return load === undefined || target === undefined ? unplaced : { load, upstream: third ?? load, target };
}

/** `0-3,6` (proc_pid_status(5), Cpus_allowed_list) → [0, 1, 2, 3, 6]. */
export function parseCoreList(list: string): number[] {
  const cores: number[] = [];
  for (const part of list.split(',')) {
    const [first, last = first] = part.split('-').map(Number);
    if (first === undefined || last === undefined) continue;
    for (let core = first; core <= last; core += 1) cores.push(core);
  }
  return cores;
}

/** The command line that runs `command` on `core`. */
export function onCore(core: number | undefined, command: readonly string[]): string[] {
  return core === undefined ? [...command] : ['taskset', '-c', String(core), ...command];
}

function allowedCores(): number[] {
  try {
    const line = readFileSync('/proc/self/status', 'utf8')
      .split('\n')
      .find((line) => line.startsWith('Cpus_allowed_list:'));
    return line === undefined ? [] : parseCoreList(line.slice('Cpus_allowed_list:'.length).trim());
  } catch {
    return [];
  }
}
