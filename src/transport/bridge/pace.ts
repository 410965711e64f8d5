/**
 * How fast the output of one server is read. It earns lines and bytes with time and pays with each that comes; one that is in
 * debt is left unread until the debt is paid, so that the server waits and everybody else is served. The clock is the caller's.
 */
import type { BridgeLimits } from './limits.ts';

type PaceLimits = Pick<BridgeLimits, 'maxLinesPerSecond' | 'maxBytesPerSecond' | 'maxUnreadMs'>;

export class Pace {
  readonly #limits: PaceLimits;
  #lines: number;
  #bytes: number;
  #earnedMs: number | undefined;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#lines = limits.maxLinesPerSecond;
    this.#bytes = limits.maxBytesPerSecond;
  }

  /** What has just been read. */
  spend(lines: number, bytes: number): void {
    this.#lines -= lines;
    this.#bytes -= bytes;
  }

  /** How long to leave the output unread, in ms; 0 when it may be read on. `nowMs` from any clock that does not go back. */
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

/** Never more than a second's worth in hand, nor a debt that takes longer than `maxUnreadMs` to pay. */
function earned(balance: number, sinceMs: number, perSecond: number, maxUnreadMs: number): number {
  const grown = balance + (sinceMs * perSecond) / 1_000;
  return Math.max(Math.min(grown, perSecond), (-maxUnreadMs * perSecond) / 1_000);
}
