/** Limits the concurrent requests of one upstream, with a first-come-first-served queue. */
export interface InLine {
  /** Nobody waits for it any more. */
  readonly isOver: boolean;
  start(): void;
}

export class Slots {
  readonly #limit: { readonly calls: number; readonly queue: number };
  readonly #onWaiting: (count: number) => void;
  #taken = 0;
  readonly #line = new Set<InLine>();

  /** `onWaiting` is called with the length of the queue whenever that changes. */
  constructor(
    limit: { readonly calls: number; readonly queue: number },
    onWaiting: (count: number) => void = () => {},
  ) {
    this.#limit = limit;
    this.#onWaiting = onWaiting;
  }

  /** Starts the request at once, or when its turn comes. False: the queue is full. Each start must be released. */
  take(request: InLine): boolean {
    if (this.#taken < this.#limit.calls) {
      this.#taken++;
      request.start();
      return true;
    }
    // Requests whose clients have left do not count in the queue.
    if (this.#line.size >= this.#limit.queue) for (const each of this.#line) if (each.isOver) this.#line.delete(each);
    const hasRoom = this.#line.size < this.#limit.queue;
    if (hasRoom) this.#line.add(request);
    this.#onWaiting(this.#line.size);
    return hasRoom;
  }

  release(): void {
    let next: InLine | undefined;
    for (const each of this.#line) {
      this.#line.delete(each);
      if (each.isOver) continue;
      next = each;
      break;
    }
    this.#onWaiting(this.#line.size);
    if (next === undefined) this.#taken--;
    else next.start();
  }
}
