/** docs/errors.md says what the catalogue of errors says. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { catalogue } from '../../src/errors.ts';
import { errorsPage, hints, pagePath } from '../support/errors-page.ts';

test('docs/errors.md is up to date; if not: node test/support/errors-page.ts', async () => {
  expect(await readFile(pagePath, 'utf8')).toBe(errorsPage());
});

test('every code of the catalogue is on the page, in its order', () => {
  expect(Object.keys(hints)).toEqual(Object.keys(catalogue));
});

test('the page names a code with its status, its number and what a client reads', async () => {
  const page = await readFile(pagePath, 'utf8');
  expect(page).toContain('| `session_unreadable` | 404 | -32001 | Session not found |');
  expect(page).toContain('| `upstream_timeout` | 200 | -32603 | Upstream server did not answer in time |');
});
