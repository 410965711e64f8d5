/**
 * How fast one stream may be read. Work is made by its events, by its lines, which may say nothing, and by its bytes: each has an
 * allowance a second, and a stream that goes beyond any of them is left unread until its time has come.
 */
import { linesIn } from '../../protocol/sse.ts';
import { maxEventsPerSecond, maxLinesPerSecond, maxStreamBytesPerSecond } from '../http/limits.ts';
import type { Wheel } from '../http/wheel.ts';

export class Pace {
  readonly #wheel: Wheel;
  /** What may come yet, at `#tick`; below 0 what came beyond. */
  #events = maxEventsPerSecond;
  #lines = maxLinesPerSecond;
  #bytes = maxStreamBytesPerSecond;
  #tick: number;

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
    this.#tick = wheel.ticks;
  }

  /** Counts a piece of the stream, whatever it holds. */
  piece(bytes: Buffer): void {
    this.#earn();
    this.#lines -= linesIn(bytes);
    this.#bytes -= bytes.length;
  }

  event(): void {
    this.#events -= 1;
  }

  /** How long the stream has to be left unread, in ms; 0 or less where it has not come too fast. */
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
