/** JSON as editors keep it: RFC 8259 with comments and trailing commas. */
import { describe, expect, test } from 'vitest';
import { JsonSyntaxError, parseJsonc } from '../../../src/config/mcp-servers/jsonc.ts';

function faultOf(text: string): JsonSyntaxError {
  try {
    parseJsonc(text);
  } catch (fault) {
    if (fault instanceof JsonSyntaxError) return fault;
    throw fault;
  }
  throw new Error('no fault');
}

describe('JSON with comments', () => {
  test('line and block comments, trailing commas and a byte order mark are passed over', () => {
    const text = '\uFEFF// first\n{ /* a */ "a" /**/ : [1, 2, /* last */ ], // b\r\n "b": "// no comment",\n}\n// end';
    expect(parseJsonc(text).value).toEqual(
      new Map<string, unknown>([
        ['a', [1, 2]],
        ['b', '// no comment'],
      ]),
    );
  });

  test('every kind of value is read as JSON.parse reads it (RFC 8259 §3)', () => {
    for (const text of ['true', 'false', 'null', '0', '-0.5e+3', '"\\u00e9\\n\\"\\\\ 𝄞"', '[]', '[[1],"a"]', ' 7 ']) {
      expect(parseJsonc(text).value).toEqual(JSON.parse(text));
    }
  });

  test('members keep their order and odd names are members like any other', () => {
    const { value } = parseJsonc('{"10":1,"2":2,"__proto__":3,"constructor":4,"":5}');
    expect([...(value as ReadonlyMap<string, unknown>).keys()]).toEqual(['10', '2', '__proto__', 'constructor', '']);
  });

  test('a repeated member is told with its path and the first one counts', () => {
    const { value, repeated } = parseJsonc('{"a":[{"b":1,"b":{"c":2,"c":3}}],"a":0}');
    expect(repeated).toEqual([['a', 0, 'b'], ['a', 0, 'b', 'c'], ['a']]);
    expect(value).toEqual(new Map([['a', [new Map([['b', 1]])]]]));
  });

  test('a fault is told with its line and column, counted from 1', () => {
    for (const [text, line, column, problem] of [
      ['', 1, 1, 'the text is empty'],
      [' // only\n', 2, 1, 'the text is empty'],
      ['{"a":1\n "b":2}', 2, 2, '"," or "}" is expected'],
      ['{"a" 1}', 1, 6, '":" is expected after a member name'],
      ["{'a':1}", 1, 2, 'a member name in double quotes is expected'],
      ['{"a":tru}', 1, 6, 'a value is expected'],
      ['{"a":,}', 1, 6, 'a value is expected'],
      ['[1,,2]', 1, 4, 'a comma with nothing before it'],
      ['[,]', 1, 2, 'a value is expected'],
      ['[01]', 1, 2, 'a number that is not written as JSON has it'],
      ['[1.]', 1, 2, 'a number that is not written as JSON has it'],
      ['["a\nb"]', 1, 4, 'a line break or control character inside a string'],
      ['["a\\x"]', 1, 2, 'a string with an escape that JSON does not have'],
      ['["a', 1, 2, 'a string that does not end'],
      ['{"a":', 1, 6, 'the text ends where a value is expected'],
      ['[1', 1, 3, 'the text ends before "]"'],
      ['{} x', 1, 4, 'text after the end of the value'],
      ['{} /* x', 1, 4, 'a comment that does not end'],
    ] as const) {
      const fault = faultOf(text);
      expect([text, fault.line, fault.column, fault.message]).toEqual([text, line, column, problem]);
    }
  });

  test('nesting is read 64 levels deep and no deeper', () => {
    expect(() => parseJsonc('['.repeat(64) + ']'.repeat(64))).not.toThrow();
    expect(faultOf('['.repeat(65) + ']'.repeat(65)).message).toBe('nested deeper than 64 levels');
    expect(faultOf('{"a":'.repeat(1_000_000)).message).toBe('nested deeper than 64 levels');
  });
});
