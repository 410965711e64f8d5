/** Ends calls that exceed the operator's limit on the total duration of a call, regardless of progress. */
import { GatewayError } from '../errors.ts';
import { Later, type Wheel } from '../transport/http/wheel.ts';
import type { Relay } from './relay.ts';

/** When the client is being asked at that time, the call is checked again this often, in ms. */
const askedLookMs = 1_000;

export class WholeCalls {
  readonly #wheel: Wheel;
  readonly #ends = new Map<Relay, Later>();

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
  }

  /** Starts the clock of a call. The call ends by `over`, or by a fault after its time; not while its client is being asked. */
  begun(relay: Relay): void {
    const ms = relay.session.upstream.config.limits?.callTimeoutMs;
    if (ms === undefined) return;
    const end = new Later(() => {
      if (relay.phase.suspension !== undefined) this.#wheel.arm(end, askedLookMs);
      else relay.fail(new GatewayError('upstream_timeout', `the whole call may take ${ms} ms`));
    });
    this.#ends.set(relay, end);
    this.#wheel.arm(end, ms);
  }

  over(relay: Relay): void {
    if (this.#ends.size === 0) return;
    const end = this.#ends.get(relay);
    if (end === undefined) return;
    this.#wheel.disarm(end);
    this.#ends.delete(relay);
  }
}
