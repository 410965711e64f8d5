/**
 * One timer for all waits: heartbeats, deadlines, idle streams. A wait is a place in a ring of buckets, so that ten thousand
 * streams cost one interval. Resolution one tick; a wait never ends early.
 */

/** Longer waits are cut to this: a peer's wish must not become a wait without end. */
const maxWaitMs = 24 * 3_600_000;

/**
 * Something that waits. Keep the object and re-arm it: `arm` moves it, `disarm` forgets it. It is its own place in the list of
 * its bucket. A Set a bucket would grow and shrink with every call, and each table it leaves behind in the old heap keeps
 * what it held alive until the next full collection: under load that was a third of all garbage.
 */
export abstract class Waiting {
  /** Tick at which it is due; 0 when it does not wait. Written by the wheel alone, like its neighbours. */
  due = 0;
  before: Waiting | undefined;
  after: Waiting | undefined;

  abstract onDue(): void;
}

/** A wait without an object of its own. */
export class Later extends Waiting {
  readonly #then: () => void;

  constructor(then: () => void) {
    super();
    this.#then = then;
  }

  onDue(): void {
    this.#then();
  }
}

export class Wheel {
  readonly #tickMs: number;
  /** The first of each bucket. */
  readonly #buckets: (Waiting | undefined)[];
  readonly #onFault: (fault: unknown) => void;
  #now = 0;
  #timer: NodeJS.Timeout | undefined;
  #armed = 0;

  /** `onFault` is told of what a wait has thrown. */
  constructor(onFault: (fault: unknown) => void = () => {}, tickMs = 250, size = 512) {
    this.#onFault = onFault;
    this.#tickMs = tickMs;
    this.#buckets = Array.from({ length: size }, () => undefined);
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

  /** Starts, or starts again, the wait of `waiting`: due in `ms`, at the earliest. */
  arm(waiting: Waiting, ms: number): void {
    this.disarm(waiting);
    const bounded = ms <= maxWaitMs ? ms : maxWaitMs;
    waiting.due = this.#now + Math.max(1, Math.ceil(bounded / this.#tickMs)) + 1;
    const at = waiting.due % this.#buckets.length;
    const first = this.#buckets[at];
    waiting.after = first;
    if (first !== undefined) first.before = waiting;
    this.#buckets[at] = waiting;
    this.#armed += 1;
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#tick(), this.#tickMs);
      this.#timer.unref();
    }
  }

  disarm(waiting: Waiting): void {
    if (waiting.due === 0) return;
    const { before, after } = waiting;
    if (before === undefined) this.#buckets[waiting.due % this.#buckets.length] = after;
    else before.after = after;
    if (after !== undefined) after.before = before;
    // What has left the list must not hold on to it.
    waiting.before = undefined;
    waiting.after = undefined;
    waiting.due = 0;
    this.#armed -= 1;
    if (this.#armed === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #tick(): void {
    this.#now += 1;
    // Newest first, as the list is; they are called in the order in which they began to wait.
    const due: Waiting[] = [];
    // A far wait stays in its bucket for as many turns of the ring as it needs.
    for (let each = this.#buckets[this.#now % this.#buckets.length]; each !== undefined; each = each.after)
      if (each.due <= this.#now) due.push(each);
    for (const waiting of due.toReversed()) {
      // One that is due may have put off another.
      if (waiting.due === 0 || waiting.due > this.#now) continue;
      this.disarm(waiting);
      try {
        waiting.onDue();
      } catch (fault) {
        // One wait that fails must not end the process, nor the waits beside it.
        this.#onFault(fault);
      }
    }
  }
}
