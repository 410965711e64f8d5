/**
 * The byte scanner: one bounded pass over a JSON text. It checks the whole grammar (RFC 8259), UTF-8 and depth everywhere,
 * refuses repeated keys in the objects of the shape (parsers choose different ones; CVE-2026-27896), and captures the few values
 * that the shape names. Nothing is copied and no number is converted, so relayed bytes stay unchanged.
 */
import { isUtf8 } from 'node:buffer';

import { GatewayError } from '../errors.ts';
import { CheckedEnds, checkedIn } from './checked.ts';
import { Found, unquote } from './found.ts';
import { malformed, nothing, skipColon, skipSpace, skipString, skipValue, tooDeep, wordsOf } from './grammar.ts';
import { maxDepth } from './limits.ts';
import { findName, hasEscape } from './name-table.ts';
import type { CompiledShape } from './shape.ts';

export { Found, numberOf, rawOf, textOf } from './found.ts';
export { compileShape } from './shape.ts';
export type { CompiledShape, Shape } from './shape.ts';

/** Up to this number, unknown keys of one object are compared pairwise; above it, a Set is used. */
const maxPairwiseKeys = 8;

/* A scan never yields, so all scans can share its working memory. */
let captured = 0;
let remembered = 0;
let maxCaptured = 0;
let maxRemembered = 0;
/** Of a large text, a part of which was checked before. */
let checkedEnds: CheckedEnds | undefined;
/** Start and end of unknown keys, consecutive for each open object. Shapes are finite, so it grows to a fixed size. */
const unknownKeys: number[] = [];

/**
 * Throws `json_malformed`, `json_too_deep`, `json_key_repeated`, or `message_invalid` if the shape captures more values, or its
 * large objects have more members, than its bounds allow.
 */
export function scan(bytes: Buffer, shape: CompiledShape): Found {
  captured = 0;
  remembered = 0;
  maxCaptured = shape.bounds.values;
  maxRemembered = shape.bounds.keys;
  const checked = checkedIn(bytes);
  if (checked?.fault !== undefined) throw checked.fault;
  checkedEnds = checked === undefined ? undefined : new CheckedEnds(checked);
  const found = readValue(bytes, wordsOf(bytes), skipSpace(bytes, 0), shape, 0, 0);
  const end = skipSpace(bytes, found.end);
  if (end !== bytes.length) throw malformed(end);
  // Checked last, because it reads every byte: hostile nesting is refused after a few bytes.
  if (!isUtf8(bytes)) throw new GatewayError('json_malformed', 'not UTF-8');
  return found;
}

/** The value at `start`, captured. `depth` counts the arrays and objects around it. */
function readValue(
  bytes: Buffer,
  words: DataView | undefined,
  start: number,
  shape: CompiledShape,
  depth: number,
  base: number,
): Found {
  if (++captured > maxCaptured) throw new GatewayError('message_invalid', 'too many values to keep');
  const byte = start < bytes.length ? bytes[start]! : nothing;
  if (byte === 0x7b && shape.opensObjects) return readObject(bytes, words, start, shape, depth + 1, base);
  if (byte === 0x5b && shape.items !== undefined) return readArray(bytes, words, start, shape.items, depth + 1, base);
  const end = skip(bytes, words, start, depth);
  switch (byte) {
    case 0x22:
      return new Found('string', start, end);
    case 0x7b:
      return new Found('object', start, end);
    case 0x5b:
      return new Found('array', start, end);
    case 0x74:
      return new Found('true', start, end);
    case 0x66:
      return new Found('false', start, end);
    case 0x6e:
      return new Found('null', start, end);
    default:
      return new Found('number', start, end);
  }
}

/** A value that is not looked into. */
function skip(bytes: Buffer, words: DataView | undefined, start: number, depth: number): number {
  return checkedEnds?.endAt(start) || skipValue(bytes, words, start, depth);
}

function readArray(
  bytes: Buffer,
  words: DataView | undefined,
  start: number,
  items: CompiledShape,
  depth: number,
  base: number,
): Found {
  if (depth > maxDepth) throw tooDeep(start);
  const array = new Found('array', start, start);
  let at = skipSpace(bytes, start + 1);
  if (at < bytes.length && bytes[at] === 0x5d) {
    array.end = at + 1;
    return array;
  }
  let last: Found | undefined;
  for (;;) {
    const item = readValue(bytes, words, at, items, depth, base);
    if (last === undefined) array.first = item;
    else last.next = item;
    last = item;
    at = skipSpace(bytes, item.end);
    const byte = at < bytes.length ? bytes[at]! : nothing;
    if (byte === 0x5d) {
      array.end = at + 1;
      return array;
    }
    if (byte !== 0x2c) throw malformed(at);
    at = skipSpace(bytes, at + 1);
  }
}

