/**
 * One output of a server, read at its allowed rate, and paused while its owner requests it.
 */
import type { BridgeLimits } from './limits.ts';
import { OutputPace } from './pace.ts';

/** An input that can be paused: a pipe or a body. */
interface Readable {
  pause(): unknown;
  resume(): unknown;
}

export class PacedOutput {
  readonly #output: Readable;
  readonly #pace: OutputPace;
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;
  #isOver = false;

  constructor(output: Readable, limits: BridgeLimits) {
    this.#output = output;
    this.#pace = new OutputPace(limits);
  }

  /** Called after each chunk with its cost. */
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

  /** Reads the rest without pauses: the server is ending, and its remaining output is bounded by the pipe. */
  over(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.resume();
  }
}
