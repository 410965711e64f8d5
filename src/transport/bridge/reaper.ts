/**
 * A separate program. It ends every process group on its list when its input closes. The operating system closes the input
 * however the gateway ends, SIGKILL included. Input lines: `+<group>` adds a group, `-<group>` removes it.
 */
import { groupIsAlive, signalGroup } from './process-group.ts';

/** Time between SIGTERM and SIGKILL. */
const graceMs = 1_000;
const pollMs = 50;

const groups = new Set<number>();
let rest = '';

// A signal to all processes of the gateway must not stop this program first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

process.stdin.setEncoding('latin1');
process.stdin.on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const group = Number(line.slice(1));
    // Groups 0 and 1 would signal this program's own group, or every process.
    if (!Number.isSafeInteger(group) || group <= 1) continue;
    if (line.startsWith('+')) groups.add(group);
    else groups.delete(group);
  }
});
process.stdin.on('end', reap);
process.stdin.on('error', reap);

let reaping = false;

function reap(): void {
  if (reaping) return;
  reaping = true;
  for (const group of groups) signalGroup(group, 'SIGTERM');
  const deadline = performance.now() + graceMs;
  const poll = (): void => {
    for (const group of groups) if (!groupIsAlive(group)) groups.delete(group);
    if (groups.size === 0) process.exit(0);
    if (performance.now() < deadline) return;
    for (const group of groups) signalGroup(group, 'SIGKILL');
    clearInterval(timer);
    process.exitCode = 0;
    process.stdin.destroy();
  };
  const timer = setInterval(poll, pollMs);
  poll();
}
