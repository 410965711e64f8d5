/**
 * What a test file has started and must not outlive it. Each `start…` of the kit enrols here; the last started is closed
 * first, after the last test of the file, also when a test or a hook failed.
 */
import { afterAll } from 'vitest';

const started: (() => Promise<void>)[] = [];

/** Enrols `close` and gives it back made idempotent: a second call waits for the first. */
export function closedAtTheEnd(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const once = (): Promise<void> => (closing ??= close());
  started.push(once);
  return once;
}

afterAll(async () => {
  const faults: unknown[] = [];
  for (const close of started.splice(0).reverse()) await close().catch((fault: unknown) => faults.push(fault));
  if (faults.length > 0) throw new AggregateError(faults, 'not all that was started could be closed');
});
