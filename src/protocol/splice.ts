/**
 * Edits on the bytes of a message: everything outside the edits is passed on byte for byte
 * (docs/adr/0003-byte-splicing-relay.md).
 */
import { noteCheckedSplice } from './checked.ts';
import type { Found } from './scan.ts';

/** Replaces `bytes[start, end)`; `start === end` inserts. `text` is JSON text, already escaped. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string | Buffer;
}

/**
 * Edits must be ordered by `start` and must not overlap; throws RangeError otherwise. Without edits the same Buffer is returned,
 * not a copy.
 */
export function splice(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  let size = bytes.length;
  let at = 0;
  for (const { start, end, text } of edits) {
    if (start < at || end < start || end > bytes.length) throw new RangeError(`edit ${start}–${end} is out of order`);
    size += (typeof text === 'string' ? Buffer.byteLength(text) : text.length) - (end - start);
    at = end;
  }
  const result = Buffer.allocUnsafe(size);
  let written = 0;
  at = 0;
  for (const { start, end, text } of edits) {
    written += bytes.copy(result, written, at, start);
    written += typeof text === 'string' ? result.write(text, written) : text.copy(result, written);
    at = end;
  }
  bytes.copy(result, written, at);
  noteCheckedSplice(result, bytes, edits);
  return result;
}

/**
 * Replaces the value of a captured member, or inserts the member at the beginning of the object. The shape must name the member:
 * an existing one that was not captured would be repeated. `json` is the value as JSON text.
 */
export function setMember(bytes: Buffer, object: Found, name: string, json: string): Edit {
  const present = object.member(name);
  if (present !== undefined) return { start: present.start, end: present.end, text: json };
  return insertion(bytes, object, `${JSON.stringify(name)}:${json}`);
}

/**
 * Like `setMember`, for several members at once: several single insertions into an empty object would lack commas. Ordered by
 * `start`. One splice may add members to an object and remove others, if one of its own members stays.
 */
export function setMembers(
  bytes: Buffer,
  object: Found,
  entries: readonly (readonly [name: string, json: string])[],
): Edit[] {
  const edits: Edit[] = [];
  const added: string[] = [];
  for (const [name, json] of entries) {
    const present = object.member(name);
    if (present === undefined) added.push(`${JSON.stringify(name)}:${json}`);
    else edits.push({ start: present.start, end: present.end, text: json });
  }
  edits.sort((one, other) => one.start - other.start);
  if (added.length > 0) edits.unshift(insertion(bytes, object, added.join()));
  return edits;
}

/** Removes the captured members with these names, each with one comma, ordered by `start`. Missing names are ignored. */
export function removeMembers(bytes: Buffer, object: Found, names: readonly string[]): Edit[] {
  const edits: Edit[] = [];
  for (const { name, keyStart, value } of object.members) {
    if (!names.includes(name)) continue;
    const after = pastSpace(bytes, value.end);
    if (bytes[after] === 0x2c) {
      edits.push({ start: keyStart, end: pastSpace(bytes, after + 1), text: '' });
      continue;
    }
    // The last member takes the comma before it. If the member before it is removed too, with the comma between them, so is the
    // comma before that one.
    let start = keyStart;
    while (edits.at(-1)?.end === start) start = edits.pop()?.start ?? start;
    const before = beforeSpace(bytes, start);
    edits.push({ start: bytes[before] === 0x2c ? before : start, end: value.end, text: '' });
  }
  return edits;
}

/** Inserts members at the beginning of the object: `text` is their JSON text, joined by commas. */
export function insertion(bytes: Buffer, object: Found, text: string): Edit {
  const first = object.start + 1;
  const empty = bytes[pastSpace(bytes, first)] === 0x7d;
  return { start: first, end: first, text: empty ? text : `${text},` };
}

function pastSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

/** The last byte before `from` that is not white space. */
function beforeSpace(bytes: Buffer, from: number): number {
  let at = from - 1;
  while (isSpace(bytes[at])) at--;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
