/** Limits on the total time of some work. A limit on silence does not stop a peer that sends very slowly. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../../errors.ts';

/** Throws `upstream_timeout` after `ms`. The work continues, because it cannot be stopped from here; `late` gets its result. */
export async function withDeadline<T>(work: Promise<T>, ms: number, late: (result: T) => void = () => {}): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const bound = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new GatewayError('upstream_timeout', `no answer within ${ms} ms`));
    }, ms);
  });
  work.then(
    (result) => {
      if (isLate) late(result);
    },
    () => {},
  );
  try {
    return await Promise.race([work, bound]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when `promise` has settled (resolved or rejected), or after `ms` at the latest. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const done = new AbortController();
  const waited = sleep(ms, undefined, { signal: done.signal });
  await Promise.race([Promise.allSettled([promise]), waited.catch(() => {})]);
  done.abort();
}
