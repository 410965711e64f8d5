import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const source = fileURLToPath(new URL('../../src/', import.meta.url));

/* Config metadata, tool results and URLs of servers must never become a command (CVE-2025-6514). */
test('only the stdio bridge can start a program, by three files of its own', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(20);
  const importing = (module: string): string[] =>
    files
      .filter((file) => readFileSync(source + file, 'utf8').includes(module))
      .map((file) => file.replaceAll('\\', '/'))
      .toSorted();
  expect(importing('child_process')).toEqual([
    'transport/bridge/process-group.ts',
    'transport/bridge/reaping.ts',
    'transport/bridge/stdio.ts',
  ]);
  expect(importing('cross-spawn')).toEqual([]);
  expect(importing('client/stdio.js')).toEqual([]);
  expect(importing('shell: true')).toEqual([]);
});
