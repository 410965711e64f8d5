/** What is read of refused bodies, on all connections of the process: its rate is bounded, as nobody has any use for it. */
import { maxLingerBytesPerSecond } from './limits.ts';

export class Dropped {
  readonly #nowMs: () => number;
  #left = maxLingerBytesPerSecond;
  #earnedMs: number;

  /** `nowMs`: a clock that only goes forward. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#earnedMs = nowMs();
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }

  /** How long nothing more may be read, in ms. */
  waitMs(): number {
    const nowMs = this.#nowMs();
    const earned = ((nowMs - this.#earnedMs) / 1_000) * maxLingerBytesPerSecond;
    this.#earnedMs = nowMs;
    this.#left = Math.min(this.#left + earned, maxLingerBytesPerSecond);
    return this.#left > 0 ? 0 : Math.ceil((-this.#left / maxLingerBytesPerSecond) * 1_000) + 1;
  }
}
