/** Text for a terminal. */
import { expect, test } from 'vitest';
import { columns, firstLine } from '../../src/process/columns.ts';

test('columns are as wide as their widest cell, and lines end in no space', () => {
  expect(columns([['a', 'bb', 'c'], ['aaa', 'b', ''], ['x']])).toEqual(['a    bb  c', 'aaa  b', 'x']);
  expect(columns([])).toEqual([]);
});

test('of a text the first line is shown, cut to its length in characters', () => {
  for (const [text, line] of [
    ['one\ntwo', 'one'],
    ['\n\n one\r\ntwo', 'one'],
    ['1234567890', '1234567890'],
    ['12345678901', '123456789…'],
    ['𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞', '𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞'],
    ['a\u0000\u001B[2Jb', 'a [2Jb'],
    ['a\u202Eb', 'a b'],
    ['', ''],
  ] as const) {
    expect([text, firstLine(text, 10)]).toEqual([text, line]);
  }
});
