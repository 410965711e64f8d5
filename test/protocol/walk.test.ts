/**
 * A large text is checked as it comes, and scanned as if it had not been: whatever its pieces, the scan gives what it gives without,
 * and no longer looks into what has been checked.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withoutMark } from '../../src/protocol/byte-order-mark.ts';
import { CheckedEnds, checkedIn, minCheckedBytes } from '../../src/protocol/checked.ts';
import { readServerMessage } from '../../src/protocol/envelope.ts';
import { Gathered } from '../../src/protocol/gathered.ts';
import { elements } from '../../src/protocol/list-result.ts';
import { compileShape, scan, type Found } from '../../src/protocol/scan.ts';
import { removeMembers, setMember, splice } from '../../src/protocol/splice.ts';
import { Walk } from '../../src/protocol/walk.ts';

const shape = compileShape({ members: { a: {}, b: { items: { members: { c: {} } } }, d: { each: {} } } });
const filler = 'x'.repeat(minCheckedBytes);

/** What has come in pieces that end at these places. */
function gathered(text: Buffer, cuts: readonly number[]): Buffer {
  const pieces = new Gathered();
  let from = 0;
  for (const to of [...new Set(cuts.map((cut) => cut % text.length))].toSorted((a, b) => a - b)) {
    if (to > from) pieces.append(text.subarray(from, to));
    from = Math.max(from, to);
  }
  pieces.append(text.subarray(from));
  return pieces.take();
}

const everyByte = (text: Buffer): number[] => Array.from(text.keys()).slice(-200);

function outcome(read: () => Found): unknown {
  const told = (found: Found): unknown => [
    found.kind,
    found.name,
    found.start,
    found.end,
    [...found.members.map(({ value }) => told(value)), ...found.items.map(told)],
  ];
  try {
    return told(read());
  } catch (fault) {
    return String(fault).replace(/ at byte .*/, '');
  }
}

const json = fc.json({ maxDepth: 5 });
const places = fc.array(fc.nat(2 * minCheckedBytes), { minLength: 1, maxLength: 30 });

test('whatever the pieces, the scan of what was checked is that of the text alone', () => {
  fc.assert(
    fc.property(json, json, json, places, (one, two, three, cuts) => {
      const text = Buffer.from(
        `{"a":${one},"x":"${filler}","b":[{"c":${two}},${three}],"d":{"k":${one}},"y":[${one},-12.5e-3,true]}`,
      );
      expect(outcome(() => scan(gathered(text, cuts), shape))).toEqual(outcome(() => scan(text, shape)));
    }),
    { numRuns: 60 },
  );
});

test('what is no JSON is refused wherever it is cut, as without', () => {
  const wrong = fc.constantFrom(
    '{',
    '[1,]',
    '{"a" 1}',
    '{"a":1,}',
    '01',
    '1.',
    '-',
    '1e',
    'tru',
    'nul',
    '"\\x"',
    '"\\u12"',
    '"\n"',
    '[1 2]',
    '}',
    ']',
    '',
  );
  fc.assert(
    fc.property(wrong, json, places, (fault, good, cuts) => {
      for (const text of [
        `{"x":"${filler}","y":[${good},${fault}]}`,
        `{"x":"${filler}","y":${good}}${fault}]`,
        `{"x":"${filler}${fault}`,
      ]) {
        const bytes = Buffer.from(text);
        expect(outcome(() => scan(gathered(bytes, [...cuts, ...everyByte(bytes)]), shape))).toEqual(
          outcome(() => scan(bytes, shape)),
        );
      }
    }),
    { numRuns: 20 },
  );
});

describe('what has been checked', () => {
  const large = Buffer.from(
    `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"${filler}"}],"structuredContent":{"rows":[${'{"n":1},'.repeat(20_000)}0]}}}`,
  );

  test('is not looked at again', () => {
    const bytes = gathered(large, [1_000, 70_000, 140_000]);
    const at = bytes.indexOf('{"n":1}');
    bytes.write('{!!!!!}', at);
    expect(() => readServerMessage(bytes)).not.toThrow();
    expect(() => readServerMessage(Buffer.from(bytes))).toThrow('json_malformed');
  });

  test('stays so under another id, with members more or less, and after a byte order mark', () => {
    const message = readServerMessage(gathered(large, [1_000]));
    const result = message.root.member('result')!;
    const changed = splice(message.bytes, [
      setMember(message.bytes, message.root, 'id', '"another one"'),
      ...removeMembers(message.bytes, result, ['content']),
    ]);
    const marked = withoutMark(gathered(Buffer.concat([Buffer.from('\u{feff}'), large]), [1_000]));
    for (const bytes of [changed, marked]) {
      bytes.write('{!!!!!}', bytes.indexOf('{"n":1}'));
      expect(() => readServerMessage(bytes)).not.toThrow();
    }
  });

  test('is no longer so where something in it was changed', () => {
    const bytes = gathered(large, [1_000]);
    const at = bytes.indexOf('{"n":1}');
    const changed = splice(bytes, [{ start: at, end: at + 7, text: '{!}' }]);
    expect(() => readServerMessage(changed)).toThrow('json_malformed');
  });

  test('shows where the elements of a long list end', () => {
    const items = Array.from({ length: 1_000 }, (_, n) => `{"name":"tool ${n}","description":"${'d'.repeat(200)}"}`);
    const bytes = gathered(Buffer.from(`[${items.join(' , ')}]`), [5, 100_000]);
    expect(checkedIn(bytes)).toBeDefined();
    expect([...elements(bytes, 0)].map(([start, end]) => bytes.toString('utf8', start, end))).toEqual(items);
  });

  test('is nothing for small texts and for those that came at once', () => {
    expect(checkedIn(gathered(Buffer.from('{"a":[1,2,3]}'), [3]))).toBeUndefined();
    const whole = new Gathered();
    whole.append(large);
    expect(checkedIn(whole.take())).toBeUndefined();
  });
});

test('a number that comes digit by digit is read as one, and costs no more than its digits', () => {
  const text = Buffer.from(`[${'1'.repeat(300_000)}.5e+${'0'.repeat(1_000)}7,"after ${'y'.repeat(200)}"]`);
  const walk = new Walk(0);
  for (let size = 0; size < text.length; size += 100) walk.go(text.subarray(0, size), false);
  walk.go(text, true);
  expect(walk.fault).toBeUndefined();
  expect(new CheckedEnds(walk).endAt(0)).toBe(text.length);
});

test('a text that is too deep is refused, as without', () => {
  const deep = Buffer.from(`{"x":"${filler}","y":${'['.repeat(200)}${']'.repeat(200)}}`);
  expect(() => scan(gathered(deep, [1_000]), shape)).toThrow('json_too_deep');
});
