/** Asks all workers the same and waits for their answers, those that are busy for a bounded time. */
import type { ProcessState } from './state.ts';

/** A worker whose event loop is blocked for longer does not hold up the answer, in ms. */
const answerMs = 2_000;

interface Asked {
  readonly answers: ProcessState[];
  missing: number;
  readonly done: PromiseWithResolvers<void>;
}

export class WorkersAsked {
  readonly #asked = new Map<number, Asked>();
  #last = 0;

  /** `send` puts the question to one worker. Resolves with the answers that came in time. Never rejects. */
  async ask(sends: readonly ((question: number) => void)[]): Promise<readonly ProcessState[]> {
    const question = (this.#last += 1);
    const asked: Asked = { answers: [], missing: sends.length, done: Promise.withResolvers<void>() };
    if (sends.length === 0) return [];
    this.#asked.set(question, asked);
    const timer = setTimeout(asked.done.resolve, answerMs);
    for (const send of sends) send(question);
    await asked.done.promise;
    clearTimeout(timer);
    this.#asked.delete(question);
    return asked.answers;
  }

  /** An answer has come. One that is too late is dropped. */
  answered(question: number, state: ProcessState): void {
    const asked = this.#asked.get(question);
    if (asked === undefined) return;
    asked.answers.push(state);
    asked.missing -= 1;
    if (asked.missing === 0) asked.done.resolve();
  }
}
