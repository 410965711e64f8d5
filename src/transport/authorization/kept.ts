/**
 * A value that somebody else has: fetched once for all who ask at a time, kept, renewed in the background,
 * and used for a while longer when its source fails. After a failure nobody asks again for some seconds.
 */

export interface KeptTimes {
  /** For how long the value is taken as it is. At 80 % of that it is renewed in the background. */
  readonly freshMs: number;
  /** For how long after the last success a value stands in while its source fails. */
  readonly staleMs: number;
  /** For how long after a failure nobody asks again. */
  readonly cooldownMs: number;
}

/** The source does not answer, and nothing kept can stand in. */
export class Unavailable extends Error {
  constructor(what: string, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause });
    this.name = 'Unavailable';
  }
}

export interface Kept<T> {
  /** The value, fetched where that is necessary. Throws `Unavailable`. */
  get(): Promise<T>;
  /** The value fetched again, unless a fetch has just failed. Throws `Unavailable`. */
  renew(): Promise<T>;
  /** When the value was fetched, as `now` tells it. */
  readonly fetchedAt: number | undefined;
}

/** `what` names the value in faults. `now` is in milliseconds. */
export function kept<T>(what: string, load: () => Promise<T>, times: KeptTimes, now: () => number = Date.now): Kept<T> {
  let value: { readonly is: T; readonly at: number } | undefined;
  let failedAt = -Infinity;
  let failure: unknown;
  let underWay: Promise<T> | undefined;

  const fetched = async (): Promise<T> => {
    try {
      const is = await load();
      value = { is, at: now() };
      failedAt = -Infinity;
      return is;
    } catch (fault) {
      failedAt = now();
      failure = fault;
      throw new Unavailable(what, fault);
    } finally {
      underWay = undefined;
    }
  };
  const renew = (): Promise<T> => {
    if (underWay !== undefined) return underWay;
    if (now() - failedAt < times.cooldownMs) return Promise.reject(new Unavailable(what, failure));
    underWay = fetched();
    return underWay;
  };
  return {
    async get() {
      if (value === undefined) return renew();
      const { is, at } = value;
      const age = now() - at;
      if (age < times.freshMs) {
        // Whoever comes by starts it, and does not wait. A failure is noted, and the value stays.
        if (age >= times.freshMs * 0.8) renew().catch(() => {});
        return is;
      }
      // A source that failed the last time may hang: whoever comes now does not wait for it again.
      if (failedAt !== -Infinity && age < times.staleMs) {
        renew().catch(() => {});
        return is;
      }
      return renew().catch((fault: unknown) => {
        if (age < times.staleMs) return is;
        throw fault;
      });
    },
    renew,
    get fetchedAt() {
      return value?.at;
    },
  };
}
