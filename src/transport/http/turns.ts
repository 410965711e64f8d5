/**
 * Bodies and answers that arrive in pieces share the event loop fairly, so that neither their bytes nor their pieces delay small
 * requests. All bodies together, and all answers together, may read a fixed number of bytes per turn of the loop. Small pieces cost
 * far more than their bytes, so they have a rate limit of their own. What arrives in one piece is not affected.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import {
  freeSmallPieces,
  maxBodyBytesPerTurn,
  maxSmallPiecesPerSecond,
  smallPieceBurst,
  smallPieceBytes,
} from './limits.ts';
import { newcomers } from './newcomers.ts';

/** Does work with a turn of the loop between its steps; at once where it has but one. */
export async function inTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await turnOfTheLoop();
  }
}

/** Size of one socket read, in bytes. */
const readBytes = 64 * 1024;

/** Continues reading. Returns false when there is nothing left to read, so that another body gets the turn. */
type GoOn = () => boolean;

export class BodyTurns {
  readonly #nowMs: () => number;
  #bytesLeft = maxBodyBytesPerTurn;
  #piecesLeft = smallPieceBurst;
  #earnedMs: number;
  /** Bodies that continue in the next turn of the loop, in waiting order. */
  readonly #forTurn: GoOn[] = [];
  /** Bodies that continue when small pieces may be read again. */
  readonly #forPieces: GoOn[] = [];
  #isTurnDue = false;
  #timer: NodeJS.Timeout | undefined;

  readonly #onSpent: () => void;

  /** `nowMs`: a monotonic clock. `onSpent` is called when the small pieces have used up their allowance. */
  constructor(nowMs: () => number = () => performance.now(), onSpent: () => void = () => {}) {
    this.#nowMs = nowMs;
    this.#onSpent = onSpent;
    this.#earnedMs = nowMs();
  }

  /** Counts a piece. False: reading must stop until the callback given to `wait` is called. */
  took(bytes: number, isSmall: boolean): boolean {
    this.#bytesLeft -= bytes;
    this.#dueTurn();
    if (this.#bytesLeft <= 0) return false;
    if (!isSmall) return true;
    this.#piecesLeft -= 1;
    if (this.#piecesLeft <= 0) this.#earn();
    if (this.#piecesLeft > 0) return true;
    this.#onSpent();
    return false;
  }

  wait(isSmall: boolean, goOn: GoOn): void {
    if (isSmall && this.#piecesLeft <= 0) {
      this.#forPieces.push(goOn);
      this.#arm();
    } else this.#forTurn.push(goOn);
  }

  #dueTurn(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnDue = false;
    this.#bytesLeft = maxBodyBytesPerTurn;
    let left = maxBodyBytesPerTurn / readBytes;
    while (left > 0 && this.#forTurn.length > 0) if (this.#forTurn.shift()!()) left -= 1;
    if (this.#forTurn.length > 0) this.#dueTurn();
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const waitMs = ((1 - this.#piecesLeft) / maxSmallPiecesPerSecond) * 1_000;
    this.#timer = setTimeout(() => this.#paidFor(), Math.max(waitMs, 1)).unref();
  }

  /** Resumes one body at a time: its buffered pieces may use up the allowance. */
  #paidFor(): void {
    this.#timer = undefined;
    this.#earn();
    while (this.#piecesLeft > 0 && this.#forPieces.length > 0) if (this.#forPieces.shift()!()) break;
    if (this.#forPieces.length > 0) this.#arm();
  }

  #earn(): void {
    const nowMs = this.#nowMs();
    const earned = ((nowMs - this.#earnedMs) / 1_000) * maxSmallPiecesPerSecond;
    this.#earnedMs = nowMs;
    this.#piecesLeft = Math.min(this.#piecesLeft + earned, smallPieceBurst);
  }
}

/** The turns of this process, for bodies of clients and for answers of upstreams. Neither uses up the turns of the other. */
const bodyTurns = new BodyTurns(undefined, () => newcomers.hold());
export const answerTurns = new BodyTurns();

/** The turns of one body. */
export class BodyTurn {
  #smallPieces = 0;
  #waits = false;
  readonly #goOn: GoOn;
  readonly #turns: BodyTurns;

  /** `goOn` continues reading; it returns false when the body is over. */
  constructor(goOn: () => boolean, turns: BodyTurns = bodyTurns) {
    this.#turns = turns;
    this.#goOn = () => {
      this.#waits = false;
      return goOn();
    };
  }

  /** It is not its turn: `goOn` will be called. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Counts a piece. False: reading must stop until `goOn` is called. */
  took(bytes: number): boolean {
    const isSmall = bytes < smallPieceBytes && (this.#smallPieces += 1) > freeSmallPieces;
    if (this.#turns.took(bytes, isSmall)) return !this.#waits;
    if (!this.#waits) {
      this.#waits = true;
      this.#turns.wait(isSmall, this.#goOn);
    }
    return false;
  }
}
