/**
 * Writes a server's own output to the gateway's log, with a limit on entries per second. Omitted entries are counted.
 */
import type { BridgeLimits } from './limits.ts';
import type { BridgeLog } from './running-server.ts';

const windowMs = 1_000;

export class LineLog {
  readonly #log: BridgeLog;
  readonly #limits: BridgeLimits;
  #windowStart = Number.NEGATIVE_INFINITY;
  #written = 0;
  #leftOut = 0;

  constructor(log: BridgeLog, limits: BridgeLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  /** `nowMs`: from a monotonic clock. */
  write(level: 'info' | 'warn', label: object, text: string, line: string, nowMs: number): void {
    if (nowMs - this.#windowStart >= windowMs) {
      if (this.#leftOut > 0)
        this.#log.warn({ ...label, lines: this.#leftOut }, 'lines of the server left out of the log');
      this.#windowStart = nowMs;
      this.#written = 0;
      this.#leftOut = 0;
    }
    if (this.#written >= this.#limits.maxLoggedLinesPerSecond) {
      this.#leftOut += 1;
      return;
    }
    this.#written += 1;
    this.#log[level]({ ...label, line }, text);
  }
}
