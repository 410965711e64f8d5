/**
 * A cache of recently verified credentials, keyed by the hash of the token, so that the next request need not verify it again.
 * Limited in number and in time: each entry expires after a minute at the latest, and never outlives its token.
 */
import { hash } from 'node:crypto';
import type { Verified } from './verified.ts';

export const maxVerifiedTokens = 10_000;
/** How long a verification is cached, so that a withdrawn key or a revoked token takes effect. */
export const verifiedForSeconds = 60;

interface Entry {
  readonly verified: Verified;
  /** Unix seconds. */
  readonly until: number;
}

/** The cache key of a token: the cache contains no token that could be read from memory or a heap dump. */
export function tokenDigest(token: string): string {
  return hash('sha256', token, 'base64url');
}

export class VerifiedTokens {
  readonly #capacity: number;
  /** In insertion order: the oldest is evicted. */
  readonly #entries = new Map<string, Entry>();

  constructor(capacity = maxVerifiedTokens) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The caller; undefined if the token is unknown or must be verified again. */
  get(digest: string, nowSeconds: number): Verified | undefined {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    if (nowSeconds < entry.until) return entry.verified;
    this.#entries.delete(digest);
    return undefined;
  }

  /** `seconds`: maximum time in the cache, if less than a minute. */
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

  /** Empties the cache, when the configuration or the keys have changed. */
  clear(): void {
    this.#entries.clear();
  }
}
