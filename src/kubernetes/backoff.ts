/** How long to wait before the next attempt: exponential with jitter, so that replicas do not retry at the same time. */

export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

const usualBackoff: Backoff = { firstMs: 500, mostMs: 30_000 };

/** `attempt` counts from 0; `random` is in [0, 1). The wait is at least half of the step. */
export function backoffMs(attempt: number, random: number, { firstMs, mostMs }: Backoff = usualBackoff): number {
  const step = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(step / 2 + (step / 2) * random);
}
