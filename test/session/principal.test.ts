/** Whose a session is: the same caller gives the same bytes, and no two callers do. */
import { expect, test } from 'vitest';
import { isSamePrincipal, principalOf, type Principal } from '../../src/session/principal.ts';
import { alice, bob, firstKey, now, ringOf, secondKey } from './ring.ts';

const epoch = (await ringOf(firstKey)).sealing(now);
const others: Principal[] = [
  bob,
  { ...alice, iss: 'https://other.example' },
  { ...alice, bind: 'tenant' },
  'anonymous',
];

test('issuer, subject and what it is bound to count; nothing can be shifted between them', () => {
  const bytes = principalOf(epoch, alice);
  expect([bytes.length, principalOf(epoch, { ...alice })]).toEqual([16, bytes]);
  const shifted = { iss: `${alice.iss}${alice.sub}`, sub: '', bind: '' };
  for (const one of [...others, shifted]) expect(principalOf(epoch, one)).not.toEqual(bytes);
});

test('without the key the bytes tell nothing: another epoch has others', async () => {
  expect(principalOf((await ringOf(secondKey)).sealing(now), alice)).not.toEqual(principalOf(epoch, alice));
  expect(principalOf(epoch, 'anonymous')).toEqual(Buffer.alloc(16));
});

test('two are the same in every part', () => {
  expect([isSamePrincipal(alice, { ...alice }), isSamePrincipal('anonymous', 'anonymous')]).toEqual([true, true]);
  for (const one of others) expect([isSamePrincipal(alice, one), isSamePrincipal(one, alice)]).toEqual([false, false]);
});
