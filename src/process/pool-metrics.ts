/**
 * Merges the metrics of a primary and its workers into one text: those of the workers are added up, and those that only the
 * primary counts are its own.
 */
import type { Registry } from 'prom-client';

/** Metrics of the primary: reading the configuration, watching the cluster, and the bridge. */
const ofPrimary: readonly string[] = [
  'manifold_config_reloads_total',
  'manifold_config_reload_failed',
  'manifold_bridge_dropped_total',
  'manifold_watch_lag_seconds',
  'manifold_watch_connected',
  'manifold_leader',
];

/** `ofWorkers` is the exposition text of the workers. Returns the exposition text of all processes. */
export async function withPrimary(ofWorkers: string, registry: Registry): Promise<string> {
  const kept = blocksOf(ofWorkers).filter((block) => !ofPrimary.some((name) => block.startsWith(`# HELP ${name} `)));
  const own = await Promise.all(
    ofPrimary
      .filter((name) => registry.getSingleMetric(name) !== undefined)
      .map((name) => registry.getSingleMetricAsString(name)),
  );
  return `${[...kept, ...own].map((block) => block.trimEnd()).join('\n')}\n`;
}

/** One block per metric: its comments and its samples. */
function blocksOf(text: string): string[] {
  return text.split(/^(?=# HELP )/m).filter((block) => block.trim() !== '');
}
