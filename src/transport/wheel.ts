/**
 * One timer for all waits: heartbeats, deadlines, idle streams. A wait is a slot in a ring of one-second buckets, so that
 * ten thousand streams cost one interval. Resolution one tick; a wait never ends early.
 */

/** Something that waits. Keep the object and re-arm it: `arm` moves it, `disarm` forgets it. */
export interface Waiting {
  /** Tick at which it is due, written by the wheel. */
  due: number;
  onDue(): void;
}

/** Longer waits are cut to this: a peer's wish must not become a wait without end. */
const maxWaitMs = 24 * 3_600_000;

export class Wheel {
  readonly #tickMs: number;
  readonly #buckets: Set<Waiting>[];
  #now = 0;
  #timer: NodeJS.Timeout | undefined;
  #armed = 0;

  constructor(tickMs = 250, size = 512) {
    this.#tickMs = tickMs;
    this.#buckets = Array.from({ length: size }, () => new Set<Waiting>());
  }

  /** Ticks until now, a clock that costs nothing to read. */
  get ticks(): number {
    return this.#now;
  }

  /** How long a number of ticks is, in ms. */
  msOf(ticks: number): number {
    return ticks * this.#tickMs;
  }

  /** Number of waits under way. */
  get armed(): number {
    return this.#armed;
  }

  /** Starts, or starts anew, the wait of `waiting`: due in `ms`, at the earliest. */
  arm(waiting: Waiting, ms: number): void {
    this.disarm(waiting);
    const bounded = ms <= maxWaitMs ? ms : maxWaitMs;
    waiting.due = this.#now + Math.max(1, Math.ceil(bounded / this.#tickMs)) + 1;
    this.#bucket(waiting.due).add(waiting);
    this.#armed += 1;
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#tick(), this.#tickMs);
      this.#timer.unref();
    }
  }

  disarm(waiting: Waiting): void {
    if (!this.#bucket(waiting.due).delete(waiting)) return;
    this.#armed -= 1;
    if (this.#armed === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #tick(): void {
    this.#now += 1;
    const bucket = this.#bucket(this.#now);
    if (bucket.size === 0) return;
    for (const waiting of Array.from(bucket)) {
      // A far wait stays in its bucket for as many turns of the ring as it needs.
      if (waiting.due > this.#now || !bucket.has(waiting)) continue;
      this.disarm(waiting);
      waiting.onDue();
    }
  }

  #bucket(due: number): Set<Waiting> {
    return this.#buckets[due % this.#buckets.length]!;
  }
}
