/** The chart in the repository is the one that the manifests come to. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { chartFiles, prometheusRule, prometheusRuleFile } from './chart.ts';

const folder = fileURLToPath(new URL('../../k8s/chart', import.meta.url));

test('the chart is in step with the manifests: npm run chart', () => {
  const present = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  const made = chartFiles();
  expect([...present].sort()).toEqual([...made.keys()].sort());
  for (const [file, text] of made) expect(readFileSync(path.join(folder, file), 'utf8')).toBe(text);
});

test('the alerts for the Prometheus operator are those of k8s/monitoring', () => {
  expect(readFileSync(prometheusRuleFile, 'utf8')).toBe(prometheusRule());
});
