import { expect, test } from 'vitest';
import { maxParsedPartBytes } from '../../src/protocol/limits.ts';
import { compileShape, scan } from '../../src/protocol/scan.ts';
import { smallJson } from '../../src/protocol/small-json.ts';

function read(text: string): unknown {
  const bytes = Buffer.from(`{"part":${text}}`);
  return smallJson(bytes, scan(bytes, compileShape({ members: { part: {} } })).member('part'));
}

test('a part is parsed up to its limit, and is nothing beyond it', () => {
  const longest = 'x'.repeat(maxParsedPartBytes - 2);
  expect(read(`"${longest}"`)).toBe(longest);
  expect(read(`"${longest}x"`)).toBeUndefined();
  expect(read('["2026-07-28"]')).toEqual(['2026-07-28']);
  expect(smallJson(Buffer.alloc(0), undefined)).toBeUndefined();
});
