import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { foreignLoad, hasProc, rssFromStatus, ticksFromStat, usageOf, usageOverIpc } from '../../bench/accounting.ts';
import { parseCoreList, placementOn } from '../../bench/placement.ts';

const preload = fileURLToPath(new URL('../../bench/account-over-ipc.ts', import.meta.url));
/** Spends 0.2 s of CPU, says so, and stays. */
const burn = `while (process.cpuUsage().user < 200_000);
  process.send('burnt');
  setInterval(() => {}, 1_000);`;

const directory = mkdtempSync(join(tmpdir(), 'bench-accounting-'));
const running: ChildProcess[] = [];
let scripts = 0;

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

function script(code: string): string {
  const path = join(directory, `${(scripts += 1)}.cjs`);
  // A worker ends with the process that started it.
  writeFileSync(path, `process.on('disconnect', () => process.exit());\n${code}`);
  return path;
}

function run(code: string, execArgv: string[] = []): ChildProcess {
  const child = fork(script(code), { execArgv });
  running.push(child);
  return child;
}

describe('what a target has used', () => {
  test('utime and stime are found behind a process name with spaces and parentheses (proc_pid_stat(5))', () => {
    const stat = '42 (a ) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 321 45 0 0 20 0 11 0 5000 1000000 2000';
    expect(ticksFromStat(stat)).toBe(366);
  });

  test('resident memory is in kB in proc_pid_status(5)', () => {
    expect(rssFromStatus('Name:\tnode\nVmRSS:\t  2048 kB\n')).toBe(2_097_152);
    expect(rssFromStatus('Name:\tkthreadd\n')).toBe(0);
  });

  test.runIf(hasProc)('the CPU and memory of a worker count as those of the process that started it', async () => {
    const parent = run(
      `const worker = require('node:child_process').fork(${JSON.stringify(script(burn))});
       worker.once('message', () => process.send('burnt'));`,
    );
    await once(parent, 'message');
    const usage = await usageOf(parent.pid ?? 0);
    const alone = ticksFromStat(readFileSync(`/proc/${parent.pid}/stat`, 'utf8')) * 10_000;
    expect((usage?.cpuMicros ?? 0) - alone).toBeGreaterThanOrEqual(200_000);
    expect(usage?.rssBytes).toBeGreaterThan(rssFromStatus(readFileSync(`/proc/${parent.pid}/status`, 'utf8')));
  });

  test('a process that is gone has no account', async () => {
    expect(await usageOf(2 ** 30)).toBeUndefined();
  });

  test('where there is no /proc, a Node target answers over IPC', async () => {
    const child = run(burn, ['--import', preload]);
    await once(child, 'message');
    const usage = await usageOverIpc(child);
    expect(usage?.cpuMicros).toBeGreaterThanOrEqual(200_000);
    expect(usage?.rssBytes).toBeGreaterThan(1_000_000);
  });

  test('a child that has left has no account over IPC', async () => {
    const child = run('process.exit(0)', ['--import', preload]);
    await once(child, 'exit');
    expect(await usageOverIpc(child)).toBeUndefined();
  });
});

describe('what others use meanwhile', () => {
  test('is nothing of what the run itself has used', async () => {
    const spent: number[] = [];
    const foreign = await foreignLoad(async () => [spent.length * 1e12]);
    spent.push(1);
    expect(await foreign()).toBe(0);
  });

  test('holds a process that the run does not know', async () => {
    const foreign = await foreignLoad(async () => []);
    const child = run(burn);
    await once(child, 'message');
    expect(await foreign()).toBeGreaterThan(0);
  });
});

describe('placement', () => {
  test('a core list of proc_pid_status(5) is read with its ranges', () => {
    expect(parseCoreList('0-3,6')).toEqual([0, 1, 2, 3, 6]);
    expect(parseCoreList('5')).toEqual([5]);
  });

  test('the target never shares its core, and the upstream leaves the load’s core when there is a third', () => {
    expect(placementOn([0, 1])).toEqual({ load: 0, upstream: 0, target: 1 });
    expect(placementOn([2, 3, 5, 7])).toEqual({ load: 2, upstream: 5, target: 3 });
    expect(placementOn([0])).toEqual({ load: undefined, upstream: undefined, target: undefined });
  });
});
