/** The rules of the rooms refuse what they are there to refuse: each is held against a small tree that breaks it. */
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { forbidden, options, rooms } from '../support/layer-rules.ts';

const root = join(import.meta.dirname, '../..');

/** Names of the rules that a tree of files breaks. `files`: path below src → paths below src that it imports. */
async function broken(files: Readonly<Record<string, readonly string[]>>): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'rooms-'));
  try {
    for (const [file, imports] of Object.entries(files)) {
      const path = join(directory, 'src', file);
      mkdirSync(dirname(path), { recursive: true });
      const lines = imports.map(
        (to, at) =>
          `import * as i${at} from '${'../'.repeat(file.split('/').length - 1) || './'}${to}';\nexport { i${at} };`,
      );
      writeFileSync(path, [...lines, 'export const here = 1;', ''].join('\n'));
    }
    const { tsConfig: _, ...rest } = options;
    const { output } = await cruise(['src'], { ruleSet: { forbidden }, validate: true, baseDir: directory, ...rest });
    const { modules, summary } = output as ICruiseResult;
    // A cruiser that reads nothing finds nothing.
    expect(modules.length).toBe(Object.keys(files).length);
    return [...new Set(summary.violations.map(({ rule }) => rule.name))];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a tree without a fault breaks no rule', async () => {
  expect(await broken({ 'gateway.ts': ['calls/a.ts'], 'calls/a.ts': ['lists/b.ts'], 'lists/b.ts': [] })).toEqual([]);
});

for (const [from, to] of [
  ['transport/http', 'calls'],
  ['transport/upstream', 'clients'],
  ['transport/downstream', 'transport/upstream'],
  ['transport/peers', 'route'],
  ['clients', 'streams'],
  ['streams', 'lists'],
  ['lists', 'calls'],
  ['session', 'aggregate'],
  ['aggregate', 'session'],
  ['protocol', 'session'],
  ['config', 'process'],
  ['process', 'cli'],
  ['route', 'process'],
  ['telemetry', 'clients'],
] as const)
  test(`${from}/ may not import ${to}/`, async () => {
    expect(await broken({ [`${from}/a.ts`]: [`${to}/b.ts`], [`${to}/b.ts`]: [] })).toContain(
      `${from} imports only what is below it`,
    );
  });

test('a circle of files, and so of rooms, is refused', async () => {
  const names = await broken({ 'clients/a.ts': ['transport/http/b.ts'], 'transport/http/b.ts': ['clients/a.ts'] });
  expect(names).toContain('no circle of files');
});

test('a file in no room is refused, and every folder of src is a room', async () => {
  expect(await broken({ 'loose.ts': ['errors.ts'], 'errors.ts': [] })).toContain('every file is in a room');
  const known = Object.keys(rooms);
  const strays = globSync('src/**/*.ts', { cwd: root })
    .map((file) => file.replaceAll('\\', '/').slice('src/'.length))
    .filter((file) => !known.some((room) => file === room || file.startsWith(`${room}/`)));
  expect(strays).toEqual([]);
});