function readObject(
  bytes: Buffer,
  words: DataView | undefined,
  start: number,
  shape: CompiledShape,
  depth: number,
  base: number,
): Found {
  if (depth > maxDepth) throw tooDeep(start);
  const object = new Found('object', start, start);
  const length = bytes.length;
  let at = skipSpace(bytes, start + 1);
  if (at < bytes.length && bytes[at] === 0x7d) {
    object.end = at + 1;
    return object;
  }
  let last: Found | undefined;
  let seenNames = 0;
  let top = base;
  let seenKeys: Set<string> | undefined;
  for (;;) {
    if (at >= bytes.length || bytes[at] !== 0x22) throw malformed(at);
    const keyStart = at;
    const keyEnd = skipString(bytes, words, keyStart);
    const known = findName(bytes, keyStart, keyEnd, shape.names);
    let inner: CompiledShape | undefined;
    if (known !== undefined) {
      const bit = 1 << known.ordinal;
      if ((seenNames & bit) !== 0) throw repeated(keyStart);
      seenNames |= bit;
      inner = shape.inner[known.ordinal];
    } else {
      if (seenKeys === undefined && top - base < 2 * maxPairwiseKeys) {
        refuseRepeated(bytes, keyStart, keyEnd, base, top);
        unknownKeys[top] = keyStart;
        unknownKeys[top + 1] = keyEnd;
        top += 2;
      } else {
        seenKeys ??= keysSeen(bytes, base, top);
        addOnce(seenKeys, bytes, keyStart, keyEnd);
      }
      inner = shape.each;
    }
    at = skipColon(bytes, keyEnd);
    if (inner === undefined) {
      at = skip(bytes, words, at, depth);
    } else {
      const value = readValue(bytes, words, at, inner, depth, top);
      value.name = known === undefined ? unquote(bytes, keyStart, keyEnd) : known.text;
      value.keyStart = keyStart;
      if (last === undefined) object.first = value;
      else last.next = value;
      last = value;
      at = value.end;
    }
    if (at < length && bytes[at]! <= 0x20) at = skipSpace(bytes, at);
    const byte = at < length ? bytes[at]! : nothing;
    at++;
    if (byte === 0x7d) {
      object.end = at;
      return object;
    }
    if (byte !== 0x2c) throw malformed(at - 1);
    if (at < length && bytes[at]! <= 0x20) at = skipSpace(bytes, at);
  }
}

function refuseRepeated(bytes: Buffer, keyStart: number, keyEnd: number, base: number, top: number): void {
  for (let at = base; at < top; at += 2) {
    if (sameKey(bytes, unknownKeys[at]!, unknownKeys[at + 1]!, keyStart, keyEnd)) throw repeated(keyStart);
  }
}

function sameKey(bytes: Buffer, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (hasEscape(bytes, start, end) || hasEscape(bytes, otherStart, otherEnd)) {
    return unquote(bytes, start, end) === unquote(bytes, otherStart, otherEnd);
  }
  if (end - start !== otherEnd - otherStart) return false;
  const length = end - start;
  let offset = 0;
  while (offset < length && bytes[start + offset] === bytes[otherStart + offset]) offset++;
  return offset === length;
}

function keysSeen(bytes: Buffer, base: number, top: number): Set<string> {
  const seen = new Set<string>();
  for (let at = base; at < top; at += 2) addOnce(seen, bytes, unknownKeys[at]!, unknownKeys[at + 1]!);
  return seen;
}

function addOnce(seen: Set<string>, bytes: Buffer, keyStart: number, keyEnd: number): void {
  // The opening quote is kept: without it, keys such as "17" are hashed as array indexes, and a peer can predict that hash.
  const raw = bytes.toString('utf8', keyStart, keyEnd - 1);
  const key = raw.includes('\\') ? `"${unquote(bytes, keyStart, keyEnd)}` : raw;
  if (++remembered > maxRemembered) throw new GatewayError('message_invalid', 'too many members');
  const before = seen.size;
  if (seen.add(key).size === before) throw repeated(keyStart);
}

function repeated(at: number): GatewayError {
  return new GatewayError('json_key_repeated', `at byte ${at}`);
}
