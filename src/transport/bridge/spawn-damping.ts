/**
 * Exponential backoff for an upstream that crashes right after its start. After a few quick exits in a row each further start
 * waits, twice as long each time. One instance per upstream. The caller provides the clock.
 */
import type { BridgeLimits } from './limits.ts';

export class SpawnDamping {
  readonly #limits: BridgeLimits;
  #quickExits = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(limits: BridgeLimits) {
    this.#limits = limits;
  }

  /** How long the next start has to wait, in ms; 0 if it may happen at once. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#blockedUntil - nowMs);
  }

  /** A process exited by itself after `livedMs`. */
  exited(livedMs: number, nowMs: number): void {
    if (livedMs >= this.#limits.quickExitMs) {
      this.healthy();
      return;
    }
    this.#quickExits += 1;
    const over = this.#quickExits - this.#limits.quickExits;
    if (over < 0) return;
    const { backoffMinMs, backoffMaxMs } = this.#limits;
    this.#blockedUntil = nowMs + Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(over, 30));
  }

  /** A process served its session until the end. */
  healthy(): void {
    this.#quickExits = 0;
    this.#blockedUntil = Number.NEGATIVE_INFINITY;
  }
}
