/**
 * The binary encodings that all sealed identifiers use: length prefixes, varints, a bounded reader, and base64url in its
 * one canonical spelling (RFC 4648 §5, unpadded).
 */

/** Maximum length of a varint: 4 bytes hold values up to 2^28 - 1. */
const maxVarintBytes = 4;

/** Each part is preceded by its length as 4 big-endian bytes, so that different lists of parts never give the same bytes. */
export function lengthPrefixed(...parts: readonly string[]): Buffer {
  const pieces: Buffer[] = [];
  for (const part of parts) {
    const bytes = Buffer.from(part, 'utf8');
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(bytes.length);
    pieces.push(length, bytes);
  }
  return Buffer.concat(pieces);
}

/** `value` as 4 big-endian bytes. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Unsigned LEB128. `value` is below 2^28. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Reads through `bytes`. Every method throws a RangeError if the bytes end too soon. */
export class OctetReader {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  /** Also throws a RangeError for an encoding that is longer than needed: each value has exactly one encoding. */
  varint(): number {
    let value = 0;
    for (let place = 0; place < maxVarintBytes; place++) {
      const byte = this.u8();
      value |= (byte & 0x7f) << (7 * place);
      if (byte < 0x80) {
        if (byte === 0 && place > 0) break;
        return value;
      }
    }
    throw new RangeError('not a canonical varint');
  }

  /** A view of the next `length` bytes, not a copy. */
  take(length: number): Buffer {
    if (length > this.left) throw new RangeError('the bytes end too soon');
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Buffer {
    return this.take(this.left);
  }
}

/**
 * The bytes of `text`; undefined unless `text` is their canonical encoding. Node skips characters outside the alphabet and
 * ignores extra low bits; encoding the bytes again and comparing finds all of these at native speed.
 */
export function fromBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
