import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { routeHash, type SealedUpstream } from '../../src/session/claims.ts';
import { type Keyring, loadKeyring } from '../../src/session/keyring.ts';
import { type Principal } from '../../src/session/principal.ts';
import { sealBound } from '../../src/session/bound.ts';
import { fitSession, newClaims, openSession, sealSession } from '../../src/session/token.ts';
import { alice, bob, firstKey, gateway, now, resource, ringOf, secondKey } from './ring.ts';

const route = routeHash('default', resource);

let ring: Keyring;
beforeAll(async () => {
  ring = await ringOf(firstKey);
});

function seal(keyring: Keyring, principal: Principal, upstreams: readonly SealedUpstream[] = [], at = now): string {
  const session = {
    principal,
    route,
    revision: '2025-11-25',
    clientCapabilities: 3,
    upstreams,
    maxAgeSeconds: 86_400,
  } as const;
  return sealSession(keyring, newClaims(keyring, session, randomBytes, at), randomBytes, at);
}

/** Why a text does not open, for the log; and that the client reads the same as ever. */
function faultOf(
  keyring: Keyring,
  text: string,
  principal: Principal = alice,
  at = now,
  onRoute = route,
): string | undefined {
  try {
    openSession(keyring, text, { principal, route: onRoute }, at);
    return undefined;
  } catch (fault) {
    if (!(fault instanceof GatewayError)) throw fault;
    expect(fault.code).toBe('session_unreadable');
    expect(fault.status).toBe(404);
    expect(fault.publicData).toBeUndefined();
    return fault.detail;
  }
}

/** The text with one character of its `at`th byte changed. */
function withByte(text: string, at: number, change: (byte: number) => number): string {
  const bytes = Buffer.from(text, 'base64url');
  bytes[at] = change(bytes[at]!);
  return bytes.toString('base64url');
}

function upstreamsWith(count: number, idOf: (index: number) => string | undefined): SealedUpstream[] {
  return Array.from({ length: count }, (_, index) => ({
    hash: index,
    capabilities: 0x7f,
    revision: '2025-11-25' as const,
    sessionId: idOf(index),
  }));
}

const digest = (index: number): Buffer => createHash('sha256').update(String(index)).digest();
const uuid = (index: number): string => `1868a90c-5f3a-4b7e-9c1d-${String(index).padStart(12, '0')}`;

test('two sessions of one client are two texts', () => {
  const one = seal(ring, alice);
  expect(one).not.toBe(seal(ring, alice));
  expect(faultOf(ring, one)).toBeUndefined();
});

test('every fault of a text is the same 404; its reason is for the log', () => {
  const text = seal(ring, alice);
  for (const [fault, faulty] of [
    ['length', ''],
    ['length', 'AQE'],
    ['length', text.slice(0, 82)],
    ['length', 'A'.repeat(7_169)],
    ['alphabet', `${text.slice(0, -1)}=`],
    ['alphabet', `${text.slice(0, -1)}+`],
    ['alphabet', `${text.slice(0, -1)}é`],
    ['alphabet', ` ${text.slice(1)}`],
    ['version', withByte(text, 0, () => 2)],
    ['version', 'A'.repeat(7_168)],
    ['purpose', withByte(text, 1, () => 2)],
    ['kid', withByte(text, 5, (byte) => byte ^ 1)],
    ['commitment', withByte(text, 6, (byte) => byte ^ 1)],
    ['commitment', withByte(text, 45, (byte) => byte ^ 1)],
    ['tag', withByte(text, 46, (byte) => byte ^ 1)],
    ['tag', withByte(text, Buffer.from(text, 'base64url').length - 1, (byte) => byte ^ 1)],
  ] as const) {
    expect(faultOf(ring, faulty), faulty.slice(0, 20)).toBe(fault);
  }
});

