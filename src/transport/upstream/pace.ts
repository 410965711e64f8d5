/**
 * Rate limit for reading one stream. Events, lines (including empty ones) and bytes each have an allowance per second; a stream
 * that exceeds any of them is not read until its allowance is available again.
 */
import { linesIn } from '../../protocol/sse.ts';
import { maxEventsPerSecond, maxLinesPerSecond, maxStreamBytesPerSecond } from '../http/limits.ts';
import type { Wheel } from '../http/wheel.ts';

export class Pace {
  readonly #wheel: Wheel;
  /** The remaining allowance at `#tick`; below 0 the excess. */
  #events = maxEventsPerSecond;
  #lines = maxLinesPerSecond;
  #bytes = maxStreamBytesPerSecond;
  #tick: number;

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
    this.#tick = wheel.ticks;
  }

  /** Counts a piece of the stream. */
  piece(bytes: Buffer): void {
    this.#earn();
    this.#lines -= linesIn(bytes);
    this.#bytes -= bytes.length;
  }

  event(): void {
    this.#events -= 1;
  }

  /** How long the stream must be left unread, in ms; 0 or less if it may be read. */
  get debtMs(): number {
    const events = -this.#events / maxEventsPerSecond;
    const lines = -this.#lines / maxLinesPerSecond;
    const bytes = -this.#bytes / maxStreamBytesPerSecond;
    return Math.max(events, lines, bytes) * 1_000;
  }

  #earn(): void {
    const { ticks } = this.#wheel;
    if (ticks === this.#tick) return;
    const seconds = this.#wheel.msOf(ticks - this.#tick) / 1_000;
    this.#events = Math.min(this.#events + seconds * maxEventsPerSecond, maxEventsPerSecond);
    this.#lines = Math.min(this.#lines + seconds * maxLinesPerSecond, maxLinesPerSecond);
    this.#bytes = Math.min(this.#bytes + seconds * maxStreamBytesPerSecond, maxStreamBytesPerSecond);
    this.#tick = ticks;
  }
}
