/**
 * A map of bounded size: when it holds too many entries, or too much weight, the oldest are evicted. "Oldest" is the one that
 * was set or renewed longest ago, so the same class serves as a queue (`set` alone) and as a cache of what is in use (`renew`).
 */

export interface MapBounds<K, V> {
  /** At least 1. */
  readonly maxEntries: number;
  /** In the unit of `weigh`, such as bytes. Without it only entries count. */
  readonly maxWeight?: number;
  /** What one entry weighs, its key included. It must give the same number for an entry each time. */
  readonly weigh?: (value: V, key: K) => number;
  /** Told of each entry that had to give way, after it has left; not of one that is deleted or set anew. */
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

  /** The sum over all entries; 0 where nothing is weighed. */
  get weight(): number {
    return this.#weight;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Leaves the entry at its age. */
  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** The same, and the entry is the youngest from now on. */
  renew(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined && this.#entries.delete(key)) this.#entries.set(key, value);
    return value;
  }

  /** Makes the entry the youngest. False: it alone is over `maxWeight`, so it is not kept, and nothing had to give way for it. */
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

  /** The oldest first. Entries may be deleted on the way. */
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
