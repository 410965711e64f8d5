/** Some programs put a byte order mark before JSON. RFC 8259 §8.1 lets a reader ignore it and forbids to write it. */

import { noteCheckedPart } from './checked.ts';

const markBytes = 3;

/** The same memory without the mark. */
export function withoutMark(bytes: Buffer): Buffer {
  if (bytes[0] !== 0xef || bytes[1] !== 0xbb || bytes[2] !== 0xbf) return bytes;
  const rest = bytes.subarray(markBytes);
  noteCheckedPart(rest, bytes, markBytes);
  return rest;
}

export function textWithoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
