/** Rules and dashboard ask for metrics and labels that exist. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import '../../src/telemetry/call-meter.ts';
import { registry } from '../../src/telemetry/metrics.ts';

const folder = fileURLToPath(new URL('../../k8s/monitoring', import.meta.url));

test.each(readdirSync(folder))('%s names only metrics that exist', async (file) => {
  const text = readFileSync(path.join(folder, file), 'utf8');
  const named = new Set(text.match(/\bmanifold_[a-z_]+/g));
  expect(named.size).toBeGreaterThan(5);
  const known = new Set((await registry.getMetricsAsJSON()).flatMap(({ name }) => [name, `${name}_bucket`]));
  expect([...named].filter((name) => !known.has(name))).toEqual([]);
});

test('every metric is on the dashboard', async () => {
  const text = readFileSync(path.join(folder, 'dashboard.json'), 'utf8');
  const missing = (await registry.getMetricsAsJSON()).map(({ name }) => name).filter((name) => !text.includes(name));
  expect(missing).toEqual([]);
});
