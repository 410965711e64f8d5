/**
 * The grammar of JSON (RFC 8259) over bytes: each function takes the offset where an element begins and returns the
 * offset after it, or throws `json_malformed` or `json_too_deep`. Hot: a value is walked without recursion, call-backs
 * or allocation.
 */
import { GatewayError } from '../errors.ts';
import { maxDepth } from './limits.ts';

/** The value read past the end of the bytes: NUL, which no JSON text may contain, so every check refuses it. */
export const nothing = 0;

/** For each open array or object of the current walk: whether it is an object. */
const openObjects = new Uint8Array(maxDepth + 1);

/**
 * A view of a long text as words of four bytes, in which strings are skipped; undefined for a short text, where creating the view
 * would cost more than it saves.
 */
export function wordsOf(bytes: Buffer): DataView | undefined {
  return bytes.length < minWordsBytes ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

const minWordsBytes = 512;

export function skipSpace(bytes: Buffer, from: number): number {
  const length = bytes.length;
  let at = from;
  while (at < length) {
    const byte = bytes[at]!;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return at;
    at++;
  }
  return at;
}

/** `from` is the first byte of the value; `depth` counts the arrays and objects around it. */
export function skipValue(bytes: Buffer, words: DataView | undefined, from: number, depth: number): number {
  const length = bytes.length;
  let at = from;
  let open = 0;
  let inObject = false;
  let isKey = false;
  for (;;) {
    const byte = at < length ? bytes[at]! : nothing;
    if (byte === 0x22) {
      at = skipString(bytes, words, at);
      if (isKey) {
        at = at + 1 < length && bytes[at] === 0x3a && bytes[at + 1]! > 0x20 ? at + 1 : skipColon(bytes, at);
        isKey = false;
        continue;
      }
    } else if (isKey) {
      throw malformed(at);
    } else if (byte === 0x7b || byte === 0x5b) {
      if (depth + ++open > maxDepth) throw tooDeep(at);
      at++;
      if (at < length && bytes[at]! <= 0x20) at = skipSpace(bytes, at);
      // The closing byte of either kind is the opening byte plus two.
      if (at >= length || bytes[at] !== byte + 2) {
        inObject = byte === 0x7b;
        isKey = inObject;
        openObjects[open] = inObject ? 1 : 0;
        continue;
      }
      at++;
      open--;
    } else if (byte > 0x30 && byte <= 0x39) {
      do at++;
      while (at < length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39);
      if (at < length && (bytes[at] === 0x2e || (bytes[at]! | 0x20) === 0x65)) at = skipFraction(bytes, at);
    } else if (byte === 0x2d || byte === 0x30) {
      at = skipNumber(bytes, at);
    } else if (byte === 0x74) {
      at = skipWord(bytes, at, 0x72, 0x75, 0x65);
    } else if (byte === 0x6e) {
      at = skipWord(bytes, at, 0x75, 0x6c, 0x6c);
    } else {
      if (byte !== 0x66 || at + 1 >= length || bytes[at + 1] !== 0x61) throw malformed(at);
      at = skipWord(bytes, at + 1, 0x6c, 0x73, 0x65);
    }

    // After a value: closes what ends here, then continues with the next key or value.
    for (;;) {
      if (open === 0) return at;
      if (at < length && bytes[at]! <= 0x20) at = skipSpace(bytes, at);
      const after = at < length ? bytes[at]! : nothing;
      at++;
      if (after === 0x2c) {
        if (at < length && bytes[at]! <= 0x20) at = skipSpace(bytes, at);
        isKey = inObject;
        break;
      }
      if (after !== (inObject ? 0x7d : 0x5d)) throw malformed(at - 1);
      inObject = openObjects[--open] === 1;
    }
  }
}

/** The colon and the space around it; `from` is the end of the key. */
export function skipColon(bytes: Buffer, from: number): number {
  const length = bytes.length;
  let at = from;
  if (at < length && bytes[at]! <= 0x20) at = skipSpace(bytes, at);
  if (at >= length || bytes[at] !== 0x3a) throw malformed(at);
  at++;
  return at < length && bytes[at]! <= 0x20 ? skipSpace(bytes, at) : at;
}

/** Bytes that need no check inside a string: all but quote, backslash and control characters. */
const plain = new Uint8Array(256).fill(1, 0x20);
plain[0x22] = 0;
plain[0x5c] = 0;

/** The characters that may follow a backslash, except `u`. */
const shortEscapes = new Uint8Array(256);
for (const letter of Buffer.from('"\\/bfnrt')) shortEscapes[letter] = 1;

/** Most keys and many values end within this many bytes. */
const nearBytes = 24;

/** `from` is the opening quote. */
export function skipString(bytes: Buffer, words: DataView | undefined, from: number): number {
  const length = bytes.length;
  let at = from + 1;
  const near = at + nearBytes < length ? at + nearBytes : length;
  while (at < near && plain[bytes[at]!] === 1) at++;
  if (at < length && bytes[at] === 0x22) return at + 1;
  return skipRestOfString(bytes, words, at);
}

function skipRestOfString(bytes: Buffer, words: DataView | undefined, from: number): number {
  const length = bytes.length;
  let at = from;
  for (;;) {
    if (words !== undefined) at = skipPlain(words, at);
    while (at < length && plain[bytes[at]!] === 1) at++;
    const byte = at < length ? bytes[at]! : nothing;
    if (byte === 0x22) return at + 1;
    if (byte !== 0x5c) throw malformed(at);
    at++;
    at = at < length && shortEscapes[bytes[at]!] === 1 ? at + 1 : skipUnicodeEscape(bytes, at);
  }
}

/**
 * Goes on inside a string, at most to about `until`, the length of `words`: the offset after its closing quote, or, where it has not
 * ended, the complement of the offset to go on from. No escape is cut where as many bytes as one has follow `until`.
 */
export function skipStringPart(bytes: Buffer, words: DataView, from: number, until: number): number {
  let at = from;
  for (;;) {
    const near = Math.min(at + nearBytes, until);
    while (at < near && plain[bytes[at]!] === 1) at++;
    if (at === near) {
      at = skipPlain(words, at);
      while (at < until && plain[bytes[at]!] === 1) at++;
    }
    if (at >= until) return ~at;
    const byte = bytes[at]!;
    if (byte === 0x22) return at + 1;
    if (byte !== 0x5c) throw malformed(at);
    at++;
    at = at < bytes.length && shortEscapes[bytes[at]!] === 1 ? at + 1 : skipUnicodeEscape(bytes, at);
  }
}

/**
 * Goes past bytes that neither end a string nor need a look, four at a time: to the first quote, backslash or control
 * character, or to within three bytes of the end. The arithmetic sets the top bit of each byte that is less than a bound
 * (quotes are moved below the bound by flipping a bit); a borrow can set it wrongly only above one set rightly, and the
 * lowest is the one taken.
 */
function skipPlain(words: DataView, from: number): number {
  const last = words.byteLength - 4;
  let at = from;
  while (at <= last) {
    const word = words.getInt32(at, true);
    const flipped = word ^ 0x02020202;
    const slashes = word ^ 0x5c5c5c5c;
    const hits = (((flipped - 0x21212121) & ~flipped) | ((slashes - 0x01010101) & ~slashes)) & topBits;
    if (hits !== 0) return at + ((31 - Math.clz32(hits & -hits)) >> 3);
    at += 4;
  }
  return at;
}

/** 0x80808080 as a signed integer, which it stays in 32 bits. */
const topBits = -0x7f7f7f80;

/** `from` is the byte after the backslash. */
function skipUnicodeEscape(bytes: Buffer, from: number): number {
  const end = from + 5;
  if (end > bytes.length || bytes[from] !== 0x75) throw malformed(from);
  for (let at = from + 1; at < end; at++) if (!isHex(bytes[at]!)) throw malformed(at);
  return end;
}

function isHex(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

/** `from` is the position of a minus or a digit. */
function skipNumber(bytes: Buffer, from: number): number {
  const length = bytes.length;
  let at = from;
  if (at < length && bytes[at] === 0x2d) at++;
  if (at < length && bytes[at] === 0x30) at++;
  else at = skipDigits(bytes, at);
  const next = at < length ? bytes[at]! : nothing;
  return next === 0x2e || (next | 0x20) === 0x65 ? skipFraction(bytes, at) : at;
}

/** `from` is the point or the `e`. */
function skipFraction(bytes: Buffer, from: number): number {
  const length = bytes.length;
  let at = bytes[from] === 0x2e ? skipDigits(bytes, from + 1) : from;
  if (at < length && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at++;
    if (at < length && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
    at = skipDigits(bytes, at);
  }
  return at;
}

/** At least one digit. */
function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  if (at === from) throw malformed(at);
  return at;
}

/** The three bytes after `from`. */
function skipWord(bytes: Buffer, from: number, second: number, third: number, fourth: number): number {
  if (from + 3 >= bytes.length) throw malformed(from);
  if (bytes[from + 1] !== second || bytes[from + 2] !== third || bytes[from + 3] !== fourth) throw malformed(from);
  return from + 4;
}

export function malformed(at: number): GatewayError {
  return new GatewayError('json_malformed', `at byte ${at}`);
}

export function tooDeep(at: number): GatewayError {
  return new GatewayError('json_too_deep', `at byte ${at}`);
}
