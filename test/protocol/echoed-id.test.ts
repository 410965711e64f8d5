/** Which ids of answers stand for the id of a request. */
import { expect, test } from 'vitest';
import { echoes } from '../../src/protocol/echoed-id.ts';

test.each([
  ['1', '1', true],
  ['"1"', '1', true],
  ['1.0', '1', true],
  ['"a"', '"a"', true],
  ['1', '"1"', false],
  ['"2"', '1', false],
  ['1.5', '1', false],
  [undefined, '1', false],
  ['"server-error"', '"a"', false],
  ['9007199254740993', '9007199254740992', false],
  ['"9007199254740993"', '9007199254740993', true],
] as const)('%s for %s: %s', (answered, asked, is) => expect(echoes(answered, asked)).toBe(is));
