/** Whether a route still has requests to answer: a draining process waits for them. GET streams do not count. */
import type { ServerResponse } from 'node:http';

export class Idle {
  /** Requests that have no answer yet. */
  #active = 0;
  #waiting: (() => void)[] = [];
  readonly #parked: { readonly size: number };
  readonly #answered = (): void => {
    this.#active -= 1;
    this.check();
  };

  /** `parked`: calls that wait here for their clients. */
  constructor(parked: { readonly size: number }) {
    this.#parked = parked;
  }

  /** Requests whose response is still open. */
  get requests(): number {
    return this.#active;
  }

  /** Counts a request until its response closes. */
  begun(response: ServerResponse): void {
    this.#active += 1;
    response.on('close', this.#answered);
  }

  /** Call this when something has ended. */
  check(): void {
    if (!this.#isIdle) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no request is in progress and none waits for its client, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  get #isIdle(): boolean {
    return this.#active === 0 && this.#parked.size === 0;
  }
}
