/**
 * The memory budget of a process, in bytes: all that is received, waits to be sent, or is held for a caller. Bytes are counted
 * when they arrive and returned when they are released. A request that would exceed the budget is refused, after the largest hold
 * of the largest share was taken back. So one large caller cannot block the small calls of others.
 */
import { budgetRefusals, reportBudget } from '../../telemetry/metrics.ts';

/** Default size of the budget, in bytes. */
const defaultBudgetBytes = 128 * 1024 * 1024;
/** The part of the budget that one share may use. */
const shareOfBudget = 0.5;
/** The part of the budget, and of each share, that is reserved for small holds. Large holds can never block small calls. */
const reserveOfBudget = 0.125;
/** Holds below this size are small. They may use the reserve and are never taken back, because that would free too little. */
const smallHoldBytes = 64 * 1024;
/** Number of unused shares that are remembered. */
const maxIdleShares = 10_000;
/** Number of holds that are taken back for one larger hold, at most. */
const maxSqueezed = 16;

export class Budget {
  #bytes: number;
  #used = 0;
  readonly #known = new Map<string, Share>();
  /** Shares that are in use. */
  readonly #shares = new Set<Share>();

  constructor(bytes: number = defaultBudgetBytes) {
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get used(): number {
    return this.#used;
  }

  /** Sets the size. Called at the start of the process. */
  resize(bytes: number): void {
    this.#bytes = bytes;
  }

  /** The share of `key`. Keep it only as long as one request lasts. */
  share(key: string): Share {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= maxIdleShares) this.#forgetIdle();
    const share = new Share(this);
    this.#known.set(key, share);
    return share;
  }

  #forgetIdle(): void {
    for (const [key, { used }] of this.#known) if (used === 0) this.#known.delete(key);
  }

  /** Called by `Share` only. */
  moved(share: Share, bytes: number): void {
    this.#used += bytes;
    if (share.used > 0) this.#shares.add(share);
    else this.#shares.delete(share);
  }

  /** Called by `Share` only: whether `hold` may have `bytes` more, after other holds were taken back if needed. */
  makeRoom(hold: Hold, bytes: number): boolean {
    const { share } = hold;
    const isSmall = hold.bytes + bytes < smallHoldBytes;
    const reserve = this.#bytes * reserveOfBudget;
    const mostOfAll = isSmall ? this.#bytes : this.#bytes - reserve;
    const most = this.#bytes * shareOfBudget + (isSmall ? reserve : 0);
    for (let squeezed = 0; ; squeezed += 1) {
      const isShareFull = share.used + bytes > most;
      if (!isShareFull && this.#used + bytes <= mostOfAll) return true;
      const from = isShareFull ? share : this.#largestBut(share, bytes);
      const victim = squeezed === maxSqueezed ? undefined : from.largestHold();
      if (victim === undefined || victim === hold || (from === share && victim.bytes <= hold.bytes + bytes)) {
        budgetRefusals.inc({ reason: isShareFull ? 'share' : 'budget' });
        return false;
      }
      budgetRefusals.inc({ reason: 'squeezed' });
      victim.squeeze();
    }
  }

  #largestBut(own: Share, bytes: number): Share {
    let [largest, size] = [own, own.used + bytes];
    for (const share of this.#shares) if (share !== own && share.used > size) [largest, size] = [share, share.used];
    return largest;
  }
}

/** The part of the budget that one principal uses. */
export class Share {
  readonly budget: Budget;
  #used = 0;
  readonly #large = new Set<Hold>();

  constructor(budget: Budget) {
    this.budget = budget;
  }

  get used(): number {
    return this.#used;
  }

  /**
   * Creates a hold, which takes bytes of the share and returns them. `onSqueezed` is called when the bytes were taken back, and
   * must release the memory. Without it the hold is never taken back.
   */
  hold(onSqueezed?: () => void): Hold {
    return new Hold(this, onSqueezed);
  }

  /** Called by `Hold` only. */
  moved(hold: Hold, bytes: number): void {
    this.#used += bytes;
    this.budget.moved(this, bytes);
    if (hold.isLarge) this.#large.add(hold);
    else this.#large.delete(hold);
  }

  largestHold(): Hold | undefined {
    let largest: Hold | undefined;
    for (const hold of this.#large) if (largest === undefined || hold.bytes > largest.bytes) largest = hold;
    return largest;
  }
}

export class Hold {
  readonly share: Share;
  #onSqueezed: (() => void) | undefined;
  #bytes = 0;
  #over = false;

  constructor(share: Share, onSqueezed: (() => void) | undefined) {
    this.share = share;
    this.#onSqueezed = onSqueezed;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False: there is no room. Bytes taken before stay counted until `end`. */
  take(bytes: number): boolean {
    if (this.#over) return false;
    if (!this.share.budget.makeRoom(this, bytes)) return false;
    this.#move(bytes);
    return true;
  }

  /** Sets the total to `bytes`; a smaller total is always granted. */
  set(bytes: number): boolean {
    const more = bytes - this.#bytes;
    if (more > 0) return this.take(more);
    if (more < 0) this.#move(more);
    return true;
  }

  /** It is large and may be taken back. */
  get isLarge(): boolean {
    return this.#bytes >= smallHoldBytes && this.#onSqueezed !== undefined;
  }

  /**
   * Changes the owner. The new owner releases the memory when `onSqueezed` is called; without it the hold is never taken back.
   */
  handTo(onSqueezed?: () => void): void {
    this.#onSqueezed = onSqueezed;
    if (this.#bytes >= smallHoldBytes) this.share.moved(this, 0);
  }

  /** Returns all bytes. Later calls of `take` are refused. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#bytes > 0) this.#move(-this.#bytes);
  }

  /** Returns all bytes when the response is closed. */
  until(response: { on(event: 'close', listener: () => void): unknown }): void {
    response.on('close', () => this.end());
  }

  squeeze(): void {
    this.end();
    this.#onSqueezed?.();
  }

  #move(bytes: number): void {
    this.#bytes += bytes;
    this.share.moved(this, bytes);
  }
}

/** The memory budget of this process. */
export const budget = new Budget();
reportBudget(() => budget.used);

/** The share of anonymous callers, and of upstreams that answer them. A principal id never contains a space. */
const anonymousShare = 'all anonymous';
export const upstreamsShare = 'all upstreams';

/** The share of a principal, by `Caller.principalId`, which is empty for an anonymous caller. */
export function shareOf(principalId: string): Share {
  return budget.share(principalId === '' ? anonymousShare : principalId);
}
