/**
 * Sessions that ended before their time (DELETE), for as long as they could have lived: a hint of this replica, since nothing
 * is shared. security.md §2.2, "Revocation without state". Bounded: when it is full the oldest entry gives way, and is counted.
 */
import { clockSkewSeconds } from './token.ts';

const defaultDenylistEntries = 100_000;

export class Denylist {
  readonly #capacity: number;
  /** jti as text → Unix seconds after which no replica opens the session anyway. In order of entry. */
  readonly #until = new Map<string, number>();
  #overflowed = 0;

  constructor(capacity = defaultDenylistEntries) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#until.size;
  }

  /** Entries that had to give way while their sessions could still live. */
  get overflowed(): number {
    return this.#overflowed;
  }

  add(jti: Buffer, expiresAt: number, nowSeconds: number): void {
    const key = jti.toString('latin1');
    if (!this.#until.has(key)) this.#makeRoom(nowSeconds);
    this.#until.set(key, expiresAt + clockSkewSeconds);
  }

  has(jti: Buffer): boolean {
    return this.#until.size > 0 && this.#until.has(jti.toString('latin1'));
  }

  #makeRoom(nowSeconds: number): void {
    for (const [key, until] of this.#until) {
      const over = until < nowSeconds;
      if (!over && this.#until.size < this.#capacity) return;
      this.#until.delete(key);
      if (!over) this.#overflowed += 1;
    }
  }
}