test('a session opens for its own principal only', () => {
  const hers = seal(ring, alice);
  const anyones = seal(ring, 'anonymous');
  expect(faultOf(ring, hers, bob)).toBe('principal');
  expect(faultOf(ring, hers, { ...alice, iss: 'https://other.example' })).toBe('principal');
  expect(faultOf(ring, hers, { ...alice, bind: 'client-1' })).toBe('principal');
  expect(faultOf(ring, hers, 'anonymous')).toBe('principal');
  expect(faultOf(ring, anyones, alice)).toBe('principal');
  expect(faultOf(ring, anyones, 'anonymous')).toBeUndefined();
});

test('a principal of zeros is not taken for an anonymous one', () => {
  const session = {
    principal: alice,
    route,
    revision: '2025-11-25',
    clientCapabilities: 0,
    upstreams: [],
    maxAgeSeconds: 300,
  } as const;
  const claims = { ...newClaims(ring, session, randomBytes, now), principal: Buffer.alloc(16) };
  expect(faultOf(ring, sealSession(ring, claims, randomBytes, now), 'anonymous')).toBe('principal');
});

test('names that run together are still two principals', async () => {
  const text = seal(ring, { iss: 'https://as.example/a', sub: 'b', bind: '' });
  expect(faultOf(ring, text, { iss: 'https://as.example/', sub: 'ab', bind: '' })).toBe('principal');
  expect(faultOf(ring, text, { iss: 'https://as.example/a', sub: '', bind: 'b' })).toBe('principal');
});

test('a session opens on its own route, gateway and resource only', async () => {
  const text = seal(ring, alice);
  expect(faultOf(ring, text, alice, now, routeHash('other', resource))).toBe('route');
  const elsewhere = await loadKeyring([firstKey], { gateway, resource: 'https://gw.example/other' });
  const another = await loadKeyring([firstKey], { gateway: 'another', resource });
  const shifted = await loadKeyring([firstKey], { gateway: `${gateway}h`, resource: resource.slice(1) });
  for (const keyring of [elsewhere, another, shifted]) expect(faultOf(keyring, text)).toBe('tag');
});

test('a session lives to its last second and 60 more, for clocks that differ', () => {
  const text = seal(ring, alice);
  expect(faultOf(ring, text, alice, now + 86_400)).toBeUndefined();
  expect(faultOf(ring, text, alice, now + 86_460)).toBeUndefined();
  expect(faultOf(ring, text, alice, now + 86_461)).toBe('expired');
});

test('a session lives 5 minutes at least and 30 days at most', () => {
  const session = { principal: alice, route, revision: '2025-11-25', clientCapabilities: 0, upstreams: [] } as const;
  for (const [maxAgeSeconds, ok] of [
    [299, false],
    [300, true],
    [2_592_000, true],
    [2_592_001, false],
  ] as const) {
    const make = (): unknown => newClaims(ring, { ...session, maxAgeSeconds }, randomBytes, now);
    if (ok) expect(make).not.toThrow();
    else expect(make).toThrow(RangeError);
  }
});

/** A session of Alice with these times, as no gateway would make it. */
function sealTimes(issuedAt: number, expiresAt: number): string {
  const session = { principal: alice, route, revision: '2025-11-25', clientCapabilities: 0, upstreams: [] } as const;
  const claims = newClaims(ring, { ...session, maxAgeSeconds: 300 }, randomBytes, now);
  return sealSession(ring, { ...claims, issuedAt, expiresAt }, randomBytes, now);
}

test('times that no gateway gives are refused, like every fault (iat and exp are judged)', () => {
  for (const [issuedAt, expiresAt, fault] of [
    [now + 120, now + 1_000, undefined],
    [now + 121, now + 1_000, 'future'],
    [now, now + 300, undefined],
    [now, now + 299, 'lifetime'],
    [now, now, 'lifetime'],
    [now, now - 1, 'lifetime'],
    [now + 60, now + 30, 'lifetime'],
    [now, now + 2_592_000, undefined],
    [now, now + 2_592_001, 'lifetime'],
    [0, 0xffffffff, 'lifetime'],
  ] as const)
    expect(faultOf(ring, sealTimes(issuedAt, expiresAt)), `${issuedAt} ${expiresAt}`).toBe(fault);
});

