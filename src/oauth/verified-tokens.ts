/**
 * Credentials that were verified a moment ago, by the hash of the token, so that the next request need not do it again. Bounded
 * in number and in time: each is judged again after a minute at the latest, and never held beyond its own expiry.
 */
import { hash } from 'node:crypto';
import type { Verified } from './verified.ts';

export const maxVerifiedTokens = 10_000;
/** After which a token is judged again, so that a key that is withdrawn or a token that is revoked ends. */
export const verifiedForSeconds = 60;

interface Entry {
  readonly verified: Verified;
  /** Unix seconds. */
  readonly until: number;
}

/** By what a token is known here: nobody reads it out of memory or a heap dump by way of the cache. */
export function tokenDigest(token: string): string {
  return hash('sha256', token, 'base64url');
}

export class VerifiedTokens {
  readonly #capacity: number;
  /** In order of entry: the oldest gives way. */
  readonly #entries = new Map<string, Entry>();

  constructor(capacity = maxVerifiedTokens) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The caller, unless the token is unknown or has to be judged again. */
  get(digest: string, nowSeconds: number): Verified | undefined {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    if (nowSeconds < entry.until) return entry.verified;
    this.#entries.delete(digest);
    return undefined;
  }

  /** `seconds`: how long at most, where that is less than a minute. */
  set(digest: string, verified: Verified, nowSeconds: number, seconds = verifiedForSeconds): void {
    const until = Math.min(nowSeconds + seconds, verified.expiresAt ?? Infinity);
    if (until <= nowSeconds) return;
    this.#entries.delete(digest);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#capacity) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(digest, { verified, until });
  }

  /** Everything is judged again: the configuration or the keys have changed. */
  clear(): void {
    this.#entries.clear();
  }
}
