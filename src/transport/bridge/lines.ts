/**
 * Splits the output of a stdio server into lines (2025-11-25 basic/transports §stdio: messages are delimited by newlines and
 * contain none). Memory is bounded: an incomplete line is one buffer, however small its chunks are, and only the two ends of a
 * line that is too long are kept.
 */
import { noteCheckedPart } from '../../protocol/checked.ts';
import { Gathered } from '../../protocol/gathered.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
/** U+FEFF in UTF-8, which some programs print first (RFC 8259 §8.1 lets a parser ignore it). */
const byteOrderMarkBytes = 3;
/** Bytes kept of each end of a line that is too long; enough to find its JSON-RPC id. */
const keptEndBytes = 512;

export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onLong: (head: Buffer, tail: Buffer) => void;
  readonly #onMark: () => void;
  /** The beginning of an incomplete line. */
  readonly #held = new Gathered();
  /** Set while the rest of a line that is too long is skipped. */
  #long: { readonly head: Buffer; tail: Buffer } | undefined;

  /**
   * `onLine` gets no empty lines, no line ends and no byte order mark, of which `onMark` is told. What it gets may be part of the
   * chunk.
   */
  constructor(
    maxBytes: number,
    onLine: (line: Buffer) => void,
    onLong: (head: Buffer, tail: Buffer) => void,
    onMark: () => void = () => {},
  ) {
    this.#onMark = onMark;
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onLong = onLong;
  }

  /** Returns the number of lines that ended, including empty ones. */
  push(chunk: Buffer): number {
    let start = 0;
    let lines = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      if (this.#held.size === 0 && this.#long === undefined && end - start <= this.#maxBytes)
        this.#give(chunk, start, end);
      else {
        this.#hold(chunk, start, end);
        this.#close();
      }
      start = end + 1;
      lines += 1;
    }
    if (start < chunk.length) this.#hold(chunk, start, chunk.length);
    return lines;
  }

  /** The output has ended. A last line without a newline counts as a line. */
  end(): void {
    this.#close();
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.#long !== undefined) {
      this.#long.tail = lastBytes(this.#long.tail, chunk.subarray(start, end));
      return;
    }
    const piece = chunk.subarray(start, end);
    if (this.#held.size + piece.length > this.#maxBytes) {
      const begun = this.#held.take();
      const head = Buffer.concat([begun.subarray(0, keptEndBytes), piece.subarray(0, keptEndBytes)]);
      this.#long = { head: Buffer.from(head.subarray(0, keptEndBytes)), tail: lastBytes(begun, piece) };
      return;
    }
    // A copy: the beginning of a line must not keep the whole chunk it came in.
    this.#held.append(this.#held.size === 0 ? Buffer.from(piece) : piece);
  }

  #close(): void {
    if (this.#long !== undefined) {
      const { head, tail } = this.#long;
      this.#long = undefined;
      this.#onLong(head, tail);
      return;
    }
    if (this.#held.size === 0) return;
    const line = this.#held.take();
    this.#give(line, 0, line.length);
  }

  #give(bytes: Buffer, from: number, to: number): void {
    const marked = to - from >= 3 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf;
    if (marked) this.#onMark();
    const start = marked ? from + byteOrderMarkBytes : from;
    const end = bytes[to - 1] === carriageReturn ? to - 1 : to;
    if (end <= start) return;
    const line = bytes.subarray(start, end);
    noteCheckedPart(line, bytes, start);
    this.#onLine(line);
  }
}

/** A copy of the last bytes of both buffers joined. */
function lastBytes(first: Buffer, second: Buffer): Buffer {
  const whole = Buffer.concat([first.subarray(-keptEndBytes), second.subarray(-keptEndBytes)]);
  return Buffer.from(whole.subarray(-keptEndBytes));
}