test('a shorter life of sessions holds for those that were given a longer one', () => {
  const text = seal(ring, alice);
  const openAt = (at: number, maxAgeSeconds?: number) => (): unknown =>
    openSession(ring, text, { principal: alice, route, maxAgeSeconds }, at);
  expect(openAt(now + 3_660, 3_600)).not.toThrow();
  expect(openAt(now + 3_661, 3_600)).toThrow('session_unreadable: expired');
  expect(openAt(now + 3_661)).not.toThrow();
  // A longer one changes nothing for those of before.
  expect(openAt(now + 86_461, 2_592_000)).toThrow('session_unreadable: expired');
});

test('from a cut-off on, sessions of before are refused; one in the future waits for its time', () => {
  const text = seal(ring, alice);
  const openAt = (at: number, notBefore: number) => (): unknown =>
    openSession(ring, text, { principal: alice, route, notBefore }, at);
  expect(openAt(now + 10, now)).not.toThrow();
  expect(openAt(now + 10, now + 1)).toThrow('session_unreadable: cut_off');
  expect(openAt(now + 10, now + 11)).not.toThrow();
  expect(openAt(now + 11, now + 11)).toThrow('session_unreadable: cut_off');
});

test('replicas of two releases serve each other’s sessions, and the format changes replica by replica', async () => {
  // Both read both; one has not been told yet to write the second format.
  const before = await ringOf(firstKey);
  const after = await ringOf({ ...firstKey, format: 2 });
  const [old, fresh] = [seal(before, alice), seal(after, alice)];
  expect([old.slice(0, 2), fresh.slice(0, 2)]).toEqual(['AQ', 'Ag']);
  for (const keyring of [before, after])
    for (const text of [old, fresh]) {
      expect(faultOf(keyring, text)).toBeUndefined();
      expect(faultOf(keyring, text, bob)).toBe('principal');
      expect(
        faultOf(
          keyring,
          withByte(text, 0, (version) => 3 - version),
        ),
      ).toBe('version');
      expect(
        faultOf(
          keyring,
          withByte(text, 0, () => 3),
        ),
      ).toBe('version');
    }
  // What is bound to a session has its format, whoever seals it: a replica that reads the one reads the other.
  for (const [text, format] of [
    [old, 1],
    [fresh, 2],
  ] as const)
    for (const keyring of [before, after])
      expect(openSession(keyring, text, { principal: alice, route }, now).epoch.format).toBe(format);
});

test('an identifier of another purpose is no session', () => {
  const session = openSession(ring, seal(ring, alice), { principal: alice, route }, now);
  const eventId = sealBound(session, 'evt', 'post', Buffer.alloc(100), randomBytes);
  expect(faultOf(ring, eventId)).toBeDefined();
});

test('a key is accepted everywhere before any replica seals with it, so a rollout breaks no session', async () => {
  const before = await ringOf(firstKey);
  const accepting = await ringOf(firstKey, secondKey);
  const promoted = await ringOf(secondKey, firstKey);
  const after = await ringOf(secondKey);
  const old = seal(accepting, alice);
  const fresh = seal(promoted, alice);
  for (const keyring of [before, accepting, promoted]) expect(faultOf(keyring, old)).toBeUndefined();
  for (const keyring of [accepting, promoted, after]) expect(faultOf(keyring, fresh)).toBeUndefined();
  expect(faultOf(before, fresh)).toBe('kid');
  expect(faultOf(after, old)).toBe('kid');
});

