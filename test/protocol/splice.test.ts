/** Edits on bytes: what no edit names stays as it was. */
import { describe, expect, test } from 'vitest';

import { compileShape, scan } from '../../src/protocol/scan.ts';
import { removeMembers, setMember, setMembers, splice } from '../../src/protocol/splice.ts';

const each = compileShape({ each: { each: {} } });

describe('splice', () => {
  const bytes = Buffer.from('0123456789');

  test('without edits the very same bytes are given back', () => {
    expect(splice(bytes, [])).toBe(bytes);
  });

  test('replaces, inserts and removes, with text and with bytes', () => {
    const edited = splice(bytes, [
      { start: 0, end: 0, text: 'é' },
      { start: 2, end: 4, text: Buffer.from('—') },
      { start: 4, end: 5, text: '' },
      { start: 10, end: 10, text: '!' },
    ]);
    expect(edited.toString()).toBe('é01—56789!');
    expect(bytes.toString()).toBe('0123456789');
  });

  for (const [what, edits] of [
    [
      'out of order',
      [
        { start: 5, end: 6, text: '' },
        { start: 1, end: 2, text: '' },
      ],
    ],
    [
      'overlapping',
      [
        { start: 1, end: 4, text: '' },
        { start: 3, end: 5, text: '' },
      ],
    ],
    ['backwards', [{ start: 4, end: 3, text: '' }]],
    ['before the beginning', [{ start: -1, end: 3, text: '' }]],
    ['past the end', [{ start: 9, end: 11, text: '' }]],
  ] as const) {
    test(`refuses edits that are ${what}`, () => {
      expect(() => splice(bytes, edits)).toThrow(RangeError);
    });
  }
});

describe('setMember', () => {
  for (const [before, after] of [
    ['{"a":1,"id": 7 }', '{"a":1,"id": "x" }'],
    ['{}', '{"id":"x"}'],
    ['{ \n}', '{"id":"x" \n}'],
    ['{ "a":1}', '{"id":"x", "a":1}'],
    ['{"i\\u0064":[1,2]}', '{"i\\u0064":"x"}'],
  ] as const) {
    test(`${JSON.stringify(before)} becomes ${JSON.stringify(after)}`, () => {
      const bytes = Buffer.from(before);
      expect(splice(bytes, [setMember(bytes, scan(bytes, each), 'id', '"x"')]).toString()).toBe(after);
    });
  }

  test('a name is quoted as JSON wants it', () => {
    const bytes = Buffer.from('{}');
    expect(splice(bytes, [setMember(bytes, scan(bytes, each), 'a"\n', '1')]).toString()).toBe('{"a\\"\\n":1}');
  });
});

describe('setMembers', () => {
  for (const [before, after] of [
    ['{}', '{"a":1,"b":2,"c":3}'],
    ['{"z":0}', '{"a":1,"b":2,"c":3,"z":0}'],
    ['{"c":0,"b":0}', '{"a":1,"c":3,"b":2}'],
  ] as const) {
    test(`${before} becomes ${after}`, () => {
      const bytes = Buffer.from(before);
      const edits = setMembers(bytes, scan(bytes, each), [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ]);
      expect(splice(bytes, edits).toString()).toBe(after);
    });
  }

  test('nothing to set is no edit', () => {
    const bytes = Buffer.from('{}');
    expect(setMembers(bytes, scan(bytes, each), [])).toEqual([]);
  });
});

describe('removeMembers', () => {
  for (const [before, after] of [
    ['{"a":1}', '{}'],
    ['{ "a" : 1 }', '{  }'],
    ['{"a":1,"x":2}', '{"x":2}'],
    ['{"x":2,"a":1}', '{"x":2}'],
    ['{"x":2 , "a":1 }', '{"x":2  }'],
    ['{"x":1,"a":{"y":[1,2]},"z":3}', '{"x":1,"z":3}'],
    ['{"a":1,"b":2}', '{}'],
    ['{"a":1, "b":2 , "c":3 }', '{ }'],
    ['{"x":0,"a":1,"b":2}', '{"x":0}'],
    ['{"a":1,"x":0,"b":2}', '{"x":0}'],
    ['{"a":1,"b":2,"x":0,"c":3,"y":"a"}', '{"x":0,"y":"a"}'],
    ['{"x":1}', '{"x":1}'],
    ['{}', '{}'],
  ] as const) {
    test(`a, b and c out of ${before} leave ${after}`, () => {
      const bytes = Buffer.from(before);
      const removed = splice(bytes, removeMembers(bytes, scan(bytes, each), ['a', 'b', 'c']));
      expect(removed.toString()).toBe(after);
      expect(() => JSON.parse(removed.toString()) as unknown).not.toThrow();
    });
  }

  test('uncaptured members between removed ones stay', () => {
    const some = compileShape({ members: { a: {}, b: {} } });
    const bytes = Buffer.from('{"a":1,"x":{"a":1},"b":2}');
    expect(splice(bytes, removeMembers(bytes, scan(bytes, some), ['a', 'b'])).toString()).toBe('{"x":{"a":1}}');
  });
});
