/**
 * Cuts a stream of server-sent events where events end, so that what is written beside it (a heartbeat, a fault) never lands inside
 * half of one (HTML §9.2.5). It is for streams of other replicas, which end every event with two line feeds.
 */

const blankLine = Buffer.from('\n\n');
const lineFeed = 0x0a;

export class WholeEvents {
  /** The begun event, in the pieces that have come of it. */
  #half: Buffer[] = [];
  #halfBytes = 0;

  /** Bytes of the event that has begun and not ended. */
  get halfBytes(): number {
    return this.#halfBytes;
  }

  /** The events that are whole with this chunk, as one piece; undefined while none is. */
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

  /** The begun event will never end. */
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

/** Where the last whole event of the chunk ends, 0 when none does. A blank line may stand across two chunks. */
function endOfLast(chunk: Buffer, byteBefore: number | undefined): number {
  const last = chunk.lastIndexOf(blankLine);
  if (last >= 0) return last + blankLine.length;
  return byteBefore === lineFeed && chunk[0] === lineFeed ? 1 : 0;
}
