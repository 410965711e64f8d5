/**
 * Tokens of the gateway for upstreams, cached until they expire: concurrent requests share one fetch, a token is renewed in the
 * background before its expiry, and a refused request is not repeated at once. Bounded; the least recently used is evicted.
 */
import { Unavailable } from './kept.ts';

export const maxHeldTokens = 10_000;
/** Assumed lifetime if the server gives none. */
export const assumedLifeMs = 300_000;
/** After a failure there is no new request for this long; each further failure doubles it. */
const firstBackOffMs = 1_000;
export const longestBackOffMs = 60_000;
/** The part of its lifetime after which a token is renewed. */
const renewedAt = 0.8;

export interface Granted {
  readonly token: string;
  readonly lifeMs: number | undefined;
}

interface Held {
  token: string | undefined;
  /** On the clock of `now`. */
  renewAt: number;
  endsAt: number;
  underWay: Promise<string> | undefined;
  failures: number;
  retryAt: number;
  failure: unknown;
}

export interface HeldTokens {
  /**
   * The token for a key, synchronously if it is cached. `load` fetches one. Throws what `load` throws, also during the pause
   * after a failure.
   */
  get(key: string, load: () => Promise<Granted>): string | Promise<string>;
  /** The token was refused, so it is not used again. */
  drop(key: string, token: string): void;
  readonly size: number;
}

/** `now` in milliseconds. */
export function heldTokens(now: () => number = Date.now, capacity = maxHeldTokens): HeldTokens {
  const held = new Map<string, Held>();

  const entryOf = (key: string): Held => {
    let entry = held.get(key);
    if (entry === undefined) {
      for (const oldest of held.keys()) {
        if (held.size < capacity) break;
        held.delete(oldest);
      }
      entry = {
        token: undefined,
        renewAt: 0,
        endsAt: 0,
        underWay: undefined,
        failures: 0,
        retryAt: 0,
        failure: undefined,
      };
    } else held.delete(key);
    held.set(key, entry);
    return entry;
  };
  const loaded = async (entry: Held, load: () => Promise<Granted>): Promise<string> => {
    const asked = now();
    try {
      const { token, lifeMs = assumedLifeMs } = await load();
      // The lifetime is counted from the request: it began at the latest when the answer was written.
      Object.assign(entry, {
        token,
        renewAt: asked + lifeMs * renewedAt,
        endsAt: asked + lifeMs,
        failures: 0,
        retryAt: 0,
      });
      return token;
    } catch (fault) {
      entry.failure = fault;
      entry.retryAt = now() + Math.min(firstBackOffMs * 2 ** entry.failures, longestBackOffMs);
      entry.failures += 1;
      throw fault;
    } finally {
      entry.underWay = undefined;
    }
  };
  const renew = (entry: Held, load: () => Promise<Granted>): Promise<string> => {
    if (entry.underWay !== undefined) return entry.underWay;
    if (now() < entry.retryAt) return Promise.reject(entry.failure ?? new Unavailable('a token'));
    entry.underWay = loaded(entry, load);
    return entry.underWay;
  };
  return {
    get(key, load) {
      const entry = entryOf(key);
      const { token } = entry;
      if (token === undefined || now() >= entry.endsAt) return renew(entry, load);
      if (now() >= entry.renewAt) renew(entry, load).catch(() => {});
      return token;
    },
    drop(key, token) {
      const entry = held.get(key);
      if (entry?.token === token) entry.token = undefined;
    },
    get size() {
      return held.size;
    },
  };
}
