import { expect, test } from 'vitest';
import { askable, scopesOf, withImplied } from '../../src/oauth/scopes.ts';

test('scopes are read from scope and scp, as strings and lists', () => {
  expect(scopesOf({ scope: 'a  b', scp: ['c', 1, ''] })).toEqual(['a', 'b', 'c']);
  expect(scopesOf({ scope: ['a'], scp: 'b c' })).toEqual(['a', 'b', 'c']);
  expect(scopesOf({ scope: 1 })).toEqual([]);
});

test('a scope brings what it implies, through others and in circles', () => {
  expect(withImplied(['admin'], { admin: ['write'], write: ['read', 'admin'] })).toEqual(
    new Set(['admin', 'write', 'read']),
  );
  expect(withImplied(['constructor', 'x'], {})).toEqual(new Set(['constructor', 'x']));
  expect(withImplied(['x'], undefined)).toEqual(new Set(['x']));
});

test('only what is a scope is asked for, once, and never offline_access', () => {
  expect(askable(['a', 'a', 'b c', 'offline_access', 'd"'])).toEqual(['a']);
});
