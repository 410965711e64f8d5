/**
 * A circuit breaker for an upstream that keeps failing. Closed: all requests pass. Open, after a number of failures in a row:
 * none passes. After the wait one request may try; its outcome closes the breaker, or opens it for another wait. The clock is an
 * argument.
 */
export type AttemptOutcome = 'ok' | 'failed' | 'unknown';

/** A permit, which the request returns with its outcome. `trial`: the outcome decides whether others pass. */
export type Pass = 'free' | 'trial';

export class Breaker {
  readonly #limit: { readonly failures: number; readonly openMs: number };
  readonly #now: () => number;
  readonly #onChange: (isOpen: boolean) => void;
  #failures = 0;
  /** In ms; undefined while it is closed. */
  #openUntil: number | undefined;
  #isTried = false;

  /** `now` in ms. `onChange` is called when the breaker opens, and when it closes. */
  constructor(
    limit: { readonly failures: number; readonly openMs: number },
    now: () => number,
    onChange: (isOpen: boolean) => void,
  ) {
    this.#limit = limit;
    this.#now = now;
    this.#onChange = onChange;
  }

  /** It does not let all pass: nothing, or the one that tries. */
  get isOpen(): boolean {
    return this.#openUntil !== undefined;
  }

  /** Nothing passes now. */
  get isShut(): boolean {
    return this.#openUntil !== undefined && (this.#isTried || this.#now() < this.#openUntil);
  }

  /** Undefined: the request must not be sent. */
  pass(): Pass | undefined {
    if (this.isShut) return undefined;
    if (this.#openUntil === undefined) return 'free';
    this.#isTried = true;
    return 'trial';
  }

  /** Must be called once for each permit. `unknown`: the client left before the upstream had answered. */
  settle(pass: Pass, outcome: AttemptOutcome): void {
    if (pass === 'trial') {
      this.#isTried = false;
      if (outcome === 'failed') this.#openUntil = this.#now() + this.#limit.openMs;
      else if (outcome === 'ok') this.close();
      return;
    }
    // A request that was sent before the breaker opened says nothing about the upstream now.
    if (this.#openUntil !== undefined || outcome === 'unknown') return;
    if (outcome === 'ok') this.#failures = 0;
    else if (++this.#failures >= this.#limit.failures) {
      this.#openUntil = this.#now() + this.#limit.openMs;
      this.#onChange(true);
    }
  }

  close(): void {
    this.#failures = 0;
    if (this.#openUntil === undefined) return;
    this.#openUntil = undefined;
    this.#onChange(false);
  }
}
