/**
 * A cache of values by audience and key, bounded in number and in bytes, keys included. The oldest entry is evicted first. All
 * entries of a session are removed when it ends.
 */

/** Estimated size of a text in memory, in bytes: two bytes per character, and a header. */
export function textBytes(text: string): number {
  return 2 * text.length + 48;
}

/** Estimated size of one cached value, besides its texts. */
export const thingBytes = 512;

/** Number of entries whose age is checked when one is added. */
const maxSwept = 4;

/** The owner of an audience: its first word is the session, the principal or `public`. */
export function ownerOf(audience: string): string {
  const end = audience.indexOf(' ');
  return end === -1 ? audience : audience.slice(0, end);
}

interface Kept<T> {
  readonly value: T;
  readonly owner: string;
  readonly bytes: number;
}

export class Shelf<T> {
  readonly #maxThings: number;
  readonly #maxBytes: number;
  /** Oldest first. */
  readonly #things = new Map<string, Kept<T>>();
  readonly #byOwner = new Map<string, Set<string>>();
  #bytes = 0;

  constructor(maxThings: number, maxBytes: number) {
    this.#maxThings = maxThings;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(name: string): T | undefined {
    return this.#things.get(name)?.value;
  }

  /** `bytes` is the size of the value; a value larger than the whole limit is not cached. */
  keep(name: string, audience: string, value: T, bytes: number): void {
    this.drop(name);
    const owner = ownerOf(audience);
    const all = bytes + 2 * textBytes(name) + thingBytes;
    this.#things.set(name, { value, owner, bytes: all });
    this.#bytes += all;
    const owned = this.#byOwner.get(owner);
    if (owned === undefined) this.#byOwner.set(owner, new Set([name]));
    else owned.add(name);
    for (const oldest of this.#things.keys()) {
      if (this.#things.size <= this.#maxThings && this.#bytes <= this.#maxBytes) return;
      this.drop(oldest);
    }
  }

  /** Evicts the oldest entries, a few at a time, if they have expired. */
  sweep(isStale: (value: T) => boolean): void {
    let swept = 0;
    for (const [name, { value }] of this.#things) {
      if (swept++ === maxSwept || !isStale(value)) return;
      this.drop(name);
    }
  }

  drop(name: string): void {
    const kept = this.#things.get(name);
    if (kept === undefined) return;
    this.#bytes -= kept.bytes;
    this.#things.delete(name);
    const owned = this.#byOwner.get(kept.owner);
    owned?.delete(name);
    if (owned?.size === 0) this.#byOwner.delete(kept.owner);
  }

  /** Removes everything cached for one session. */
  forget(owner: string): void {
    for (const name of this.#byOwner.get(owner) ?? []) this.drop(name);
  }
}
