/** When the configuration is read again, from real files, and what an invalid one does. */
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/model.ts';
import type { Prepared } from '../../src/process/prepare.ts';
import { Reloading } from '../../src/process/reload.ts';
import { createLog } from '../../src/telemetry/log.ts';

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
): Prepared[] {
  const applied: Prepared[] = [];
  const apply = (given: Prepared): void => void applied.push(given);
  reloading = new Reloading({ paths, read, apply, log: createLog('silent') });
  return applied;
}

/** Makes another change every half second until there are so many: the first may come before the files are looked at. */
async function seen(applied: readonly Prepared[], count: number, change: (turn: number) => void): Promise<void> {
  let turn = 0;
  const poll = (): number => {
    change((turn += 1));
    return applied.length;
  };
  await expect.poll(poll, { interval: 500 }).toBeGreaterThanOrEqual(count);
}

test('a file that is replaced by another one is read again', async () => {
  const file = join(directory, 'mcp.json');
  writeFileSync(file, '{}');
  const applied = started([file]);
  await seen(applied, 1, (turn) => {
    writeFileSync(`${file}.new`, ' '.repeat(turn));
    renameSync(`${file}.new`, file);
  });
});

test('a symbolic link that leads elsewhere is seen, as in a mounted ConfigMap', async () => {
  for (const name of ['one', 'two']) writeFileSync(join(directory, name), name.repeat(2));
  const link = join(directory, 'route.yaml');
  symlinkSync('one', link);
  const applied = started([link]);
  await seen(applied, 1, (turn) => {
    symlinkSync(turn % 2 === 0 ? 'two' : 'one', `${link}.new`);
    renameSync(`${link}.new`, link);
  });
});

test('a file that comes into a directory, or changes there, is seen', async () => {
  const applied = started([directory]);
  await seen(applied, 1, (turn) => writeFileSync(join(directory, `${turn}.yaml`), ''));
  await seen(applied, applied.length + 1, (turn) => writeFileSync(join(directory, '1.yaml'), ' '.repeat(turn)));
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
