/** Ends calls that take longer than the operator lets the whole of one take, whatever progress they report. */
import { GatewayError } from '../errors.ts';
import { Later, type Wheel } from '../transport/http/wheel.ts';
import type { Relay } from './relay.ts';

/** How often a call is looked at whose client is being asked when its time is up, in ms. */
const askedLookMs = 1_000;

export class WholeCalls {
  readonly #wheel: Wheel;
  readonly #ends = new Map<Relay, Later>();

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
  }

  /** A call begins. Its end comes by `over`, or by a fault after its time; while its client is asked it does not end. */
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
