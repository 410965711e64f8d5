/**
 * A cached value of another service: concurrent requests share one fetch, it is renewed in the background, and used for a while
 * longer when its source fails. After a failure there is no new fetch for some seconds.
 */

export interface KeptTimes {
  /** How long the value is fresh. At 80 % of that it is renewed in the background. */
  readonly freshMs: number;
  /** How long after the last success a value is used while its source fails. */
  readonly staleMs: number;
  /** How long after a failure there is no new fetch. */
  readonly cooldownMs: number;
}

/** The source does not answer, and no cached value can be used. */
export class Unavailable extends Error {
  constructor(what: string, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause });
    this.name = 'Unavailable';
  }
}

export interface Kept<T> {
  /** The value, fetched if necessary. Throws `Unavailable`. */
  get(): Promise<T>;
  /** Fetches the value again, unless a fetch has just failed. Throws `Unavailable`. */
  renew(): Promise<T>;
  /** When the value was fetched, on the clock of `now`. */
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
        // The caller starts the renewal and does not wait for it. A failure is recorded, and the value stays.
        if (age >= times.freshMs * 0.8) renew().catch(() => {});
        return is;
      }
      // A source that failed last time may hang, so this caller does not wait for it again.
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