test('a file with a time in it rotates every replica at that time', async () => {
  const keyring = await ringOf({ ...secondKey, sealFrom: now + 600 }, { ...firstKey, acceptUntil: now + 90_000 });
  const old = seal(keyring, alice, [], now + 599);
  const fresh = seal(keyring, alice, [], now + 600);
  expect(faultOf(await ringOf(firstKey), old, alice, now + 600)).toBeUndefined();
  expect(faultOf(await ringOf(secondKey), fresh, alice, now + 600)).toBeUndefined();
  expect(faultOf(keyring, old, alice, now + 80_000)).toBeUndefined();
  expect(faultOf(keyring, old, alice, now + 90_000)).toBe('kid');
});

// The figures of docs/session-token.md §Size.
test('sessions have these sizes', () => {
  const ids: readonly (readonly [string, (index: number) => string | undefined, readonly number[]])[] = [
    ['none', () => undefined, [163, 200, 340, 620]],
    ['UUID', uuid, [184, 307, 767, 1_687]],
    ['64 hexadecimal digits', (index) => digest(index).toString('hex'), [207, 420, 1_220, 2_820]],
    ['43 base64url characters', (index) => digest(index).toString('base64url'), [207, 420, 1_220, 2_820]],
    ['128 opaque characters', () => '~'.repeat(128), [336, 1_067, 3_807, 9_287]],
  ];
  for (const [name, idOf, sizes] of ids) {
    for (const [index, count] of [1, 5, 20, 50].entries()) {
      expect(seal(ring, alice, upstreamsWith(count, idOf)).length, `${name} × ${count}`).toBe(sizes[index]);
    }
  }
});

test('what does not fit goes: first upstreams without an id, then those with the longest', () => {
  const upstreams = upstreamsWith(40, (index) => {
    if (index % 4 === 0) return undefined;
    return index % 4 === 1 ? '~'.repeat(100 + index) : uuid(index);
  });
  const session = {
    principal: alice,
    route,
    revision: '2025-11-25',
    clientCapabilities: 0,
    upstreams,
    maxAgeSeconds: 300,
  } as const;
  const claims = newClaims(ring, session, randomBytes, now);
  const sized = (maxChars?: number): { text: string; dropped: readonly number[]; kept: number } => {
    const { text, dropped, session } = fitSession(ring, claims, randomBytes, now, maxChars);
    const opened = openSession(ring, text, { principal: alice, route }, now);
    expect(opened.claims).toEqual(session.claims);
    for (const hash of dropped) expect(opened.upstream(hash)).toBeUndefined();
    return { text, dropped, kept: opened.claims.upstreams.length };
  };

  expect(sized()).toMatchObject({ dropped: [], kept: 40, text: expect.objectContaining({ length: 2_558 }) });
  expect(sized(2_558)).toMatchObject({ dropped: [], kept: 40 });
  expect(sized(2_557)).toMatchObject({ dropped: [0], kept: 39 });
  expect(sized(2_464)).toMatchObject({ dropped: [0, 4, 8, 12, 16, 20, 24, 28, 32, 36], kept: 30 });
  expect(sized(2_080)).toMatchObject({ dropped: [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 37, 33], kept: 28 });
  expect(sized(200)).toMatchObject({ kept: 1 });
  expect(() => sized(100)).toThrow(RangeError);
});

test('a session of any size is cut to 3,800 characters unless more is allowed', () => {
  const upstreams = upstreamsWith(50, () => '~'.repeat(400));
  const session = {
    principal: alice,
    route,
    revision: '2025-11-25',
    clientCapabilities: 0,
    upstreams,
    maxAgeSeconds: 300,
  } as const;
  const claims = newClaims(ring, session, randomBytes, now);
  const { text, dropped } = fitSession(ring, claims, randomBytes, now);
  expect(text.length).toBeLessThanOrEqual(3_800);
  expect(text.length).toBeGreaterThan(3_200);
  expect(dropped).toHaveLength(44);
  expect(faultOf(ring, text)).toBeUndefined();
  const large = fitSession(ring, claims, randomBytes, now, 7_168);
  expect(large.text.length).toBeGreaterThan(6_500);
  expect(faultOf(ring, large.text)).toBeUndefined();
});
