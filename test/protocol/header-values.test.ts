/** Values of Mcp-Name and Mcp-Param-* (2026-07-28 basic/transports/streamable-http §Value Encoding). */
import { describe, expect, test } from 'vitest';
import { decodeHeaderValue, encodeHeaderValue, mirroredText } from '../../src/protocol/header-values.ts';

describe('a text as a header value', () => {
  for (const text of [
    'us-west1',
    'us west 1',
    'a\tb',
    '!~',
    '=?base64?SGVsbG8=',
    'SGVsbG8=?=',
    '=?BASE64?SGVsbG8=?=',
  ]) {
    test(`${JSON.stringify(text)} is sent as it is`, () => {
      expect(encodeHeaderValue(text)).toBe(text);
      expect(decodeHeaderValue(text)).toBe(text);
    });
  }

  for (const [why, text, value] of [
    ['it is not ASCII', 'Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    ['it begins with a space', ' padded', '=?base64?IHBhZGRlZA==?='],
    ['it ends with a space', 'padded ', '=?base64?cGFkZGVkIA==?='],
    ['it begins with a tab', '\tindented', '=?base64?CWluZGVudGVk?='],
    ['it ends with a tab', 'x\t', '=?base64?eAk=?='],
    ['it holds a line feed', 'line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['it holds a carriage return', 'a\rb', '=?base64?YQ1i?='],
    ['it holds a NUL', 'a\0b', '=?base64?YQBi?='],
    ['it holds a DEL', 'a\x7fb', '=?base64?YX9i?='],
    ['it is empty', '', '=?base64??='],
    ['it could be taken for an encoded one', '=?base64?SGVsbG8=?=', '=?base64?PT9iYXNlNjQ/U0dWc2JHOD0/PQ==?='],
    ['its markers overlap', '=?base64?=', '=?base64?PT9iYXNlNjQ/PQ==?='],
    ['it begins with a byte order mark', '\ufeffx', '=?base64?77u/eA==?='],
  ] as const) {
    test(`${JSON.stringify(text)} is encoded, for ${why}`, () => {
      expect(encodeHeaderValue(text)).toBe(value);
      expect(decodeHeaderValue(value)).toBe(text);
    });
  }

  for (const [why, value] of [
    ['padding is missing', '=?base64?SGVsbG8?='],
    ['there is too much padding', '=?base64?SGVsbG8==?='],
    ['bits are left over', '=?base64?SGVsbG9=?='],
    ['characters are of no alphabet', '=?base64?SGVs!!!bG8=?='],
    ['characters are of the alphabet for URLs', '=?base64?77-_?='],
    ['there is a space inside', '=?base64?SGVs bG8=?='],
    ['the bytes are not UTF-8', '=?base64?/w==?='],
    ['the bytes are UTF-8 cut short', '=?base64?4pg=?='],
    ['it holds a byte beyond ASCII', 'caf\xe9'],
    ['it holds a control character', 'a\x01b'],
    ['it holds a DEL', 'a\x7f'],
  ] as const) {
    test(`${JSON.stringify(value)} is malformed: ${why}`, () => {
      expect(decodeHeaderValue(value)).toBeUndefined();
    });
  }

  test('the markers are lower case and stand at both ends, or the value is a text like any other', () => {
    for (const value of ['=?Base64?SGVsbG8=?=', '=?base64?SGVsbG8=', 'x=?base64?SGVsbG8=?=', '=?base64?=']) {
      expect(decodeHeaderValue(value)).toBe(value);
    }
  });
});

describe('an argument as the text of its header', () => {
  for (const [value, text] of [
    ['us-west1', 'us-west1'],
    ['', ''],
    [42, '42'],
    [-7, '-7'],
    [42.0, '42'],
    [-0, '0'],
    [3.25, '3.25'],
    [9_007_199_254_740_991, '9007199254740991'],
    [true, 'true'],
    [false, 'false'],
  ] as const) {
    test(`${JSON.stringify(value)} is "${text}"`, () => {
      expect(mirroredText(value)).toBe(text);
    });
  }

  test('null, an object, an array and an integer beyond 2^53−1 have none', () => {
    for (const value of [
      undefined,
      null,
      {},
      [],
      ['a'],
      9_007_199_254_740_992,
      -9_007_199_254_740_992,
      1e21,
      Infinity,
    ]) {
      expect(mirroredText(value)).toBeUndefined();
    }
  });
});
