/**
 * Calls that wait here for their client, keyed by the id that the client, or another replica, sends back. A call that is not
 * continued in time is dropped (docs/adr/0006-both-eras.md).
 */
import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../errors.ts';
import { holdBytes, type HoldAddress } from '../../session/hold.ts';
import { heldCalls } from '../../telemetry/metrics.ts';
import { shareOf, type Hold } from '../../transport/http/budget.ts';
import { callStateSeconds, heldCallBytes, maxHolds } from '../../transport/http/limits.ts';
import { Later, type Wheel } from '../../transport/http/wheel.ts';

export interface Held {
  /** The time is over, or the memory is needed. The hold has already been removed. */
  onExpired(): void;
}

interface Entry<T> {
  readonly held: T;
  readonly wait: Later;
  readonly memory: Hold;
}

export class Holds<T extends Held> {
  readonly #wheel: Wheel;
  readonly #address: string;
  readonly #onEmpty: () => void;
  readonly #held = new Map<string, Entry<T>>();

  /** `address`: where other replicas reach this one; empty if they cannot. `onEmpty` is called when the last hold is removed. */
  constructor(wheel: Wheel, address: string, onEmpty: () => void = () => {}) {
    this.#onEmpty = onEmpty;
    this.#wheel = wheel;
    this.#address = address;
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * `bytes`: the memory that is held besides the call itself, counted in the share of the principal. Throws `holds_too_many`, and
   * `overloaded` when the memory budget has no room.
   */
  add(held: T, principalId: string, bytes: number): HoldAddress {
    if (this.#held.size >= maxHolds) throw new GatewayError('holds_too_many', `${maxHolds} calls wait`);
    const hold = randomBytes(holdBytes);
    const place = { address: this.#address, hold };
    const giveUp = (): void => {
      this.remove(place);
      held.onExpired();
    };
    const memory = shareOf(principalId).hold(giveUp);
    if (!memory.take(heldCallBytes + bytes)) {
      memory.end();
      throw new GatewayError('overloaded', 'no room for a call that waits');
    }
    const wait = new Later(giveUp);
    this.#wheel.arm(wait, callStateSeconds * 1_000);
    this.#held.set(hold.toString('latin1'), { held, wait, memory });
    heldCalls.inc();
    return place;
  }

  find({ hold }: HoldAddress): T | undefined {
    return this.#held.get(hold.toString('latin1'))?.held;
  }

  /** Counts more memory for a hold. False: there is no room. */
  grow({ hold }: HoldAddress, bytes: number): boolean {
    return this.#held.get(hold.toString('latin1'))?.memory.take(bytes) ?? false;
  }

  remove({ hold }: HoldAddress): void {
    const key = hold.toString('latin1');
    const entry = this.#held.get(key);
    if (entry === undefined) return;
    this.#held.delete(key);
    heldCalls.dec();
    this.#wheel.disarm(entry.wait);
    entry.memory.end();
    if (this.#held.size === 0) this.#onEmpty();
  }
}
