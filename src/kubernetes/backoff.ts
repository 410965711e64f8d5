/** How long to wait before the next attempt: doubling with full jitter, so that replicas do not come back in step. */

export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

const usualBackoff: Backoff = { firstMs: 500, mostMs: 30_000 };

/** `attempt` counts from 0; `random` is in [0, 1). At least half of the step, so that no attempt follows at once. */
export function backoffMs(attempt: number, random: number, { firstMs, mostMs }: Backoff = usualBackoff): number {
  const step = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(step / 2 + (step / 2) * random);
}
