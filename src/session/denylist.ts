/**
 * Sessions that a DELETE ended before they expire. An entry stays until the session would have expired. The list belongs to this
 * replica, since nothing is shared. It is bounded: when it is full, the oldest entry is evicted and counted.
 */
import { BoundedMap } from '../protocol/bounded-map.ts';
import { clockSkewSeconds } from './token.ts';

const defaultDenylistEntries = 100_000;

export class Denylist {
  /** jti as text → Unix seconds after which the session has expired on every replica. */
  readonly #until: BoundedMap<string, number>;
  #overflowed = 0;

  constructor(capacity = defaultDenylistEntries) {
    this.#until = new BoundedMap({ maxEntries: capacity, onGaveWay: () => (this.#overflowed += 1) });
  }

  get size(): number {
    return this.#until.size;
  }

  /** Number of entries that were evicted while their sessions could still be valid. */
  get overflowed(): number {
    return this.#overflowed;
  }

  add(jti: Buffer, expiresAt: number, nowSeconds: number): void {
    for (const [key, until] of this.#until) {
      if (until >= nowSeconds) break;
      this.#until.delete(key);
    }
    this.#until.set(jti.toString('latin1'), expiresAt + clockSkewSeconds);
  }

  has(jti: Buffer): boolean {
    return this.#until.size > 0 && this.#until.has(jti.toString('latin1'));
  }
}
