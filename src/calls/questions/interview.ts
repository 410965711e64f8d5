/** What is known of the questions of one call: those that are being gathered, and how many rounds there were. */
import type { Gathering } from './suspension.ts';

export class Interview {
  #gathering: Gathering | undefined;
  #rounds = 0;

  /** The questions that are being gathered, or that the call waits with; `make` begins to gather. */
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

  /** How many rounds of questions there were, with the one that begins now. */
  countRound(): number {
    this.#rounds += 1;
    return this.#rounds;
  }
}
