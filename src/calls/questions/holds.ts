/**
 * Calls that wait here for their client, by the id with which the client, or another replica, finds them again. A call that is not
 * fetched in time is given up (docs/adr/0006-both-eras.md).
 */
import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../errors.ts';
import { holdBytes, type HoldAddress } from '../../session/hold.ts';
import { callStateSeconds, maxHolds } from '../../transport/http/limits.ts';
import { Later, type Wheel } from '../../transport/http/wheel.ts';

export interface Held {
  /** Nobody came in time. The hold is already removed. */
  onExpired(): void;
}

export class Holds<T extends Held> {
  readonly #wheel: Wheel;
  readonly #address: string;
  readonly #onEmpty: () => void;
  readonly #held = new Map<string, { readonly held: T; readonly wait: Later }>();

  /** `address` is where other replicas reach this one; empty where they cannot. `onEmpty` is told when the last one is gone. */
  constructor(wheel: Wheel, address: string, onEmpty: () => void = () => {}) {
    this.#onEmpty = onEmpty;
    this.#wheel = wheel;
    this.#address = address;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Throws `holds_too_many`. */
  add(held: T): HoldAddress {
    if (this.#held.size >= maxHolds) throw new GatewayError('holds_too_many', `${maxHolds} calls wait`);
    const hold = randomBytes(holdBytes);
    const place = { address: this.#address, hold };
    const wait = new Later(() => {
      this.remove(place);
      held.onExpired();
    });
    this.#wheel.arm(wait, callStateSeconds * 1_000);
    this.#held.set(hold.toString('latin1'), { held, wait });
    return place;
  }

  find({ hold }: HoldAddress): T | undefined {
    return this.#held.get(hold.toString('latin1'))?.held;
  }

  remove({ hold }: HoldAddress): void {
    const key = hold.toString('latin1');
    const entry = this.#held.get(key);
    if (entry === undefined) return;
    this.#held.delete(key);
    this.#wheel.disarm(entry.wait);
    if (this.#held.size === 0) this.#onEmpty();
  }
}
