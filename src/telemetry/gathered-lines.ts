/**
 * Gathers lines of the log into one write per 16 KiB or per second. The destination of pino can do so as well, but it measures all
 * that waits at each line and encodes it three times: 6 % of a call.
 */
import type { DestinationStream } from 'pino';

/** Lines are written when so many characters wait. */
const gatheredChars = 16 * 1024;
/** Or after this time, in ms. */
const gatheredMs = 1_000;

/** What lines are written to, as pino makes it. */
interface LogDestination extends DestinationStream {
  readonly destroyed?: boolean;
  flush(done?: (fault?: Error | null) => void): void;
}

export class GatheredLines implements DestinationStream {
  readonly #to: LogDestination;
  #lines = '';

  constructor(to: LogDestination) {
    this.#to = to;
    setInterval(() => this.#pass(), gatheredMs).unref();
    // Before the destination writes the last of what it has.
    process.prependListener('beforeExit', () => this.#pass());
    process.prependListener('exit', () => this.#pass());
  }

  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= gatheredChars) this.#pass();
  }

  /** Writes what waits, and calls `done` when it is written. */
  flush(done?: (fault?: Error | null) => void): void {
    this.#pass();
    this.#to.flush(done);
  }

  #pass(): void {
    if (this.#lines === '' || this.#to.destroyed === true) return;
    const lines = this.#lines;
    this.#lines = '';
    this.#to.write(lines);
  }
}
