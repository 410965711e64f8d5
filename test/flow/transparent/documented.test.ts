/** The table of docs/compatibility.md names every difference that the comparison leaves out, and no other. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { differences } from './differences.ts';

test('each difference stands in the table with its reason', () => {
  const page = readFileSync(new URL('../../../docs/compatibility.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('## What a gateway with one server changes\n');
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (?!What|-)([^|]+?) +\| ([^|]+?) +\|$/gm)];
  expect(new Set(rows.map(([, what]) => what))).toEqual(new Set(differences.map(({ what }) => what)));
});
