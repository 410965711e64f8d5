/** The binary encodings: one value has one spelling, and no list of parts has that of another. */
import { describe, expect, test } from 'vitest';
import { fromBase64Url, lengthPrefixed, OctetReader, uint32, varint } from '../../src/session/octets.ts';

test('lengths keep parts apart, and are in bytes', () => {
  expect(lengthPrefixed('ab', 'c')).not.toEqual(lengthPrefixed('a', 'bc'));
  expect(lengthPrefixed('a', '')).not.toEqual(lengthPrefixed('a'));
  expect(lengthPrefixed('é')).toEqual(Buffer.from([0, 0, 0, 2, 0xc3, 0xa9]));
});

describe('a varint', () => {
  test.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 28 - 1])('of %d reads back, and nothing is left', (value) => {
    const reader = new OctetReader(varint(value));
    expect([reader.varint(), reader.left]).toEqual([value, 0]);
  });

  test('has its shortest spelling, and four bytes at most', () => {
    for (const bytes of [[0x80, 0x00], [0x81, 0x80, 0x00], [0xff, 0xff, 0xff, 0xff, 0x01], [0x80]])
      expect(() => new OctetReader(Buffer.from(bytes)).varint()).toThrow(RangeError);
  });
});

test('a reader goes onward, and never beyond the end', () => {
  const reader = new OctetReader(Buffer.concat([Buffer.from([7, 1, 2]), uint32(0xfffffffe), Buffer.from('rest')]));
  expect([reader.u8(), reader.u16(), reader.u32(), reader.left]).toEqual([7, 0x0102, 0xfffffffe, 4]);
  expect(() => reader.take(5)).toThrow(RangeError);
  // What could not be taken is still there.
  expect([reader.rest().toString(), reader.left]).toEqual(['rest', 0]);
  expect(() => reader.u8()).toThrow(RangeError);
});

test('base64url has one spelling: no padding, no other alphabet, no stray bits', () => {
  expect(fromBase64Url('-_8')).toEqual(Buffer.from([0xfb, 0xff]));
  expect(fromBase64Url('')).toEqual(Buffer.alloc(0));
  for (const text of ['-_8=', '+/8', '-_9', '-_8 ', ' -_8', '-_\n8', 'A']) expect(fromBase64Url(text)).toBeUndefined();
});
