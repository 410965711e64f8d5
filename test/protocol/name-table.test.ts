/** Names that are found in the bytes of a message, however they are spelled. */
import { expect, test } from 'vitest';
import { compileNames, findName } from '../../src/protocol/name-table.ts';

const table = compileNames(['id', 'method', 'params', 'größe']);
function found(spelled: string): string | undefined {
  const bytes = Buffer.from(`[${spelled}]`);
  return findName(bytes, 1, bytes.length - 1, table)?.text;
}

test.each([
  ['"id"', 'id'],
  ['"params"', 'params'],
  ['"größe"', 'größe'],
  ['"\\u0069d"', 'id'],
  ['"gr\\u00f6\\u00dfe"', 'größe'],
])('%s is %s', (spelled, name) => {
  expect(found(spelled)).toBe(name);
});

test.each(['""', '"i"', '"ids"', '"Id"', '"methoD"', '"\\u0049d"', `"${'x'.repeat(100)}"`])('%s is none', (spelled) => {
  expect(found(spelled)).toBeUndefined();
});

test('each has its place in the list', () => {
  expect(table.byText.get('params')?.ordinal).toBe(2);
});
