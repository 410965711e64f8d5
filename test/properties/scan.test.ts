/**
 * The scanner against JSON.parse: the same texts are accepted, and what is captured is what was written. Documents are
 * made together with their text, so that space, escapes and the spelling of numbers vary freely.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { GatewayError } from '../../src/errors.ts';
import { compileShape, numberOf, rawOf, scan, textOf } from '../../src/protocol/scan.ts';
import type { Found, Shape } from '../../src/protocol/scan.ts';
import { removeMembers, setMember, splice } from '../../src/protocol/splice.ts';

/** A value together with one way to write it. */
interface Doc {
  readonly text: string;
  readonly value: unknown;
  readonly entries?: readonly { readonly key: string; readonly doc: Doc }[];
  readonly elements?: readonly Doc[];
}

const bare = compileShape({});
const runs = { numRuns: 600 };

/** Captures everything to this depth of nesting. */
function everything(depth: number): Shape {
  if (depth === 0) return {};
  const inner = everything(depth - 1);
  return { each: inner, items: inner };
}
const whole = compileShape(everything(7));

const space = fc.array(fc.constantFrom(' ', '\n', '\r', '\t'), { maxLength: 2 }).map((parts) => parts.join(''));

const character = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constantFrom('"', '\\', '/', '\b', '\f', '\n', '\r', '\t', '\0', '\u001f', '\u007f', '\u2028'),
  },
  { weight: 4, arbitrary: fc.constantFrom('a', 'id', 'name', ' ', 'é', '€', '😀', '{', ']', ',', ':', '0') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
);
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function written(text: string, how: 'plain' | 'short' | 'hex' | 'HEX'): string {
  if (how === 'short') return shortEscapes[text] ?? written(text, 'plain');
  if (how === 'plain') return JSON.stringify(text).slice(1, -1);
  return Array.from({ length: text.length }, (_, index) => {
    const hex = text.charCodeAt(index).toString(16).padStart(4, '0');
    return `\\u${how === 'hex' ? hex : hex.toUpperCase()}`;
  }).join('');
}

const spelled = fc.tuple(
  character,
  fc.constantFrom('plain' as const, 'plain' as const, 'short' as const, 'hex' as const, 'HEX' as const),
);
const textDoc: fc.Arbitrary<Doc & { readonly value: string }> = fc
  .oneof(
    { weight: 9, arbitrary: fc.array(spelled, { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(spelled, { minLength: 20, maxLength: 90 }) },
  )
  .map((parts) => ({
    text: `"${parts.map(([text, how]) => written(text, how)).join('')}"`,
    value: parts.map(([text]) => text).join(''),
  }));

const numberDoc: fc.Arbitrary<Doc> = fc
  .oneof(
    fc.integer().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
    fc.constantFrom(
      '12345678901234567890',
      '1.0',
      '-0',
      '0.10',
      '1E+2',
      '-0.0e-0',
      '1e400',
      '2e-07',
      '100000000000000000000000',
    ),
  )
  .map((text) => ({ text, value: JSON.parse(text) as unknown }));

const wordDoc: fc.Arbitrary<Doc> = fc.constantFrom(true, false, null).map((value) => ({ text: String(value), value }));

const { doc } = fc.letrec<{ doc: Doc; array: Doc; object: Doc }>((tie) => ({
  doc: fc.oneof({ maxDepth: 4, withCrossShrink: true }, textDoc, numberDoc, wordDoc, tie('array'), tie('object')),
  array: fc.array(fc.tuple(space, tie('doc'), space), { maxLength: 5 }).map((parts) => ({
    text: `[${parts.map(([before, each, after]) => before + each.text + after).join()}]`,
    value: parts.map(([, each]) => each.value),
    elements: parts.map(([, each]) => each),
  })),
  object: fc
    .uniqueArray(fc.tuple(space, textDoc, space, tie('doc'), space), {
      maxLength: 12,
      selector: ([, key]) => key.value,
    })
    .map((parts) => ({
      text: `{${parts.map(([a, key, b, each, c]) => `${a}${key.text}${b}:${c}${each.text}${a}`).join()}}`,
      value: Object.fromEntries(parts.map(([, key, , each]) => [key.value, each.value])),
      entries: parts.map(([, key, , each]) => ({ key: key.value, doc: each })),
    })),
}));
const spacedDoc = fc
  .tuple(space, doc, space)
  .map(([before, each, after]) => ({ ...each, text: before + each.text + after }));

function accepts(text: string, shape = bare): boolean {
  try {
    scan(Buffer.from(text), shape);
    return true;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'json_malformed') return false;
    throw error;
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What was captured is what was written, all the way down. */
function expectSame(bytes: Buffer, found: Found, written: Doc): void {
  expect(rawOf(bytes, found)).toBe(written.text.trim());
  if (written.entries !== undefined) {
    expect(found.members.map((member) => member.name)).toEqual(written.entries.map((entry) => entry.key));
    for (const { key, doc: inner } of written.entries) {
      const value = found.member(key);
      expect(value).toBeDefined();
      if (value !== undefined) expectSame(bytes, value, inner);
    }
    for (const { name, keyStart, value } of found.members) {
      const keyed = JSON.parse(`{${bytes.toString('utf8', keyStart, value.end)}}`) as object;
      expect(Object.keys(keyed)).toEqual([name]);
    }
  } else if (written.elements !== undefined) {
    expect(found.items).toHaveLength(written.elements.length);
    for (const [index, inner] of written.elements.entries()) {
      const item = found.items[index];
      if (item !== undefined) expectSame(bytes, item, inner);
    }
  } else if (typeof written.value === 'string') expect(textOf(bytes, found)).toBe(written.value);
  else if (typeof written.value === 'number') expect(numberOf(bytes, found)).toBe(written.value);
  else expect(found.kind).toBe(String(written.value));
}

describe('the scanner and JSON.parse', () => {
  test('every document is accepted, and each value captured as it was written', () => {
    fc.assert(
      fc.property(spacedDoc, (written) => {
        const bytes = Buffer.from(written.text);
        expect(accepts(written.text)).toBe(true);
        expectSame(bytes, scan(bytes, whole), written);
      }),
      runs,
    );
  });

  const bite = fc.record({
    at: fc.nat(),
    cut: fc.nat({ max: 2 }),
    put: fc.oneof(
      fc.constantFrom(
        '',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '\\',
        '\\u',
        '0',
        '-',
        '.',
        'e',
        'E5',
        'true',
        'nul',
        ' ',
        '\n',
      ),
      fc.constantFrom(
        '\u0000',
        '\u001f',
        '\u00a0',
        '\u2028',
        '\ufeff',
        'x',
        '/',
        "'",
        '+',
        '\\u00g0',
        '\\ud800',
        '1.',
        '01',
      ),
    ),
  });

  test('a document with a few bytes changed is accepted or refused alike', () => {
    fc.assert(
      fc.property(spacedDoc, fc.array(bite, { minLength: 1, maxLength: 3 }), ({ text }, bites) => {
        let changed = text;
        for (const { at, cut, put } of bites) {
          const place = at % (changed.length + 1);
          changed = changed.slice(0, place) + put + changed.slice(place + cut);
        }
        const sent = Buffer.from(changed).toString();
        expect(accepts(sent)).toBe(parses(sent));
      }),
      { numRuns: 4000 },
    );
  });

  test('a document cut short is accepted or refused alike', () => {
    fc.assert(
      fc.property(spacedDoc, fc.nat(), ({ text }, at) => {
        const cut = Buffer.from(text.slice(0, at % (text.length + 1))).toString();
        expect(accepts(cut)).toBe(parses(cut));
      }),
      runs,
    );
  });

  test('any text of the letters of JSON is accepted or refused alike', () => {
    const letters = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'u',
      'e',
      '0',
      '-',
      '.',
      '1',
      ' ',
      't',
      'true',
      'null',
      'false',
      '"a"',
      '"":',
      '\n',
      '\\u0061',
    );
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 14 }), (parts) => {
        const text = parts.join('');
        expect(accepts(text)).toBe(parses(text));
      }),
      { numRuns: 4000 },
    );
  });

  test('bytes that are no UTF-8 are refused wherever they stand', () => {
    const wrong = fc.constantFrom([0x80], [0xc3, 0x28], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xff], [0xed, 0xa0, 0x80]);
    fc.assert(
      fc.property(textDoc, textDoc, wrong, (before, after, bytes) => {
        const text = Buffer.concat([
          Buffer.from(before.text.slice(0, -1)),
          Buffer.from(bytes),
          Buffer.from(after.text.slice(1)),
        ]);
        expect(() => scan(text, bare)).toThrow(GatewayError);
      }),
      runs,
    );
  });
});

