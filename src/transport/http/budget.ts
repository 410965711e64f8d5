/**
 * One budget of bytes a process, for all that is received, waits to be sent, or is held for a caller. It is taken as the bytes
 * come and returned when they go. Who would go beyond it is refused, and the largest part of the largest share gives way first,
 * so that small calls are served beside whoever fills it.
 */
import { budgetRefusals, reportBudget } from '../../telemetry/metrics.ts';

/** Bytes that a process may hold at once, unless the operator says otherwise. */
const defaultBudgetBytes = 128 * 1024 * 1024;
/** Part of the budget that one share may have. */
const shareOfBudget = 0.5;
/** Part that is left to small holds, of the budget and of each share: who holds much keeps nobody from a small call. */
const reserveOfBudget = 0.125;
/** Smaller holds are small: they may use the reserve, and are never taken away, as too little would come of it. */
const smallHoldBytes = 64 * 1024;
/** Shares that are known by their key though they hold nothing. */
const maxIdleShares = 10_000;
/** So many holds are asked to give way for one that wants more. */
const maxSqueezed = 16;

export class Budget {
  #bytes: number;
  #used = 0;
  readonly #known = new Map<string, Share>();
  /** Those that hold something. */
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

  /** At the start of the process. */
  resize(bytes: number): void {
    this.#bytes = bytes;
  }

  /** The share of whoever `key` names. Keep it for as long as one request lasts, not longer. */
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

  /** For `Share` alone. */
  moved(share: Share, bytes: number): void {
    this.#used += bytes;
    if (share.used > 0) this.#shares.add(share);
    else this.#shares.delete(share);
  }

  /** For `Share` alone: whether `hold` may have `bytes` more, if need be after others have given way. */
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

/** What one principal has of the budget. */
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
   * Something that takes bytes of the share and returns them. `onSqueezed`: it has lost them, and has to release what they were;
   * what cannot do that has none.
   */
  hold(onSqueezed?: () => void): Hold {
    return new Hold(this, onSqueezed);
  }

  /** For `Hold` alone. */
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

  /** False: there is no room, and what was taken before stays taken until `end`. */
  take(bytes: number): boolean {
    if (this.#over) return false;
    if (!this.share.budget.makeRoom(this, bytes)) return false;
    this.#move(bytes);
    return true;
  }

  /** Makes it `bytes` in all; less is always granted. */
  set(bytes: number): boolean {
    const more = bytes - this.#bytes;
    if (more > 0) return this.take(more);
    if (more < 0) this.#move(more);
    return true;
  }

  /** It is large, and may be taken away. */
  get isLarge(): boolean {
    return this.#bytes >= smallHoldBytes && this.#onSqueezed !== undefined;
  }

  /** From now on somebody else has what it stands for, and releases it where `onSqueezed` is given. */
  handTo(onSqueezed?: () => void): void {
    this.#onSqueezed = onSqueezed;
    if (this.#bytes >= smallHoldBytes) this.share.moved(this, 0);
  }

  /** Returns everything. Nothing is taken any more. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#bytes > 0) this.#move(-this.#bytes);
  }

  /** Returns everything when the answer has been sent or its client is gone. */
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

/** The budget of this process. */
export const budget = new Budget();
reportBudget(() => budget.used);

/** Callers that nobody has named, and upstreams when they answer these. No id of a principal has a blank. */
const anonymousShare = 'all anonymous';
export const upstreamsShare = 'all upstreams';

/** The share of a principal, by `Caller.principalId`, which is empty for the anonymous one. */
export function shareOf(principalId: string): Share {
  return budget.share(principalId === '' ? anonymousShare : principalId);
}
