import { expect, test } from 'vitest';
import { nearest } from '../../src/config/nearest.ts';

test('the nearest known word is found when it is at most two letters away', () => {
  const known = ['headers', 'command', 'args', 'timeout', 'url'];
  for (const [word, found] of [
    ['header', 'headers'],
    ['Headers', 'headers'],
    ['haeders', 'headers'],
    ['cmmand', 'command'],
    ['timeuot', 'timeout'],
    ['arg', 'args'],
    ['rul', 'url'],
    ['colour', undefined],
    ['x', undefined],
    ['', undefined],
    ['comandooo', undefined],
  ] as const) {
    expect([word, nearest(word, known)]).toEqual([word, found]);
  }
});

test('a word of more than 64 characters is not compared', () => {
  expect(nearest('a'.repeat(64), ['a'.repeat(63)])).toBe('a'.repeat(63));
  expect(nearest('a'.repeat(65), ['a'.repeat(64)])).toBeUndefined();
});
