import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { routeHash } from '../../src/session/claims.ts';
import { openCursor, sealCursor } from '../../src/session/cursor.ts';
import { type Keyring, loadKeyring } from '../../src/session/keyring.ts';
import type { Principal } from '../../src/session/principal.ts';
import { principalSession } from '../../src/session/principal-session.ts';
import { openRequestId, sealRequestId } from '../../src/session/request-id.ts';
import type { OpenSession } from '../../src/session/token.ts';
import { alice, bob, firstKey, gateway, resource, ringOf, secondKey } from './ring.ts';

/** 2027-01-15, midnight UTC, and the length of a day. */
const midnight = 1_799_971_200;
const day = 86_400;
const route = routeHash('default', resource);
const position = { upstream: 7, cursor: 'next' };

function sessionOf(keyring: Keyring, principal: Principal, at: number, onRoute = route): OpenSession {
  return principalSession(keyring, principal, onRoute, '2025-11-25', at);
}

test('a cursor given to a client without a session opens on every replica', async () => {
  const here = sessionOf(await ringOf(firstKey), alice, midnight + 5);
  const there = sessionOf(await ringOf(firstKey), alice, midnight + 60);
  const cursor = sealCursor(here, 'tools', position, randomBytes);
  expect(openCursor(there, 'tools', cursor, midnight + 60)).toEqual(position);
  expect(sealRequestId(here, { upstream: 1, raw: '7' })).toBe(sealRequestId(there, { upstream: 1, raw: '7' }));
});

test('it opens for no other principal, route, gateway or resource', async () => {
  const ring = await ringOf(firstKey);
  const cursor = sealCursor(sessionOf(ring, alice, midnight), 'tools', position, randomBytes);
  const other = await loadKeyring([firstKey], { gateway: 'other', resource });
  const elsewhere = await loadKeyring([firstKey], { gateway, resource: 'https://gw.example/other' });
  for (const session of [
    sessionOf(ring, bob, midnight),
    sessionOf(ring, 'anonymous', midnight),
    sessionOf(ring, alice, midnight, routeHash('other', resource)),
    sessionOf(other, alice, midnight),
    sessionOf(elsewhere, alice, midnight),
  ]) {
    expect(openCursor(session, 'tools', cursor, midnight)).toBeUndefined();
  }
});

test('it opens past one midnight and not past two', async () => {
  const ring = await ringOf(firstKey);
  const cursor = sealCursor(sessionOf(ring, alice, midnight + day - 1), 'tools', position, randomBytes);
  expect(openCursor(sessionOf(ring, alice, midnight + day), 'tools', cursor, midnight + day)).toEqual(position);
  expect(openCursor(sessionOf(ring, alice, midnight + 2 * day - 1), 'tools', cursor, midnight + 2 * day - 1)).toEqual(
    position,
  );
  expect(openCursor(sessionOf(ring, alice, midnight + 2 * day), 'tools', cursor, midnight + 2 * day)).toBeUndefined();
});

test('it opens while replicas seal with different keys, both ways', async () => {
  const early = await ringOf(secondKey, firstKey);
  const late = await ringOf(firstKey, secondKey);
  for (const [made, asked] of [
    [early, late],
    [late, early],
  ] as const) {
    const id = sealRequestId(sessionOf(made, 'anonymous', midnight), { upstream: 1, raw: '7' });
    expect(openRequestId(sessionOf(asked, 'anonymous', midnight), id, midnight)).toEqual({ upstream: 1, raw: '7' });
    expect(openRequestId(sessionOf(asked, 'anonymous', midnight + day), id, midnight + day)).toEqual({
      upstream: 1,
      raw: '7',
    });
  }
  const id = sealRequestId(sessionOf(early, 'anonymous', midnight), { upstream: 1, raw: '7' });
  expect(openRequestId(sessionOf(await ringOf(firstKey), 'anonymous', midnight), id, midnight)).toBeUndefined();
});

test('it opens while replicas seal in different formats, both ways', async () => {
  const before = await ringOf(firstKey);
  const after = await ringOf({ ...firstKey, format: 2 });
  for (const [made, asked] of [
    [before, after],
    [after, before],
  ] as const) {
    const cursor = sealCursor(sessionOf(made, 'anonymous', midnight), 'tools', position, randomBytes);
    for (const at of [midnight, midnight + day])
      expect(openCursor(sessionOf(asked, 'anonymous', at), 'tools', cursor, at)).toEqual(position);
  }
});
