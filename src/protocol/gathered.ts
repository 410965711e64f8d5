/**
 * Bytes that arrive in pieces, gathered in one buffer. The sender chooses the size of the pieces, and one object for each piece of
 * one byte would cost a hundred times its content.
 */

/** What the buffer of the second piece has at the least. */
const minCapacity = 4_096;
/** A buffer that is larger than its bytes by more than this part of them is not kept. */
const allowedWaste = 0.25;

export class Gathered {
  #buffer: Buffer | undefined;
  /** The buffer is ours to write to. A single piece is taken as it is. */
  #owned = false;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `expected`: the size of the whole in bytes, where it is known; 0 where it is not. The memory is allotted at once then. */
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

  /** The whole, of exact size or nearly so. What is gathered afterwards is another. */
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
