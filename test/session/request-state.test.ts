import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { routeHash } from '../../src/session/claims.ts';
import { sealCursor } from '../../src/session/cursor.ts';
import type { Keyring } from '../../src/session/keyring.ts';
import type { Principal } from '../../src/session/principal.ts';
import { principalSession } from '../../src/session/principal-session.ts';
import { openRequestState, sealRequestState } from '../../src/session/request-state.ts';
import type { OpenSession } from '../../src/session/token.ts';
import { alice, bob, firstKey, now, resource, ringOf, secondKey } from './ring.ts';

const route = routeHash('default', resource);
const call = {
  upstream: 0xfedcba98,
  digest: Buffer.alloc(16, 7),
  expiresAt: now + 600,
  rest: { kind: 'call', state: 'as given' },
} as const;

let ring: Keyring;
let session: OpenSession;

function sessionOf(keyring: Keyring, principal: Principal): OpenSession {
  return principalSession(keyring, principal, route, '2025-11-25', now);
}

beforeAll(async () => {
  ring = await ringOf(firstKey);
  session = sessionOf(ring, alice);
});

test('a state comes back as it was given, on any replica with the key (2026-07-28 basic/patterns/mrtr)', async () => {
  const replica = sessionOf(await ringOf(firstKey), alice);
  for (const state of ['', 'x', '{"a":1.0}\u0000"\\', 'é😀', 's'.repeat(16_000)]) {
    const sealed = sealRequestState(session, { ...call, rest: { kind: 'call', state } }, randomBytes);
    expect(openRequestState(replica, sealed, now)).toEqual({ ...call, rest: { kind: 'call', state } });
  }
});

test('two states of one call tell nothing of each other, and neither shows what is in it', () => {
  const [one, two] = [sealRequestState(session, call, randomBytes), sealRequestState(session, call, randomBytes)];
  expect(one).not.toBe(two);
  expect(Buffer.from(one, 'base64url').includes('as given')).toBe(false);
});

test('another principal, another key and another purpose open nothing', async () => {
  const sealed = sealRequestState(session, call, randomBytes);
  expect(openRequestState(sessionOf(ring, bob), sealed, now)).toBeUndefined();
  expect(openRequestState(sessionOf(await ringOf(secondKey), alice), sealed, now)).toBeUndefined();
  const cursor = sealCursor(session, 'tools', { upstream: 1, cursor: 'c'.repeat(40) }, randomBytes);
  expect(openRequestState(session, cursor, now)).toBeUndefined();
});

test('a text that was changed in any place, cut or lengthened opens nothing', () => {
  const sealed = sealRequestState(session, call, randomBytes);
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'Q' : 'A') + sealed.slice(at + 1);
    expect(openRequestState(session, changed, now)).toBeUndefined();
  }
  for (const text of ['', 'x', sealed.slice(0, -1), `${sealed}A`, `${sealed}=`, ` ${sealed}`, 'as given'])
    expect(openRequestState(session, text, now)).toBeUndefined();
});

test('a state that would be longer than 16 KiB with what is sealed beside it is the upstream’s fault', () => {
  const longest = 's'.repeat(16 * 1024 - 24);
  expect(
    openRequestState(
      session,
      sealRequestState(session, { ...call, rest: { kind: 'call', state: longest } }, randomBytes),
      now,
    )?.rest,
  ).toEqual({
    kind: 'call',
    state: longest,
  });
  expect(() =>
    sealRequestState(session, { ...call, rest: { kind: 'call', state: `${longest}s` } }, randomBytes),
  ).toThrow(expect.objectContaining({ code: 'upstream_malformed' }));
});

test('a call that waits for permission goes on with the state that its upstream had given, or with none', () => {
  for (const state of [undefined, '', 'as given']) {
    const rest = { kind: 'consent', state } as const;
    const sealed = sealRequestState(session, { ...call, rest }, randomBytes);
    expect(openRequestState(session, sealed, now)).toEqual({ ...call, rest });
  }
});
