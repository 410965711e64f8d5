/** The files in examples/ load as they are, with nothing in the environment but a home directory. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/read.ts';

for (const [file, ids, warnings] of [
  ['mcp.json', ['everything', 'notes'], []],
  ['claude.json', ['notes', 'everything'], []],
  ['cursor.json', ['notes', 'everything'], []],
  ['vscode.json', ['notes', 'everything'], []],
] as const) {
  test(`examples/${file} loads`, async () => {
    const text = await readFile(new URL(`../../examples/${file}`, import.meta.url), 'utf8');
    const config = readConfig(text, file, { HOME: '/home/ada' });
    expect(config.routes[0]?.upstreams.map(({ id }) => id)).toEqual(ids);
    expect(config.warnings).toEqual(warnings);
  });
}
