/** The table of bounds in SECURITY.md: each name stands in the code, and each bound of the files of limits stands in the table. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');
const table = page.slice(page.indexOf('| What | Bound | Name |'));
const rows = table
  .slice(0, table.search(/\n\n/))
  .split('\n')
  .slice(2)
  .map((row) => row.split('|').map((cell) => cell.trim()));
const quoted = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
const named = rows.flatMap((cells) => quoted(cells[3]));
const places = named.filter((name) => /[/.]/.test(name));
const names = named.filter((name) => !/[/.]/.test(name));

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);
const code = sources.map((path) => readFileSync(join(root, 'src', path), 'utf8')).join('\n');
const declared = new Set(
  [...code.matchAll(/^(?:export )?const (\w+)\b|^ {2}(?:readonly )?(\w+): (?:[\d_]|number)/gm)].map(
    ([, first, second]) => first ?? second,
  ),
);

// A heading names a folder in full once, and files of it after that.
const isThere = (place: string): boolean =>
  existsSync(join(root, 'src', place)) || sources.some((path) => path.endsWith(`/${place}`));

test('the table has rows', () => {
  expect(rows.length).toBeGreaterThan(60);
  expect(names.length).toBeGreaterThan(100);
});

test('each name in the table is one in the code', () => {
  expect(names.filter((name) => !declared.has(name))).toEqual([]);
});

test('each file that the table names is there', () => {
  expect(places.filter((place) => !isThere(place))).toEqual([]);
});

test('each bound of what clients, servers and peers send stands in the table', () => {
  const bounds = ['transport/http/limits.ts', 'protocol/limits.ts', 'transport/bridge/limits.ts'].flatMap((path) =>
    [...readFileSync(join(root, 'src', path), 'utf8').matchAll(/^(?:export const| {2}readonly) (max\w+)/gm)].map(
      ([, name]) => name!,
    ),
  );
  expect(bounds.length).toBeGreaterThan(40);
  expect(bounds.filter((name) => !names.includes(name))).toEqual([]);
});
