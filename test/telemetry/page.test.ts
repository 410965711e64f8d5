/** docs/metrics.md says what the registry exposes. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { metricsPage, pagePath } from '../support/metrics-page.ts';

test('docs/metrics.md is up to date; if not: node test/support/metrics-page.ts', async () => {
  expect(await readFile(pagePath, 'utf8')).toBe(metricsPage());
});

test('the page names a metric with its type and its labels', async () => {
  const page = await readFile(pagePath, 'utf8');
  expect(page).toContain('| `manifold_requests_total` | counter | `method`, `outcome` |');
  expect(page).toContain('| `manifold_upstream_up` | gauge | `upstream` |');
});
