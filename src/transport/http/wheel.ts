/**
 * A timer wheel: one interval timer for all heartbeats, deadlines and idle timeouts, so that ten thousand streams cost one timer.
 * The resolution is one tick; a wait never ends early.
 */

/** Maximum length of a wait: a value from a peer must not become an unlimited wait. */
const maxWaitMs = 24 * 3_600_000;

/**
 * Something that waits. Keep the object and re-arm it: `arm` restarts the wait, `disarm` cancels it. Each object is a node in the
 * linked list of its bucket. A Set per bucket would be resized with every call, and its old tables would keep garbage alive in
 * V8's old space until the next full collection: under load that was a third of all garbage.
 */
export abstract class Waiting {
  /** The tick at which it is due; 0 when it does not wait. Written only by the wheel, like the links to its neighbours. */
  due = 0;
  before: Waiting | undefined;
  after: Waiting | undefined;

  abstract onDue(): void;
}

/** A wait with a callback instead of a subclass. */
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
  /** The first node of each bucket. */
  readonly #buckets: (Waiting | undefined)[];
  readonly #onFault: (fault: unknown) => void;
  #now = 0;
  #timer: NodeJS.Timeout | undefined;
  #armed = 0;

  /** `onFault` gets errors that a wait throws. */
  constructor(onFault: (fault: unknown) => void = () => {}, tickMs = 250, size = 512) {
    this.#onFault = onFault;
    this.#tickMs = tickMs;
    this.#buckets = Array.from({ length: size }, () => undefined);
  }

  /** Ticks since the start: a clock that is cheap to read. */
  get ticks(): number {
    return this.#now;
  }

  /** Converts ticks to ms. */
  msOf(ticks: number): number {
    return ticks * this.#tickMs;
  }

  /** Number of active waits. */
  get armed(): number {
    return this.#armed;
  }

  /** Starts or restarts the wait: due after `ms` at the earliest. */
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
    // A removed node must not keep its former neighbours alive.
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
    // The list is newest first; the callbacks run in the order in which the waits began.
    const due: Waiting[] = [];
    // A wait longer than one turn of the wheel stays in its bucket until it is due.
    for (let each = this.#buckets[this.#now % this.#buckets.length]; each !== undefined; each = each.after)
      if (each.due <= this.#now) due.push(each);
    for (const waiting of due.toReversed()) {
      // An earlier callback may have moved or cancelled this wait.
      if (waiting.due === 0 || waiting.due > this.#now) continue;
      this.disarm(waiting);
      try {
        waiting.onDue();
      } catch (fault) {
        // One callback that throws must not end the process or stop the other waits.
        this.#onFault(fault);
      }
    }
  }
}
