/**
 * One output of a server, read no faster than its pace, and not at all while its owner wants it to wait.
 */
import type { BridgeLimits } from './limits.ts';
import { Pace } from './pace.ts';

/** What can be left unread: a pipe, a body. */
interface Readable {
  pause(): unknown;
  resume(): unknown;
}

export class PacedOutput {
  readonly #output: Readable;
  readonly #pace: Pace;
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;
  #isOver = false;

  constructor(output: Readable, limits: BridgeLimits) {
    this.#output = output;
    this.#pace = new Pace(limits);
  }

  /** After each chunk: what it cost. */
  spend(lines: number, bytes: number): void {
    this.#pace.spend(lines, bytes);
    if (this.#isOver || this.#timer !== undefined) return;
    const waitMs = this.#pace.debtMs(performance.now());
    if (waitMs === 0) return;
    this.#output.pause();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isHeld) this.#output.resume();
    }, waitMs);
  }

  pause(): void {
    if (this.#isOver) return;
    this.#isHeld = true;
    this.#output.pause();
  }

  resume(): void {
    this.#isHeld = false;
    if (this.#timer === undefined) this.#output.resume();
  }

  /** What is left is read at once: the server is ending, and what it still says is bounded by its pipe. */
  over(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.resume();
  }
}
