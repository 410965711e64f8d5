/**
 * Collects JSON text that arrives in pieces in one buffer. The sender chooses the size of the pieces, and one object per one-byte
 * piece would cost a hundred times its content.
 */

import { withoutMark } from './byte-order-mark.ts';
import { minCheckedBytes, noteChecked } from './checked.ts';
import { Walk } from './walk.ts';

/** Minimum size of the buffer that is created for the second piece. */
const minCapacity = 4_096;
/** A buffer is not kept if more than this part of it is unused. */
const allowedWaste = 0.25;

export class Gathered {
  #buffer: Buffer | undefined;
  /** We may write to the buffer. A single piece is used without copying. */
  #owned = false;
  #size = 0;
  /** Checks what has come, once it is large. */
  #walk: Walk | undefined;
  #isText = true;
  readonly #textFrom: (head: Buffer) => number | undefined;

  /**
   * What is gathered is JSON text, whose grammar is checked as it comes once it is large. `textFrom`: where the text begins, in bytes,
   * by its first bytes, or undefined where they begin no such text; after a byte order mark unless given.
   */
  constructor(textFrom: (head: Buffer) => number | undefined = (head) => head.length - withoutMark(head).length) {
    this.#textFrom = textFrom;
  }

  get size(): number {
    return this.#size;
  }

  /** `expected`: the total size in bytes if known, else 0. If known, the memory is allocated at once. */
  append(piece: Buffer, expected = 0): void {
    if (this.#buffer === undefined) {
      this.#buffer = piece;
      this.#size = piece.length;
      return;
    }
    const needed = this.#size + piece.length;
    if (!this.#owned || needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(needed, expected > needed ? expected : grownSize(this.#size), minCapacity),
      );
      this.#buffer.copy(grown, 0, 0, this.#size);
      this.#buffer = grown;
      this.#owned = true;
    }
    piece.copy(this.#buffer, this.#size);
    this.#size = needed;
    if (needed < minCheckedBytes) return;
    const come = this.#buffer.subarray(0, needed);
    if (this.#walk === undefined && this.#isText) {
      const from = this.#textFrom(come);
      if (from === undefined) this.#isText = false;
      else this.#walk = new Walk(from);
    }
    this.#walk?.go(come, false);
  }

  /** Returns all bytes, in a buffer of nearly exact size. Later pieces start a new one. */
  take(): Buffer {
    const buffer = this.#buffer;
    const size = this.#size;
    const owned = this.#owned;
    const walk = this.#walk;
    this.forget();
    if (buffer === undefined) return empty;
    if (!owned) return buffer;
    const part = buffer.subarray(0, size);
    const whole = buffer.length - size > size * allowedWaste ? Buffer.from(part) : part;
    if (walk !== undefined) {
      walk.go(whole, true);
      noteChecked(whole, walk);
    }
    return whole;
  }

  forget(): void {
    this.#buffer = undefined;
    this.#owned = false;
    this.#size = 0;
    this.#walk = undefined;
    this.#isText = true;
  }
}

/** Large ones grow by as much as may be wasted, so that the whole need not be copied once more. */
function grownSize(size: number): number {
  return size < largeBytes ? 2 * size : Math.floor(size * (1 + allowedWaste));
}

const largeBytes = 1024 * 1024;
const empty = Buffer.alloc(0);
