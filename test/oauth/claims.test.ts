import { expect, test } from 'vitest';
import { claimTest, type ClaimRequirement } from '../../src/oauth/claims.ts';

const claims = {
  tenant: 'acme',
  groups: ['red', 'blue'],
  realm_access: { roles: ['admin'] },
  deep: { a: { b: { c: 'x' } } },
  'https://example.com/roles': ['ops'],
  'a.b': { c: 'dotted' },
  number: 7,
  none: null,
};

const holds = (name: string, values: readonly string[], valueType?: ClaimRequirement['valueType']): boolean =>
  claimTest({ name, values, valueType })(claims);

test('a string is one of the values', () => {
  expect(holds('tenant', ['other', 'acme'])).toBe(true);
  expect(holds('tenant', ['other'])).toBe(false);
  expect(holds('tenant', ['ACME'])).toBe(false);
});

test('a list holds one of the values, and a string counts as a list of one', () => {
  expect(holds('groups', ['blue'], 'StringArray')).toBe(true);
  expect(holds('groups', ['green'], 'StringArray')).toBe(false);
  expect(holds('groups', ['blue'], 'String')).toBe(false);
  expect(holds('tenant', ['acme'], 'StringArray')).toBe(true);
});

test('dots lead into members, and may be part of a name', () => {
  expect(holds('realm_access.roles', ['admin'], 'StringArray')).toBe(true);
  expect(holds('deep.a.b.c', ['x'])).toBe(true);
  expect(holds('deep.a.b', ['x'])).toBe(false);
  expect(holds('https://example.com/roles', ['ops'], 'StringArray')).toBe(true);
  expect(holds('a.b.c', ['dotted'])).toBe(true);
});

test('what is no text, or not there, never matches', () => {
  for (const name of ['number', 'none', 'absent', 'tenant.x', 'groups.0', '', '.', 'constructor.name', '__proto__']) {
    expect(holds(name, ['7', 'null', 'red', 'Object'], 'StringArray')).toBe(false);
  }
});
