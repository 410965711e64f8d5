/** docs/configuration.md says what the tables of the program say. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { configurationPage, pagePath } from '../support/configuration-page.ts';

test('docs/configuration.md is up to date; if not: node test/support/configuration-page.ts', async () => {
  expect(await readFile(pagePath, 'utf8')).toBe(configurationPage());
});

test('the page names every key and every flag, with its variable', async () => {
  const page = await readFile(pagePath, 'utf8');
  for (const text of [
    '`onSessionLoss`',
    '`acknowledgeTokenPassthrough`',
    '`--session-keys FILE`',
    '`MANIFOLD_SESSION_KEYS`',
  ]) {
    expect(page).toContain(text);
  }
});
