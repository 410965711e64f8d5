/**
 * What is known of a large JSON text before it is scanned: values whose grammar has been checked, as it came in, so that the scan, and
 * each scan of the same text with other members in it, goes past them at once. A text of which nothing is known is scanned whole.
 */
import type { GatewayError } from '../errors.ts';

/** Texts under this size are scanned whole at once. */
export const minCheckedBytes = 128 * 1024;

/** Where checked values begin and end, in order of their beginnings; an inner one stands after the one around it. */
export interface Checked {
  readonly starts: readonly number[];
  /** 0: it has not been seen to end. */
  readonly ends: readonly number[];
  /** What is wrong with the text, as far as it has been looked at. */
  readonly fault: GatewayError | undefined;
}

/** `bytes[start, end)` gets this text. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string | Buffer;
}

const known = new WeakMap<Buffer, Checked>();

/** `checked` has to be true of `bytes`, which nobody changes from then on. */
export function noteChecked(bytes: Buffer, checked: Checked): void {
  known.set(bytes, checked);
}

export function checkedIn(bytes: Buffer): Checked | undefined {
  return bytes.length < minCheckedBytes ? undefined : known.get(bytes);
}

/** Of `bytes`, a part of the same memory that begins `offset` bytes into `whole`. */
export function noteCheckedPart(bytes: Buffer, whole: Buffer, offset: number): void {
  const checked = checkedIn(whole);
  if (checked === undefined || bytes.length < minCheckedBytes) return;
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = 0; at < checked.starts.length; at++) {
    const start = checked.starts[at]!;
    const end = checked.ends[at]!;
    if (end === 0 || start < offset || end > offset + bytes.length) continue;
    starts.push(start - offset);
    ends.push(end - offset);
  }
  known.set(bytes, { starts, ends, fault: checked.fault });
}

/** Of `result`, which is `bytes` with these edits, in order of `start`. */
export function noteCheckedSplice(result: Buffer, bytes: Buffer, edits: readonly Change[]): void {
  const checked = checkedIn(bytes);
  if (checked === undefined || result.length < minCheckedBytes) return;
  const starts: number[] = [];
  const ends: number[] = [];
  let next = 0;
  let moved = 0;
  for (let at = 0; at < checked.starts.length; at++) {
    const start = checked.starts[at]!;
    const end = checked.ends[at]!;
    for (let edit = edits[next]; edit !== undefined && edit.end <= start; edit = edits[(next += 1)])
      moved += sizeOf(edit.text) - (edit.end - edit.start);
    // What is changed inside, or goes, is checked no longer.
    if (end === 0 || (edits[next]?.start ?? end) < end) continue;
    starts.push(start + moved);
    ends.push(end + moved);
  }
  known.set(result, { starts, ends, fault: checked.fault });
}

function sizeOf(text: string | Buffer): number {
  return typeof text === 'string' ? Buffer.byteLength(text) : text.length;
}

/** Finds where checked values of a text end, asked for offsets that grow. */
export class CheckedEnds {
  readonly #checked: Checked;
  #next = 0;

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  /** 0: the value that begins there has not been checked. */
  endAt(start: number): number {
    const { starts, ends } = this.#checked;
    while (this.#next < starts.length && starts[this.#next]! < start) this.#next += 1;
    return starts[this.#next] === start ? ends[this.#next]! : 0;
  }
}
