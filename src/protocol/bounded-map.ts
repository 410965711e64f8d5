/**
 * A map with a size limit: when it has too many entries, or too much weight, the oldest are evicted. "Oldest" is the entry that
 * was set or renewed longest ago, so the class serves as a queue (only `set`) and as a cache (`renew`).
 */

export interface MapBounds<K, V> {
  /** At least 1. */
  readonly maxEntries: number;
  /** In the unit of `weigh`, such as bytes. Without it only entries count. */
  readonly maxWeight?: number;
  /** The weight of one entry, its key included. It must always be the same for an entry. */
  readonly weigh?: (value: V, key: K) => number;
  /** Called for each evicted entry, after its removal; not for one that is deleted or set again. */
  readonly onGaveWay?: (value: V, key: K) => void;
}

export class BoundedMap<K, V> implements Iterable<[K, V]> {
  readonly #bounds: MapBounds<K, V>;
  /** The oldest first. */
  readonly #entries = new Map<K, V>();
  #weight = 0;

  constructor(bounds: MapBounds<K, V>) {
    if (!(bounds.maxEntries >= 1)) throw new RangeError('a bounded map holds at least one entry');
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The sum over all entries; 0 without `weigh`. */
  get weight(): number {
    return this.#weight;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Does not change the age of the entry. */
  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** The same, and makes the entry the youngest. */
  renew(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined && this.#entries.delete(key)) this.#entries.set(key, value);
    return value;
  }

  /** Makes the entry the youngest. False: the entry alone exceeds `maxWeight`, so it is not stored, and no other is evicted. */
  set(key: K, value: V): boolean {
    const { maxEntries, maxWeight = Number.POSITIVE_INFINITY } = this.#bounds;
    this.delete(key);
    const weight = this.#weigh(value, key);
    if (weight > maxWeight) return false;
    this.#entries.set(key, value);
    this.#weight += weight;
    for (const [oldestKey, oldest] of this.#entries) {
      if (this.#entries.size <= maxEntries && this.#weight <= maxWeight) break;
      this.delete(oldestKey);
      this.#bounds.onGaveWay?.(oldest, oldestKey);
    }
    return true;
  }

  delete(key: K): boolean {
    const value = this.#entries.get(key);
    if (value === undefined && !this.#entries.has(key)) return false;
    this.#weight -= this.#weigh(value as V, key);
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  /** Oldest first. Entries may be deleted during iteration. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }

  keys(): IterableIterator<K> {
    return this.#entries.keys();
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }

  #weigh(value: V, key: K): number {
    return this.#bounds.weigh?.(value, key) ?? 0;
  }
}
