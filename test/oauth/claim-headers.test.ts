import { expect, test } from 'vitest';
import { claimHeaders, imitates, maxClaimHeaderChars } from '../../src/oauth/claim-headers.ts';

const wanted = [
  { claim: 'sub', header: 'X-User' },
  { claim: 'org.team', header: 'x-team' },
];

test('claims become headers', () => {
  expect(claimHeaders(wanted, { sub: 'alice', org: { team: 'red' } })).toEqual(['x-user', 'alice', 'x-team', 'red']);
  expect(claimHeaders(wanted, { sub: 7, org: { team: true } })).toEqual(['x-user', '7', 'x-team', 'true']);
  expect(claimHeaders(wanted, { org: { team: ['a', 'b'] } })).toEqual([
    'x-team',
    Buffer.from('["a","b"]').toString('base64'),
  ]);
});

test('what cannot be a header is left out', () => {
  for (const sub of ['', ' a', 'a\r\nX-Admin: 1', 'é', null, undefined, 'x'.repeat(maxClaimHeaderChars + 1)]) {
    expect(claimHeaders(wanted, { sub })).toEqual([]);
  }
  expect(claimHeaders(wanted, { sub: 'x'.repeat(maxClaimHeaderChars) })).toHaveLength(2);
});

test('a header of the client that could pass for one of them is recognised', () => {
  for (const name of ['x-user', 'X-USER', 'X_User', 'x_user']) expect(imitates(wanted, name)).toBe(true);
  for (const name of ['x-users', 'xuser', 'user']) expect(imitates(wanted, name)).toBe(false);
});
