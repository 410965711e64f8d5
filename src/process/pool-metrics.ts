/** The metrics of a primary and its workers as one text: those of the workers are added up, what only the primary counts is its own. */
import type { Registry } from 'prom-client';

/** Counted where the configuration is read, where the cluster is watched and where the bridge runs. */
const ofPrimary: readonly string[] = [
  'manifold_config_reloads_total',
  'manifold_config_reload_failed',
  'manifold_bridge_dropped_total',
  'manifold_watch_lag_seconds',
  'manifold_watch_connected',
  'manifold_leader',
];

/** `ofWorkers` is their exposition text. Gives the exposition text of all. */
export async function withPrimary(ofWorkers: string, registry: Registry): Promise<string> {
  const kept = blocksOf(ofWorkers).filter((block) => !ofPrimary.some((name) => block.startsWith(`# HELP ${name} `)));
  const own = await Promise.all(
    ofPrimary
      .filter((name) => registry.getSingleMetric(name) !== undefined)
      .map((name) => registry.getSingleMetricAsString(name)),
  );
  return `${[...kept, ...own].map((block) => block.trimEnd()).join('\n')}\n`;
}

/** One block a metric: its comments and its samples. */
function blocksOf(text: string): string[] {
  return text.split(/^(?=# HELP )/m).filter((block) => block.trim() !== '');
}
