/** A wait that somebody else's slowness must not prolong. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when `promise` has settled, however, or after `ms`. */
export async function settled(promise: Promise<unknown>, ms: number): Promise<void> {
  const done = new AbortController();
  const waited = sleep(ms, undefined, { signal: done.signal });
  await Promise.race([Promise.allSettled([promise]), waited.catch(() => {})]);
  done.abort();
}
