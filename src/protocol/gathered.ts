/**
 * Collects bytes that arrive in pieces in one buffer. The sender chooses the size of the pieces, and one object per one-byte
 * piece would cost a hundred times its content.
 */

/** Minimum size of the buffer that is created for the second piece. */
const minCapacity = 4_096;
/** A buffer is not kept if more than this part of it is unused. */
const allowedWaste = 0.25;

export class Gathered {
  #buffer: Buffer | undefined;
  /** We may write to the buffer. A single piece is used without copying. */
  #owned = false;
  #size = 0;

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
        Math.max(needed, expected > needed ? expected : 2 * this.#size, minCapacity),
      );
      this.#buffer.copy(grown, 0, 0, this.#size);
      this.#buffer = grown;
      this.#owned = true;
    }
    piece.copy(this.#buffer, this.#size);
    this.#size = needed;
  }

  /** Returns all bytes, in a buffer of nearly exact size. Later pieces start a new one. */
  take(): Buffer {
    const buffer = this.#buffer;
    const size = this.#size;
    const owned = this.#owned;
    this.forget();
    if (buffer === undefined) return empty;
    if (!owned) return buffer;
    const whole = buffer.subarray(0, size);
    return buffer.length - size > size * allowedWaste ? Buffer.from(whole) : whole;
  }

  forget(): void {
    this.#buffer = undefined;
    this.#owned = false;
    this.#size = 0;
  }
}

const empty = Buffer.alloc(0);
