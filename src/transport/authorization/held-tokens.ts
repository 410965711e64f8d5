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
/**
 * A 403 may be about the token or about what was asked: a token that is younger than this is not renewed for it, so that what is forbidden
 * costs no token each time.
 */
export const forbiddenAgeMs = 30_000;
/** Of its life, after which a token is renewed. */
const renewedAt = 0.8;

export interface Granted {
  readonly token: string;
  readonly lifeMs: number | undefined;
}

interface Held {
  token: string | undefined;
  /** As `now` tells it. */
  since: number;
  /** As `now` tells it. */
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
  /**
   * The token was refused: it is not given out again, unless it is younger than `leastAgeMs`. Whether another one is to be had.
   */
  drop(key: string, token: string, leastAgeMs?: number): boolean;
  readonly size: number;
}

/** How old a token must be to be renewed when an upstream refuses it with this status. */
export function leastAgeMs(status: number): number {
  return status === 403 ? forbiddenAgeMs : 0;
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
        since: 0,
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
        since: asked,
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
    drop(key, token, leastAgeMs = 0) {
      const entry = held.get(key);
      if (entry?.token !== token) return true;
      if (now() - entry.since < leastAgeMs) return false;
      entry.token = undefined;
      return true;
    },
    get size() {
      return held.size;
    },
  };
}
