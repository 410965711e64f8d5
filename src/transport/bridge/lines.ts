/**
 * Splits the output of a stdio server into lines (2025-11-25 transports §stdio: messages are delimited by newlines and
 * hold none). Bounded: of a line that is too long only the two ends are kept.
 */
const newline = 0x0a;
const carriageReturn = 0x0d;
/** Kept of each end of a line that is too long; enough to find its JSON-RPC id. */
const keptEndBytes = 512;

export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onLong: (head: Buffer, tail: Buffer) => void;
  #parts: Buffer[] = [];
  #size = 0;
  /** Set while the rest of a line that is too long is skipped. */
  #long: { readonly head: Buffer; tail: Buffer } | undefined;

  /** `onLine` gets no empty lines and no line ends. What it gets may be part of the chunk. */
  constructor(maxBytes: number, onLine: (line: Buffer) => void, onLong: (head: Buffer, tail: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onLong = onLong;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#take(chunk.subarray(start, end));
      this.#close();
      start = end + 1;
    }
    if (start < chunk.length) this.#take(chunk.subarray(start));
  }

  /** The output has ended: what no newline closed is a line all the same. */
  end(): void {
    this.#close();
  }

  #take(part: Buffer): void {
    if (this.#long !== undefined) {
      this.#long.tail = lastBytes([this.#long.tail, part]);
      return;
    }
    this.#parts.push(part);
    this.#size += part.length;
    if (this.#size <= this.#maxBytes) return;
    const head = Buffer.concat(this.#parts, Math.min(this.#size, keptEndBytes));
    this.#long = { head, tail: lastBytes(this.#parts) };
    this.#parts = [];
    this.#size = 0;
  }

  #close(): void {
    if (this.#long !== undefined) {
      const { head, tail } = this.#long;
      this.#long = undefined;
      this.#onLong(head, tail);
      return;
    }
    if (this.#size === 0) return;
    const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#size);
    this.#parts = [];
    this.#size = 0;
    const end = line.at(-1) === carriageReturn ? line.length - 1 : line.length;
    if (end > 0) this.#onLine(line.subarray(0, end));
  }
}

/** A copy of the last bytes of what the parts make up together. */
function lastBytes(parts: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(parts.map((part) => part.subarray(-keptEndBytes)));
  return Buffer.from(whole.subarray(-keptEndBytes));
}
