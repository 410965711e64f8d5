import { expect, test } from 'vitest';
import { cutOffs, type CutOffs } from '../../src/oauth/revocation.ts';

const alice = { iss: 'https://as', sub: 'alice', bind: '' };

function cut(
  from: CutOffs,
  issuedAt: number | undefined,
  route = 'r',
  principal: Parameters<ReturnType<typeof cutOffs>>[1] = alice,
): boolean {
  return cutOffs(from)(route, principal, issuedAt);
}

test('without cut-offs everything holds', () => {
  expect(cut({}, undefined)).toBe(false);
  expect(cut({ routes: [], principals: [] }, 0)).toBe(false);
});

test('a moment for everyone', () => {
  expect(cut({ notBefore: 100 }, 99)).toBe(true);
  expect(cut({ notBefore: 100 }, 100)).toBe(false);
  expect(cut({ notBefore: 100 }, undefined)).toBe(true);
  expect(cut({ notBefore: 100 }, 99, 'r', 'anonymous')).toBe(true);
});

test('a moment for one route', () => {
  const from = { routes: [{ route: 'r', notBefore: 100 }] };
  expect(cut(from, 99)).toBe(true);
  expect(cut(from, 99, 'other')).toBe(false);
  expect(cut(from, undefined, 'other')).toBe(false);
});

test('a moment for one principal, of its issuer', () => {
  const from = { principals: [{ iss: 'https://as', sub: 'alice', notBefore: 100 }] };
  expect(cut(from, 99)).toBe(true);
  expect(cut(from, 99, 'r', { ...alice, sub: 'bob' })).toBe(false);
  expect(cut(from, 99, 'r', { ...alice, iss: 'https://other' })).toBe(false);
  expect(cut(from, 99, 'r', 'anonymous')).toBe(false);
  // A change of the bound claim does not bring it back.
  expect(cut(from, 99, 'r', { ...alice, bind: 'x' })).toBe(true);
});

test('of several the latest counts', () => {
  const from = {
    notBefore: 10,
    routes: [{ route: 'r', notBefore: 30 }],
    principals: [
      { iss: 'https://as', sub: 'alice', notBefore: 50 },
      { iss: 'https://as', sub: 'alice', notBefore: 20 },
    ],
  };
  expect(cut(from, 49)).toBe(true);
  expect(cut(from, 50)).toBe(false);
  expect(cut(from, 29, 'r', 'anonymous')).toBe(true);
  expect(cut(from, 9, 'other', 'anonymous')).toBe(true);
  expect(cut(from, 10, 'other', 'anonymous')).toBe(false);
});
