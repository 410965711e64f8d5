/**
 * Rate limit for reading the output of one server: a token bucket of lines and bytes. A server that exceeds it is not read until
 * the debt is paid, so other servers are not delayed. The caller provides the clock.
 */
import type { BridgeLimits } from './limits.ts';

type PaceLimits = Pick<BridgeLimits, 'maxLinesPerSecond' | 'maxBytesPerSecond' | 'maxUnreadMs'>;

export class OutputPace {
  readonly #limits: PaceLimits;
  #lines: number;
  #bytes: number;
  #earnedMs: number | undefined;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#lines = limits.maxLinesPerSecond;
    this.#bytes = limits.maxBytesPerSecond;
  }

  /** Counts what has just been read. */
  spend(lines: number, bytes: number): void {
    this.#lines -= lines;
    this.#bytes -= bytes;
  }

  /** How long to leave the output unread, in ms; 0 when reading may continue. `nowMs`: from a monotonic clock. */
  debtMs(nowMs: number): number {
    const { maxLinesPerSecond, maxBytesPerSecond, maxUnreadMs } = this.#limits;
    const sinceMs = nowMs - (this.#earnedMs ?? nowMs);
    this.#earnedMs = nowMs;
    this.#lines = earned(this.#lines, sinceMs, maxLinesPerSecond, maxUnreadMs);
    this.#bytes = earned(this.#bytes, sinceMs, maxBytesPerSecond, maxUnreadMs);
    const owed = Math.max(-this.#lines / maxLinesPerSecond, -this.#bytes / maxBytesPerSecond, 0);
    return Math.ceil(owed * 1_000);
  }
}

/** The balance is at most one second's worth, and a debt takes at most `maxUnreadMs` to pay. */
function earned(balance: number, sinceMs: number, perSecond: number, maxUnreadMs: number): number {
  const grown = balance + (sinceMs * perSecond) / 1_000;
  return Math.max(Math.min(grown, perSecond), (-maxUnreadMs * perSecond) / 1_000);
}
