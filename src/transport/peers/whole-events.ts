/**
 * Splits a stream of server-sent events at event boundaries, so that other output (a heartbeat, a fault) is never written inside
 * an event (HTML §9.2.5). For streams of other replicas, which end every event with two line feeds.
 */

const blankLine = Buffer.from('\n\n');
const lineFeed = 0x0a;

export class WholeEvents {
  /** The incomplete event, in the pieces received so far. */
  #half: Buffer[] = [];
  #halfBytes = 0;

  /** Size of the incomplete event, in bytes. */
  get halfBytes(): number {
    return this.#halfBytes;
  }

  /** The events that this chunk completes, as one buffer; undefined if there is none. */
  take(chunk: Buffer): Buffer | undefined {
    const end = endOfLast(chunk, this.#half.at(-1)?.at(-1));
    if (end === 0) {
      this.#keep(chunk);
      return undefined;
    }
    const whole = chunk.subarray(0, end);
    const events = this.#halfBytes === 0 ? whole : Buffer.concat([...this.#half, whole], this.#halfBytes + end);
    this.drop();
    if (end < chunk.length) this.#keep(chunk.subarray(end));
    return events;
  }

  /** Discards the incomplete event. */
  drop(): void {
    this.#half = [];
    this.#halfBytes = 0;
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#half.push(bytes);
    this.#halfBytes += bytes.length;
  }
}

/** Where the last complete event of the chunk ends; 0 if there is none. A blank line may span two chunks. */
function endOfLast(chunk: Buffer, byteBefore: number | undefined): number {
  const last = chunk.lastIndexOf(blankLine);
  if (last >= 0) return last + blankLine.length;
  return byteBefore === lineFeed && chunk[0] === lineFeed ? 1 : 0;
}
