/** The scanner: the grammar of RFC 8259, captures, repeated keys and bounds. The comparison with JSON.parse is in properties/. */
import { describe, expect, test } from 'vitest';

import { GatewayError } from '../../src/errors.ts';
import { compileShape, numberOf, rawOf, scan, textOf } from '../../src/protocol/scan.ts';
import type { Shape } from '../../src/protocol/scan.ts';

const bare = compileShape({});

test('a shape that stands in several places of another is compiled once, however deep', () => {
  const doubling = (depth: number): Shape => {
    const inner: Shape = depth === 0 ? {} : doubling(depth - 1);
    return { members: { one: inner, other: inner } };
  };
  const found = scan(Buffer.from('{"other":{"one":{"other":7}}}'), compileShape(doubling(64)));
  expect(found.member('other')?.member('one')?.member('other')?.kind).toBe('number');
});

function codeOf(text: string | Buffer, shape: Shape = {}): string {
  try {
    scan(Buffer.from(text), compileShape(shape));
    return 'accepted';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

function objects(depth: number): string {
  return `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

function ones(count: number): string {
  return `[${Array.from({ length: count }, () => '1').join()}]`;
}

function keys(count: number): string {
  return `{${Array.from({ length: count }, (_, index) => `"${index}":0`).join()}}`;
}

function named(count: number): Shape {
  return { members: Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, {}])) };
}

describe('the grammar (RFC 8259)', () => {
  for (const text of [
    '{}',
    '[]',
    ' { } ',
    '\t[\n]\r\n',
    '""',
    '0',
    '-0',
    '1.5e+10',
    '1E-2',
    '12345678901234567890',
    'true',
    'false',
    'null',
    '[1,"a",{"b":[null,true]},false]',
    String.raw`"\"\\\/\b\f\n\r\t\u00aF\ud83d\ude00\ud800"`,
    '"\u007f\u2028é😀"',
    '{"":0}',
  ]) {
    test(`accepts ${JSON.stringify(text)}`, () => {
      expect(codeOf(text)).toBe('accepted');
    });
  }

  for (const text of [
    '',
    ' ',
    '{',
    '[',
    '"',
    '"a',
    '"a\\',
    '"a\\"',
    '}',
    ']',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1}',
    '{"a":1]',
    '{"a":1,}',
    '{,"a":1}',
    '{"a"}',
    '{"a":}',
    '{"a" 1}',
    '{a:1}',
    "{'a':1}",
    '{1:1}',
    '01',
    '-',
    '-a',
    '+1',
    '1.',
    '.5',
    '1.e2',
    '1e',
    '1e+',
    '0x10',
    '1_0',
    'NaN',
    'Infinity',
    'tru',
    'truE',
    'fals',
    'f',
    'nul',
    'nulll',
    'undefined',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\\u123',
    '"\u0000"',
    '"\n"',
    '"\u001f"',
    '1 2',
    '{} {}',
    '{}x',
    '\u00a0{}',
    '\ufeff{}',
    '\v1',
    '\f1',
    '// a\n1',
    '[1]\u0000',
  ]) {
    test(`refuses ${JSON.stringify(text)}, captured or not`, () => {
      expect(codeOf(text)).toBe('json_malformed');
      expect(codeOf(`{"a":[${text}`, { members: { a: { items: {} } } })).toBe('json_malformed');
      expect(codeOf(`{"a":{"b":${text}`, { members: { a: { each: {} } } })).toBe('json_malformed');
    });
  }

  test('refuses bytes that are not UTF-8, wherever they stand', () => {
    for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      const text = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
      expect(codeOf(text)).toBe('json_malformed');
    }
  });

  test('refuses a control character and a bare quote at every place of a long string', () => {
    for (const length of [3, 4, 17, 63, 64, 65, 200, 5000]) {
      for (const at of new Set([0, 1, 2, 3, 4, 15, 16, 31, 32, 63, 64, length >> 1, length - 2, length - 1])) {
        if (at >= length) continue;
        const plain = 'é'.repeat(length >> 2).padEnd(length, 'x');
        for (const wrong of ['\u0000', '\u0001', '\t', '\n', '\u001f', '"']) {
          expect(codeOf(`["${plain.slice(0, at)}${wrong}${plain.slice(at + 1)}"]`)).toBe('json_malformed');
        }
        expect(codeOf(`["${plain.slice(0, at)}\\q${plain.slice(at + 1)}"]`)).toBe('json_malformed');
        for (const right of [' ', '!', '#', '[', ']', '\u007f', '\\n', '\\\\', '\\"', '\\u000a']) {
          expect(codeOf(`["${plain.slice(0, at)}${right}${plain.slice(at + 1)}"]`)).toBe('accepted');
        }
      }
    }
  });
});

describe('depth', () => {
  test('128 arrays or objects inside one another are fine, 129 are not', () => {
    expect(codeOf(nested(128))).toBe('accepted');
    expect(codeOf(nested(129))).toBe('json_too_deep');
    expect(codeOf(objects(128))).toBe('accepted');
    expect(codeOf(objects(129))).toBe('json_too_deep');
  });

  test('what stands around a captured value counts as well', () => {
    const shape = { members: { a: { items: {} } } };
    expect(codeOf(`{"a":[${nested(126)}]}`, shape)).toBe('accepted');
    expect(codeOf(`{"a":[${nested(127)}]}`, shape)).toBe('json_too_deep');
    expect(codeOf(`{"b":${nested(127)}}`, shape)).toBe('accepted');
    expect(codeOf(`{"b":${nested(128)}}`, shape)).toBe('json_too_deep');
  });

  test('4 MiB of opening brackets are refused for their depth, not read', () => {
    expect(codeOf('['.repeat(4 * 1024 * 1024))).toBe('json_too_deep');
    expect(codeOf('{"a":'.repeat(800_000))).toBe('json_too_deep');
  });

  test('many arrays one after another are not deep', () => {
    expect(codeOf(`[${'[[]],'.repeat(1000)}{}]`)).toBe('accepted');
  });
});

describe('captures', () => {
  const shape = compileShape({
    members: { id: {}, params: { members: { name: {} }, each: {} }, list: { items: { members: { uri: {} } } } },
  });
  const bytes = Buffer.from(
    ' {"list" : [ {"uri":"a:b","x":[1]}, 7, {} ] , "other":{"id":9}, "id":12345678901234567890,"params":{"z\\u00e9":[1,{"a":2}],"name":"n"}}',
  );
  const root = scan(bytes, shape);

  test('a named member is found with its exact bytes', () => {
    const id = root.member('id');
    expect(id && rawOf(bytes, id)).toBe('12345678901234567890');
    expect(id && numberOf(bytes, id)).toBe(12345678901234567000);
    expect(id?.kind).toBe('number');
    expect(id && bytes.toString('utf8', id.keyStart, id.end)).toBe('"id":12345678901234567890');
  });

  test('what the shape does not name is not captured', () => {
    expect(root.member('other')).toBeUndefined();
    expect(root.members.map((member) => member.name)).toEqual(['list', 'id', 'params']);
  });

  test('each captures the unnamed members by their decoded names, in document order', () => {
    const params = root.member('params');
    expect(params?.members.map(({ name, value }) => [name, rawOf(bytes, value)])).toEqual([
      ['zé', '[1,{"a":2}]'],
      ['name', '"n"'],
    ]);
    expect(params?.members.map(({ keyStart }) => bytes[keyStart])).toEqual([0x22, 0x22]);
  });

  test('items captures every element, whatever its kind', () => {
    const items = root.member('list')?.items ?? [];
    expect(items.map((item) => item.kind)).toEqual(['object', 'number', 'object']);
    expect(items.map((item) => item.member('uri')).map((uri) => uri && textOf(bytes, uri))).toEqual([
      'a:b',
      undefined,
      undefined,
    ]);
    expect(root.items).toEqual([]);
    expect(root.member('list')?.members).toEqual([]);
  });

  test('every kind is told apart', () => {
    const all = scan(Buffer.from('[{},[],"",-1,true,false,null]'), compileShape({ items: {} }));
    expect(all.items.map((item) => item.kind)).toEqual([
      'object',
      'array',
      'string',
      'number',
      'true',
      'false',
      'null',
    ]);
  });

  test('one shape can open an object as well as an array', () => {
    const both = compileShape({ members: { type: {} }, items: { members: { type: {} } } });
    const one = Buffer.from('{"type":"text"}');
    const several = Buffer.from('[{"type":"text"},{"type":"image"}]');
    expect(scan(one, both).members.map((member) => member.name)).toEqual(['type']);
    expect(scan(several, both).items.map((item) => rawOf(several, item.member('type') ?? item))).toEqual([
      '"text"',
      '"image"',
    ]);
  });

  test('a key is compared decoded', () => {
    const escaped = Buffer.from('{"\\u0069d":1,"p\\u0061rams":{"n\\u0061m\\u0065":"x"}}');
    const found = scan(escaped, shape);
    expect(found.members.map((member) => member.name)).toEqual(['id', 'params']);
    const name = found.member('params')?.member('name');
    expect(name && textOf(escaped, name)).toBe('x');
  });

  test('a key longer or shorter than a name by one byte is another key', () => {
    const found = scan(Buffer.from('{"i":1,"idd":2,"Id":3,"ie":4,"":5}'), shape);
    expect(found.members).toEqual([]);
  });

  test('a name beyond ASCII is matched by its bytes', () => {
    const found = scan(Buffer.from('{"größe":1,"grösse":2}'), compileShape({ members: { größe: {} } }));
    expect(found.members.map((member) => member.name)).toEqual(['größe']);
  });

  test('names every object has, such as __proto__, are names like others', () => {
    const found = scan(Buffer.from('{"__proto__":1,"constructor":2}'), compileShape({ each: {} }));
    expect(found.members.map((member) => member.name)).toEqual(['__proto__', 'constructor']);
    expect(scan(Buffer.from('{}'), shape).member('constructor')).toBeUndefined();
  });

  test('text is decoded, escapes and all', () => {
    const text = Buffer.from(String.raw`"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀"`);
    expect(textOf(text, scan(text, bare))).toBe('a"\\/\b\f\n\r\té😀é😀');
  });

  test('text of a number and a number of text are mistakes of the caller', () => {
    const one = Buffer.from('1');
    const text = Buffer.from('"1"');
    expect(() => textOf(one, scan(one, bare))).toThrow(TypeError);
    expect(() => numberOf(text, scan(text, bare))).toThrow(TypeError);
  });

  test('bytes that are a part of a larger memory are read by their own offsets', () => {
    const memory = Buffer.from('xxxxxxx{"id":"a long text, longer than a few words of memory"}yyy');
    const part = memory.subarray(7, memory.length - 3);
    const id = scan(part, shape).member('id');
    expect(id && textOf(part, id)).toBe('a long text, longer than a few words of memory');
  });
});

describe('repeated keys', () => {
  const open = { members: { id: {}, inner: { each: {} } } };

  for (const text of [
    '{"id":1,"id":2}',
    '{"id":1,"\\u0069d":2}',
    '{"x":1,"x":1}',
    '{"x":1,"\\u0078":1}',
    '{"\\u0078":1,"x":1}',
    '{"\\u0078":1,"\\u0078":1}',
    '{"":1,"":1}',
    '{"inner":{"a":1,"b":2,"a":3}}',
    '{"é":1,"\\u00e9":2}',
    '{"a/b":1,"a\\/b":2}',
  ]) {
    test(`${text} is refused`, () => {
      expect(codeOf(text, open)).toBe('json_key_repeated');
    });
  }

  for (const text of [
    '{"other":{"x":1,"x":2}}',
    '{"id":{"x":1,"x":2}}',
    '{"id":1,"ID":2,"Id":3}',
    '{"x":{},"inner":{"x":1},"y":[{"x":1},{"x":1}]}',
    '{"inner":{"a":1,"b":1},"a":1,"b":1}',
    '{"a\\u0000":1,"a":2}',
  ]) {
    test(`${text} is accepted`, () => {
      expect(codeOf(text, open)).toBe('accepted');
    });
  }

  test('a repetition is found whichever of many keys repeats which', () => {
    for (const count of [7, 8, 9, 10, 40]) {
      const many = Array.from({ length: count }, (_, index) => `k${index}`);
      for (let first = 0; first < count; first++) {
        const text = `{${[...many, many[first]].map((key) => `"${key}":0`).join()}}`;
        expect(codeOf(text, open)).toBe('json_key_repeated');
      }
      expect(codeOf(`{${many.map((key) => `"${key}":0`).join()}}`, open)).toBe('accepted');
    }
  });

  test('keys of an inner object do not mix with those around it', () => {
    const around = Array.from({ length: 6 }, (_, index) => `"k${index}":0`).join();
    const inner = Array.from({ length: 6 }, (_, index) => `"k${index}":0`).join();
    expect(codeOf(`{${around},"inner":{${inner}},"k6":0}`, open)).toBe('accepted');
    expect(codeOf(`{${around},"inner":{${inner}},"k0":0}`, open)).toBe('json_key_repeated');
    expect(codeOf(`{${around},"inner":{${inner},"k5":0}}`, open)).toBe('json_key_repeated');
  });

  test('16,000 keys are told apart, numeric ones among them', () => {
    expect(codeOf(keys(16_000), open)).toBe('accepted');
    expect(codeOf(keys(16_000).replace('}', ',"15999":0}'), open)).toBe('json_key_repeated');
    expect(codeOf(keys(16_000).replace('}', ',"\\u0030":0}'), open)).toBe('json_key_repeated');
  });
});

describe('bounds', () => {
  test('no more than 65,536 values are captured, and the rest is still only checked where no shape looks', () => {
    expect(codeOf(ones(65_535), { items: {} })).toBe('accepted');
    expect(codeOf(ones(65_536), { items: {} })).toBe('message_invalid');
    expect(codeOf(ones(65_536))).toBe('accepted');
  });

  test('objects the shape opens may have 16,384 keys that it does not name, others any number', () => {
    expect(codeOf(keys(16_384), { members: { a: {} } })).toBe('accepted');
    expect(codeOf(keys(16_385), { members: { a: {} } })).toBe('message_invalid');
    expect(codeOf(keys(16_385))).toBe('accepted');
    const both = { members: { a: { members: { x: {} } }, b: { members: { x: {} } } } };
    expect(codeOf(`{"a":${keys(8_192)},"b":${keys(8_192)}}`, both)).toBe('accepted');
    expect(codeOf(`{"a":${keys(8_192)},"b":${keys(8_193)}}`, both)).toBe('message_invalid');
  });

  test('a shape with more than 31 names in one object is refused when it is compiled', () => {
    expect(() => compileShape(named(31))).not.toThrow();
    expect(() => compileShape(named(32))).toThrow(RangeError);
    const names = Array.from({ length: 31 }, (_, index) => `"n${index}":0`).join();
    expect(codeOf(`{${names}}`, named(31))).toBe('accepted');
    expect(codeOf(`{${names},"n30":0}`, named(31))).toBe('json_key_repeated');
  });
});
