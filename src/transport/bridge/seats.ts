/**
 * Seats for processes. A free seat is found and taken in the same turn of the event loop, so concurrent requests never get more
 * seats than there are.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { GatewayError } from '../../errors.ts';

export interface Seat {
  /** The seat is free again when `gone` resolves. */
  leave(gone: Promise<void>): void;
}

export class Seats {
  readonly #max: number;
  readonly #evict: () => boolean;
  readonly #leaving = new Set<Promise<void>>();
  #taken = 0;
  #lastTurn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** `evict` ends a server that is not needed, and returns whether there was one. */
  constructor(max: number, evict: () => boolean) {
    this.#max = max;
    this.#evict = evict;
  }

  /** A seat, if one is free. Throws `upstream_refused` after close. */
  tryTake(): Seat | undefined {
    if (this.#isClosed) throw new GatewayError('upstream_refused', 'closing');
    if (this.#taken >= this.#max) return undefined;
    this.#taken += 1;
    let isLeaving = false;
    return {
      leave: (gone) => {
        if (isLeaving) return;
        isLeaving = true;
        const left = gone.finally(() => {
          this.#taken -= 1;
          this.#leaving.delete(left);
        });
        this.#leaving.add(left);
      },
    };
  }

  /**
   * Waits for a seat; servers that are not needed are evicted. Throws `upstream_refused` when all seats are in use. At most one
   * seat is given per turn of the event loop: starting a process takes tens of milliseconds, and other work must run between two
   * starts.
   */
  async take(): Promise<Seat> {
    this.#lastTurn = this.#lastTurn.then(() => turnOfTheLoop());
    await this.#lastTurn;
    for (;;) {
      const seat = this.tryTake();
      if (seat !== undefined) return seat;
      if (this.#leaving.size === 0 && !this.#evict())
        throw new GatewayError('upstream_refused', 'every server process is in use');
      await Promise.race(this.#leaving);
    }
  }

  /** No more seats are given. Resolves when all processes that are leaving have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#leaving);
  }
}
