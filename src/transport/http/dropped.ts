/**
 * What is read of refused bodies, on all connections of the process: its rate is limited, as nobody needs it. Beyond that the bodies wait,
 * and are read one after another.
 */
import { maxLingerBytesPerSecond } from './limits.ts';

export class Dropped {
  readonly #nowMs: () => number;
  readonly #waiting: (() => void)[] = [];
  #left = maxLingerBytesPerSecond;
  #earnedMs: number;
  #isArmed = false;

  /** `nowMs`: a monotonic clock. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#earnedMs = nowMs();
  }

  /** Counts what was read. False: nothing more may be read before `wait` has called. */
  took(bytes: number): boolean {
    this.#left -= bytes;
    return this.mayRead();
  }

  mayRead(): boolean {
    return this.#waiting.length === 0 && this.#waitMs() === 0;
  }

  /** Calls `goOn` in its turn. */
  wait(goOn: () => void): void {
    this.#waiting.push(goOn);
    this.#arm();
  }

  #waitMs(): number {
    const nowMs = this.#nowMs();
    const earned = ((nowMs - this.#earnedMs) / 1_000) * maxLingerBytesPerSecond;
    this.#earnedMs = nowMs;
    this.#left = Math.min(this.#left + earned, maxLingerBytesPerSecond);
    return this.#left > 0 ? 0 : Math.ceil((-this.#left / maxLingerBytesPerSecond) * 1_000) + 1;
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    const next = (): void => {
      this.#isArmed = false;
      if (this.#waitMs() === 0) this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#arm();
    };
    setTimeout(next, Math.max(this.#waitMs(), 1)).unref();
  }
}
