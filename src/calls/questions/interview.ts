/** The questions of one call: those that are being collected, and the number of rounds. */
import type { Gathering } from './suspension.ts';

export class Interview {
  #gathering: Gathering | undefined;
  #rounds = 0;

  /** The current collection of questions; `make` starts one if there is none. */
  gather(make: () => Gathering): Gathering {
    this.#gathering ??= make();
    return this.#gathering;
  }

  isGathering(gathering: Gathering): boolean {
    return this.#gathering === gathering;
  }

  gathered(): void {
    this.#gathering = undefined;
  }

  /** Number of rounds of questions, including the one that begins now. */
  countRound(): number {
    this.#rounds += 1;
    return this.#rounds;
  }
}
