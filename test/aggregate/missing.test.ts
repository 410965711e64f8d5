/** Servers that a list is without. */
import { expect, test } from 'vitest';
import { withMissing } from '../../src/aggregate/missing.ts';

test('are named in its _meta, and only where there are any', () => {
  const list = Buffer.from('{"tools":[{"name":"a__b"}],"nextCursor":"c"}');
  expect(withMissing(list, [])).toBe(list);
  expect(withMissing(list, ['git', 'docs']).toString()).toBe(
    '{"tools":[{"name":"a__b"}],"nextCursor":"c","_meta":{"mcp-manifold/missing":["git","docs"]}}',
  );
});
