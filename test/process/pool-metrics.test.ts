import { Counter, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { withPrimary } from '../../src/process/pool-metrics.ts';

test('what only the primary counts is its own, and everything else is that of the workers', async () => {
  const registry = new Registry();
  for (const name of [
    'manifold_config_reloads_total',
    'manifold_config_reload_failed',
    'manifold_bridge_dropped_total',
  ])
    new Counter({ name, help: 'h', registers: [registry] }).inc(7);
  const workers = [
    '# HELP manifold_requests_total h',
    '# TYPE manifold_requests_total counter',
    'manifold_requests_total{method="ping"} 3',
    '# HELP manifold_config_reload_failed h',
    '# TYPE manifold_config_reload_failed gauge',
    'manifold_config_reload_failed 0',
    '',
  ].join('\n');
  const text = await withPrimary(workers, registry);
  expect(text).toContain('manifold_requests_total{method="ping"} 3\n');
  expect(text.match(/^manifold_config_reload_failed .*$/gm)).toEqual(['manifold_config_reload_failed 7']);
  expect(text).toContain('manifold_bridge_dropped_total 7\n');
  expect(text.endsWith('\n')).toBe(true);
});
