/**
 * Whose turn it is behind a balancer that learns from failures as nginx does (ngx_http_upstream_round_robin.c): a backend that
 * failed is left out for a while, then meets one request as a trial, and is back when it has served it.
 */
export class Turns {
  readonly #ports: readonly number[];
  readonly #failTimeoutMs: number;
  readonly #nowMs: () => number;
  /** Failed backends → when they may be tried again, and whether they meet their trial just now. */
  readonly #out = new Map<number, { untilMs: number; isTried: boolean }>();
  #at = 0;

  constructor(ports: readonly number[], failTimeoutMs: number, nowMs: () => number) {
    this.#ports = ports;
    this.#failTimeoutMs = failTimeoutMs;
    this.#nowMs = nowMs;
  }

  /** The next backend that is not in `tried`; undefined when none is left. */
  next(tried: ReadonlySet<number>): number | undefined {
    const nowMs = this.#nowMs();
    for (let step = 0; step < this.#ports.length; step += 1) {
      this.#at = (this.#at + 1) % this.#ports.length;
      const port = this.#ports[this.#at]!;
      if (tried.has(port)) continue;
      const out = this.#out.get(port);
      if (out === undefined) return port;
      if (nowMs <= out.untilMs) continue;
      // The others wait for how it ends.
      this.#out.set(port, { untilMs: nowMs + this.#failTimeoutMs, isTried: true });
      return port;
    }
    return undefined;
  }

  failed(port: number): void {
    if (this.#failTimeoutMs > 0) this.#out.set(port, { untilMs: this.#nowMs() + this.#failTimeoutMs, isTried: false });
  }

  /** Nothing but a trial brings a failed one back: what was sent to it before its failure says nothing of it now. */
  served(port: number): void {
    if (this.#out.get(port)?.isTried === true) this.#out.delete(port);
  }
}
