/** Whom what an upstream gave may be shared with. */
import { expect, test } from 'vitest';
import { mayBePublic, mayPool, sharingOf, tellsOfHealth } from '../../../src/transport/upstream/sharing.ts';

const plain = { forwardHeaders: [] };
const forwarding = { forwardHeaders: ['authorization'] };

test('what was given in a session stays in it; else a principal or a header narrows the circle', () => {
  expect(sharingOf(plain, true, '')).toBe('session');
  expect(sharingOf(forwarding, true, 'alice')).toBe('session');
  expect(sharingOf(plain, false, '')).toBe('everyone');
  expect(sharingOf(plain, false, 'alice')).toBe('principal');
  expect(sharingOf(forwarding, false, '')).toBe('principal');
});

test('what a caller’s own headers brought about is for nobody else, and says nothing of health', () => {
  expect([mayBePublic(plain), mayPool(plain), tellsOfHealth(plain, false)]).toEqual([true, true, true]);
  expect([mayBePublic(forwarding), mayPool(forwarding), tellsOfHealth(forwarding, false)]).toEqual([
    false,
    false,
    false,
  ]);
  expect(tellsOfHealth(forwarding, true)).toBe(true);
});

test('between principals an upstream’s word is not enough, and what is personal is never public', () => {
  expect([mayBePublic(plain, 'alice'), mayBePublic({ ...plain, isPublic: true }, 'alice')]).toEqual([false, true]);
  const personal = { ...plain, isPersonal: true, isPublic: true };
  expect([mayBePublic(personal, 'alice'), mayPool(personal), tellsOfHealth(personal, false)]).toEqual([
    false,
    false,
    false,
  ]);
});
