import { expect, test } from 'vitest';
import { mirroredArguments } from '../../src/aggregate/mirrored-arguments.ts';
import { paramHeaders, type ParamHeader } from '../../src/aggregate/param-headers.ts';
import { compileShape, scan } from '../../src/protocol/scan.ts';

const shape = compileShape({ members: { arguments: {} } });
const read = (args: string, headers: readonly ParamHeader[]): unknown => {
  const bytes = Buffer.from(`{"before":"é","arguments":${args}}`);
  return mirroredArguments(bytes, scan(bytes, shape).member('arguments'), headers);
};
const header = (...path: string[]): ParamHeader => ({ name: `Mcp-Param-${path.join('-')}`, path });

test('only the arguments that headers mirror are read, as JSON.parse would read them', () => {
  const headers = [
    header('a'),
    header('in', 'b'),
    header('in', 'deep', 'c'),
    header('missing', 'd'),
    header('list'),
    header('none'),
  ];
  const text =
    '{"x":{"a":9},"a":"\\u00e9\\n","in":{"b":-1.50e1,"y":[1],"deep":{"c":false}},"list":[1],"none":null,"missing":7}';
  expect(JSON.parse(JSON.stringify(read(text, headers)))).toEqual({
    a: 'é\n',
    in: { b: -15, deep: { c: false } },
    list: [],
    none: null,
    missing: 7,
  });
  expect(paramHeaders(headers, read(text, headers))).toEqual(paramHeaders(headers, JSON.parse(text)));
});

test('more headers than one scan looks for, of one object too, are all read', () => {
  const headers = Array.from({ length: 64 }, (_each, n) => header('in', `p${n}`));
  const value = { in: Object.fromEntries(headers.map(({ path }, n) => [path[1], n])) };
  expect(JSON.parse(JSON.stringify(read(JSON.stringify(value), headers)))).toEqual(value);
});

test('names that objects have by themselves are names as others', () => {
  const headers = [header('__proto__'), header('constructor'), header('__proto__', 'x')];
  const text = '{"__proto__":{"x":"y"}}';
  expect(paramHeaders(headers, read(text, headers))).toEqual([['Mcp-Param-__proto__-x', 'y']]);
  expect(({} as { x?: string }).x).toBeUndefined();
});

test('what could be read in two ways is refused; what is no object mirrors nothing', () => {
  expect(() => read('{"a":1,"a":2}', [header('a')])).toThrow(
    expect.objectContaining({ code: 'json_key_repeated' }) as Error,
  );
  expect(paramHeaders([header('a')], read('[1]', [header('a')]))).toEqual([]);
  expect(paramHeaders([header('a')], read('"a"', [header('a')]))).toEqual([]);
});