describe('repeated keys', () => {
  const each = compileShape({ members: { id: {}, name: {} }, each: {} });

  test('a key repeated in any spelling is refused, and keys that differ are not', () => {
    fc.assert(
      fc.property(fc.array(textDoc, { maxLength: 14 }), (keys) => {
        const bytes = Buffer.from(`{${keys.map((key) => `${key.text}:0`).join()}}`);
        const repeats = new Set(keys.map((key) => key.value)).size < keys.length;
        if (repeats) expect(() => scan(bytes, each)).toThrow('json_key_repeated');
        else expect(scan(bytes, each).members).toHaveLength(keys.length);
      }),
      runs,
    );
  });
});

describe('splices', () => {
  const open = compileShape({ each: {} });
  const object = fc
    .uniqueArray(fc.tuple(space, textDoc, space, doc, space), { maxLength: 6, selector: ([, key]) => key.value })
    .map((parts) => ({
      text: `{${parts.map(([a, key, b, each, c]) => `${a}${key.text}${b}:${c}${each.text}${b}`).join()}}`,
      keys: parts.map(([, key]) => key.value),
    }));

  test('whichever members are removed, the others stay as they were', () => {
    fc.assert(
      fc.property(object, fc.array(fc.nat({ max: 5 })), ({ text, keys }, chosen) => {
        const bytes = Buffer.from(text);
        const removed = new Set(chosen.map((index) => keys[index]).filter((key) => key !== undefined));
        const found = scan(bytes, open);
        const left = splice(bytes, removeMembers(bytes, found, [...removed]));
        const kept = found.members.filter((member) => !removed.has(member.name));
        expect(scan(left, open).members.map(({ name, value }) => [name, rawOf(left, value)])).toEqual(
          kept.map(({ name, value }) => [name, rawOf(bytes, value)]),
        );
      }),
      runs,
    );
  });

  test('whichever member is set, the others stay as they were', () => {
    fc.assert(
      fc.property(
        object,
        fc.oneof(
          textDoc.map((key) => key.value),
          fc.nat({ max: 5 }),
        ),
        ({ text, keys }, which) => {
          const bytes = Buffer.from(text);
          const name = typeof which === 'string' ? which : (keys[which] ?? 'id');
          const edited = splice(bytes, [setMember(bytes, scan(bytes, open), name, '[1.0]')]);
          const expected = scan(bytes, open).members.map((each) => [each.name, rawOf(bytes, each.value)]);
          const present = expected.find(([key]) => key === name);
          if (present === undefined) expected.unshift([name, '[1.0]']);
          else present[1] = '[1.0]';
          expect(scan(edited, open).members.map((each) => [each.name, rawOf(edited, each.value)])).toEqual(expected);
        },
      ),
      runs,
    );
  });
});
