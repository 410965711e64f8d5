/**
 * Keeps an upstream that crashes as soon as it starts from being started over and over: after a few quick exits in a row
 * each further start has to wait, twice as long each time. One per upstream. The clock is the caller's.
 */
import type { BridgeLimits } from './limits.ts';

export class SpawnDamping {
  readonly #limits: BridgeLimits;
  #quickExits = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(limits: BridgeLimits) {
    this.#limits = limits;
  }

  /** How long a start has to wait; 0 when it may happen. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#blockedUntil - nowMs);
  }

  /** A process ended by itself after `livedMs`. */
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

  /** A process served its session to the end. */
  healthy(): void {
    this.#quickExits = 0;
    this.#blockedUntil = Number.NEGATIVE_INFINITY;
  }
}
