/** One page of a list, item by item: one that cannot be read costs no other. */
import { expect, test } from 'vitest';
import { readListResult } from '../../src/protocol/list-result.ts';

const page = (result: string): Buffer => Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${result}}`);
const texts = (result: string, most?: number): (string | undefined)[] =>
  readListResult(page(result), 'tools', most).items.map(({ bytes, found }) =>
    found === undefined ? undefined : bytes.toString(),
  );

test('items stay the bytes that they are', () => {
  expect(texts('{"tools":[ {"name":"a","x":1.0} ,{"name":"\\u0062"}]}')).toEqual([
    '{"name":"a","x":1.0}',
    '{"name":"\\u0062"}',
  ]);
  expect(texts('{"tools":[]}')).toEqual([]);
  // Servers write it whose lists are pointers.
  expect(texts('{"tools":null}')).toEqual([]);
});

test('what is no object, or names a member twice, is an item that cannot be read', () => {
  expect(texts('{"tools":[1,{"name":"a","name":"b"},{"name":"c"},[]]}')).toEqual([
    undefined,
    undefined,
    '{"name":"c"}',
    undefined,
  ]);
});

test('items beyond the number are counted, not read', () => {
  const { items, left } = readListResult(page('{"tools":[{"name":"a"},{"name":"b"},{"name":"c"}]}'), 'tools', 2);
  expect([items.length, left]).toEqual([2, 1]);
});

const cursor = (text: string): unknown[] => {
  const { nextCursor, hasOddCursor } = readListResult(page(`{"tools":[]${text}}`), 'tools');
  return [nextCursor, hasOddCursor];
};

test('a cursor is a text, or there is none; any other is odd', () => {
  expect([cursor(',"nextCursor":"c"'), cursor(',"nextCursor":""'), cursor(''), cursor(',"nextCursor":null')]).toEqual([
    ['c', false],
    ['', false],
    [undefined, false],
    [undefined, false],
  ]);
  expect(cursor(',"nextCursor":2')).toEqual([undefined, true]);
});

test.each(['{}', '{"tools":{}}', '{"prompts":[]}'])('%s is no list of tools', (result) => {
  expect(() => readListResult(page(result), 'tools')).toThrow(expect.objectContaining({ code: 'message_invalid' }));
});
