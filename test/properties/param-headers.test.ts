/** Arguments in headers (2026-07-28 basic/transports/streamable-http): what one side sends, the other takes for the same. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { annotations, checkParamHeaders, paramHeaders } from '../../src/aggregate/param-headers.ts';
import { decodeHeaderValue, encodeHeaderValue } from '../../src/protocol/header-values.ts';

const aText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.string().map((text) => `=?base64?${text}?=`),
  fc.string().map((text) => ` ${text}\t`),
);

test('every text travels in a value that HTTP can carry, and arrives as it was', () => {
  fc.assert(
    fc.property(aText, (text) => {
      const value = encodeHeaderValue(text);
      expect(value).toMatch(/^[!-~](?:[\t -~]*[!-~])?$/);
      expect(decodeHeaderValue(value)).toBe(text);
    }),
  );
});

test('no two texts have one value, and no text has two that are encoded', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('A', 'Q', 'g', '/', '+', '=', '_', '!', ' ') }), (encoded) => {
      const value = `=?base64?${encoded}?=`;
      const text = decodeHeaderValue(value);
      if (text === undefined) return;
      expect(`=?base64?${Buffer.from(text).toString('base64')}?=`).toBe(value);
    }),
  );
});

const aValue = fc.oneof(aText, fc.maxSafeInteger(), fc.boolean(), fc.double(), fc.constant(null), fc.object());

test('a call that sends what its arguments mirror agrees with itself, and with none of another argument', () => {
  const aName = fc.string({ unit: fc.constantFrom('a', 'B', '-'), minLength: 1, maxLength: 4 });
  const parameters = fc.uniqueArray(fc.record({ name: aName, key: fc.string(), value: aValue }), {
    selector: ({ name }) => name.toLowerCase(),
    comparator: (one, other) => one === other,
    maxLength: 5,
  });
  fc.assert(
    fc.property(parameters, fc.boolean(), (list, isDeep) => {
      const own = [...new Map(list.map((parameter) => [parameter.key, parameter])).values()];
      const properties = Object.fromEntries(
        own.map(({ name, key }) => [key, { type: 'string', 'x-mcp-header': name }] as const),
      );
      const args = Object.fromEntries(own.map(({ key, value }) => [key, value] as const));
      const read = annotations(isDeep ? { properties: { in: { properties } } } : { properties });
      if (!read.ok) throw new Error(read.reason);
      const given = isDeep ? { in: args } : args;
      const sent = paramHeaders(read.headers, given);
      const got = new Map(sent.map(([name, value]) => [name.toLowerCase(), value]));
      expect(checkParamHeaders(read.headers, given, got)).toBeUndefined();
      for (const [name] of sent) {
        const missing = new Map(got);
        missing.delete(name.toLowerCase());
        expect(checkParamHeaders(read.headers, given, missing)).toBe(`${name} is missing`);
        const wrong = new Map(got).set(name.toLowerCase(), 'not this');
        expect(checkParamHeaders(read.headers, given, wrong)).toBe(`${name} is not its argument`);
      }
    }),
  );
});
