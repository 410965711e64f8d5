/** The reader of JSON with comments against JSON.parse, the reference for RFC 8259. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonSyntaxError, parseJsonc } from '../../src/config/mcp-servers/jsonc.ts';
import type { JsoncValue } from '../../src/config/mcp-servers/jsonc.ts';

function plain(value: JsoncValue): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, member]) => [key, plain(member as JsoncValue)]));
  return Array.isArray(value) ? value.map((item) => plain(item as JsoncValue)) : value;
}

test('whatever JSON.parse reads, is read alike', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, 2), (text, indent) => {
      const written = JSON.stringify(JSON.parse(text), undefined, indent);
      expect(plain(parseJsonc(written).value)).toEqual(JSON.parse(written));
    }),
  );
});

test('whatever is read without comments and trailing commas, JSON.parse reads too', () => {
  const characters = fc.constantFrom(...'{}[]:,"\\ \n0123456789-+.eEtrufalsn'.split(''));
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 12 }), (text) => {
      let value: JsoncValue;
      try {
        value = parseJsonc(text).value;
      } catch (fault) {
        expect(fault).toBeInstanceOf(JsonSyntaxError);
        return;
      }
      const strict = text.replaceAll(/,(?=\s*[}\]])/g, '');
      fc.pre(!text.includes('"') || strict === text);
      expect(plain(value)).toEqual(JSON.parse(strict));
    }),
    { numRuns: 5_000 },
  );
});
