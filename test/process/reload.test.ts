/** When the configuration is read again, from real files, and what an invalid one does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/model.ts';
import { FileWatch } from '../../src/process/file-watch.ts';
import type { Prepared } from '../../src/process/prepare.ts';
import { Reloading } from '../../src/process/reload.ts';
import { UsageError } from '../../src/process/usage.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { registry } from '../../src/telemetry/metrics.ts';

let directory: string;
let reloading: Reloading | undefined;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'reload-'))));
afterEach(() => {
  reloading?.stop();
  rmSync(directory, { recursive: true });
});

const prepared: Prepared = { config: { routes: [], warnings: [] }, keys: [] };

function started(
  paths: readonly string[],
  read: () => Promise<Prepared> = () => Promise.resolve(prepared),
  apply: (given: Prepared) => Promise<void> = () => Promise.resolve(),
): Prepared[] {
  const applied: Prepared[] = [];
  const files = new FileWatch();
  files.begin(paths);
  reloading = new Reloading({
    paths,
    files,
    read,
    apply: async (given) => {
      await apply(given);
      applied.push(given);
    },
    log: createLog('silent'),
  });
  return applied;
}

async function hasFailed(): Promise<number | undefined> {
  return (await registry.getSingleMetric('manifold_config_reload_failed')?.get())?.values[0]?.value;
}

test('a file that changes is read again, each time', async () => {
  const file = join(directory, 'mcp.json');
  writeFileSync(file, '{}');
  const applied = started([file]);
  for (const turn of [1, 2]) {
    writeFileSync(file, ' '.repeat(turn));
    await expect.poll(() => applied.length).toBe(turn);
  }
});

test('one that cannot be served is a reload that failed', async () => {
  let isTaken = true;
  const applied = started(
    [],
    () => Promise.resolve(prepared),
    () => (isTaken ? Promise.reject(new UsageError('port 1 is taken')) : Promise.resolve()),
  );
  await reloading!.now();
  expect([applied.length, await hasFailed()]).toEqual([0, 1]);
  isTaken = false;
  await reloading!.now();
  expect([applied.length, await hasFailed()]).toEqual([1, 0]);
});

test('an invalid configuration is not applied, and the next valid one is', async () => {
  let isValid = false;
  const applied = started([], () =>
    isValid
      ? Promise.resolve(prepared)
      : Promise.reject(new ConfigError('file', [{ path: 'a', problem: 'b', remedy: 'c' }])),
  );
  await reloading!.now();
  expect(applied).toEqual([]);
  isValid = true;
  await reloading!.now();
  expect(applied).toEqual([prepared]);
});

test('requests that come while it reads are one more reading, which sees what has changed since', async () => {
  let readings = 0;
  const finished = [Promise.withResolvers<Prepared>(), Promise.withResolvers<Prepared>()];
  const applied = started([], () => {
    readings += 1;
    return finished[readings - 1]!.promise;
  });
  const all = Promise.all([1, 2, 3].map(() => reloading!.now()));
  expect(readings).toBe(1);
  finished[0]!.resolve(prepared);
  await expect.poll(() => readings).toBe(2);
  finished[1]!.resolve(prepared);
  await all;
  expect([readings, applied.length]).toEqual([2, 2]);
});
