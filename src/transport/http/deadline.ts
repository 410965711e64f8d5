/** A bound on the whole of some work: limits on silence do not bound a peer that dribbles. */
import { GatewayError } from '../../errors.ts';

/**
 * Throws `upstream_timeout` after `ms`. The work goes on, since nothing can stop it from here; `late` gets what it comes to.
 */
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
