/**
 * Places for processes. A place is taken in the same turn in which one is found free, so that however many ask at once, no
 * more are given out than there are.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { GatewayError } from '../../errors.ts';

export interface Seat {
  /** It will be free when `gone` resolves. */
  leave(gone: Promise<void>): void;
}

export class Places {
  readonly #max: number;
  readonly #evict: () => boolean;
  readonly #leaving = new Set<Promise<void>>();
  #taken = 0;
  #lastTurn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** `evict` makes somebody leave who can be spared, and says whether there was one. */
  constructor(max: number, evict: () => boolean) {
    this.#max = max;
    this.#evict = evict;
  }

  /** A place if one is free. Throws `upstream_refused` once closed. */
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
   * Waits for a place; whoever can be spared makes room. Throws `upstream_refused` when all are in use. One is given in a turn of
   * the loop: to start a process takes tens of milliseconds, and others are to be served between two of them.
   */
  async take(): Promise<Seat> {
    this.#lastTurn = this.#lastTurn.then(() => turnOfTheLoop());
    await this.#lastTurn;
    for (;;) {
      const place = this.tryTake();
      if (place !== undefined) return place;
      if (this.#leaving.size === 0 && !this.#evict())
        throw new GatewayError('upstream_refused', 'every server process is in use');
      await Promise.race(this.#leaving);
    }
  }

  /** No place is given any more. Resolves when all that are leaving have left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#leaving);
  }
}
