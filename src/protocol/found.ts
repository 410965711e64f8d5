/**
 * A captured value: its position in the bytes, never a copy. The relay is lossless because a value
 * travels as these bytes; text and numbers are decoded only where the gateway itself reads them.
 */

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null';

/** A captured member of an object. `keyStart` is the offset of the opening quote of its key. */
export interface Member {
  readonly name: string;
  readonly keyStart: number;
  readonly value: Found;
}

/**
 * One captured value: `bytes[start, end)`. The captured values inside it form a chain from `first` along `next`, in
 * document order, which costs a scan no array; `members` and `items` make an array on each call.
 */
export class Found {
  readonly kind: JsonKind;
  readonly start: number;
  /** Set once, by the scan, when the end of an object or array is reached. */
  end: number;
  name = '';
  keyStart = -1;
  first: Found | undefined = undefined;
  next: Found | undefined = undefined;

  constructor(kind: JsonKind, start: number, end: number) {
    this.kind = kind;
    this.start = start;
    this.end = end;
  }

  /** The captured member with this decoded name; undefined if this is not an object. */
  member(name: string): Found | undefined {
    if (this.kind !== 'object') return undefined;
    let child = this.first;
    while (child !== undefined && child.name !== name) child = child.next;
    return child;
  }

  /** Captured members in document order; empty if this is not an object. */
  get members(): readonly Member[] {
    const list: Member[] = [];
    if (this.kind !== 'object') return list;
    for (let child = this.first; child !== undefined; child = child.next) {
      list.push({ name: child.name, keyStart: child.keyStart, value: child });
    }
    return list;
  }

  /** Captured elements in document order; empty if this is not an array. */
  get items(): readonly Found[] {
    const list: Found[] = [];
    if (this.kind !== 'array') return list;
    for (let child = this.first; child !== undefined; child = child.next) list.push(child);
    return list;
  }
}

/** The value's JSON text as it stands in the bytes. */
export function rawOf(bytes: Buffer, found: Found): string {
  return bytes.toString('utf8', found.start, found.end);
}

/** The decoded value of a JSON string. Throws TypeError for another kind: check `kind` first. */
export function textOf(bytes: Buffer, found: Found): string {
  if (found.kind !== 'string') throw new TypeError(`a ${found.kind} is no string`);
  return unquote(bytes, found.start, found.end);
}

/** A JSON number as a double, rounded if necessary. Throws TypeError for another kind. */
export function numberOf(bytes: Buffer, found: Found): number {
  if (found.kind !== 'number') throw new TypeError(`a ${found.kind} is no number`);
  return Number(bytes.toString('latin1', found.start, found.end));
}

/** Decodes a string whose grammar has been checked; `[start, end)` includes the quotes. */
export function unquote(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start + 1, end - 1);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}
