/**
 * What a sealed identifier must withstand, searched at random and, where the space is small, completely
 * (docs/session-token.md).
 */
import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { openBound, sealBound, sealBoundStable } from '../../src/session/bound.ts';
import { decodeClaims, encodeClaims, routeHash, type SessionClaims } from '../../src/session/claims.ts';
import { openCursor } from '../../src/session/cursor.ts';
import { openEventId } from '../../src/session/event-id.ts';
import type { Keyring } from '../../src/session/keyring.ts';
import { openRequestId } from '../../src/session/request-id.ts';
import { newClaims, openSession, type OpenSession, sealSession } from '../../src/session/token.ts';
import { alice, firstKey, now, resource, ringOf, secondKey } from '../session/ring.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');
const hexDigits = '0123456789abcdef'.split('');
const route = routeHash('default', resource);
const expected = { principal: alice, route };

let ring: Keyring;
let text: string;
let session: OpenSession;

beforeAll(async () => {
  ring = await ringOf(firstKey, secondKey);
  const claims = newClaims(
    ring,
    {
      ...expected,
      revision: '2025-11-25',
      clientCapabilities: 5,
      upstreams: [
        { hash: 1, capabilities: 7, revision: '2025-06-18', sessionId: '1868a90c-5f3a-4b7e-9c1d-0123456789ab' },
        { hash: 2, capabilities: 7, revision: '2025-11-25', sessionId: undefined },
      ],
      maxAgeSeconds: 300,
    },
    randomBytes,
    now,
  );
  text = sealSession(ring, claims, randomBytes, now);
  session = openSession(ring, text, expected, now);
});

/** Whether a text opens; anything but the one fault of every bad session fails the test. */
function opens(candidate: string): boolean {
  try {
    openSession(ring, candidate, expected, now);
    return true;
  } catch (fault) {
    if (fault instanceof GatewayError && fault.code === 'session_unreadable') return false;
    throw fault;
  }
}

function openings(candidates: Iterable<string>): number {
  let count = 0;
  for (const candidate of candidates) if (opens(candidate)) count++;
  return count;
}

function* flips(of: string): Generator<string> {
  const bytes = Buffer.from(of, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = Buffer.from(bytes);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    yield copy.toString('base64url');
  }
}

/** Every other spelling with another last character, among them those that decode to the same bytes. */
function* lastCharacters(of: string): Generator<string> {
  for (const char of [...alphabet, '=', '+', '/', ' ', '.']) if (char !== of.at(-1)) yield of.slice(0, -1) + char;
}

function* truncations(of: string): Generator<string> {
  for (let length = 0; length < of.length; length++) {
    yield of.slice(0, length);
    yield of.slice(of.length - length);
  }
}

test('a session with any one bit changed does not open', () => {
  expect(opens(text)).toBe(true);
  expect(openings(flips(text))).toBe(0);
});

test('a session cut short at either end does not open', () => {
  expect(openings(truncations(text))).toBe(0);
});

test('a session in another spelling does not open', () => {
  expect(openings(lastCharacters(text))).toBe(0);
  expect(openings([`${text}=`, `${text}A`, ` ${text}`, `${text}\n`, text.toLowerCase(), `${text}${text}`])).toBe(0);
});

test('bound identifiers withstand the same', () => {
  for (const sealed of [
    sealBound(session, 'cur', 'tools', Buffer.from('payload'), randomBytes),
    sealBoundStable(session, 'cur', 'tools', Buffer.from('payload!')),
    sealBound(session, 'cur', 'tools', Buffer.alloc(0), randomBytes),
  ]) {
    expect(openBound(session, 'cur', 'tools', sealed, now)).toBeDefined();
    for (const forge of [flips, lastCharacters, truncations]) {
      for (const forged of forge(sealed)) expect(openBound(session, 'cur', 'tools', forged, now)).toBeUndefined();
    }
  }
});

test('no text found at random opens anything, and none brings anything down', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 400 }),
    // The true head, so that the later checks are reached.
    fc
      .uint8Array({ minLength: 56, maxLength: 200 })
      .map((tail) => Buffer.concat([Buffer.from(text, 'base64url').subarray(0, 6), tail]).toString('base64url')),
  );
  fc.assert(
    fc.property(texts, (candidate) => {
      expect(opens(candidate)).toBe(false);
      expect(openCursor(session, 'tools', candidate, now)).toBeUndefined();
      expect(openEventId(session, candidate, now)).toBeUndefined();
      expect(openRequestId(session, candidate, now)).toBeUndefined();
    }),
    { numRuns: 3_000 },
  );
});

const upstream = fc.record({
  hash: fc.integer({ min: 0, max: 0xffffffff }),
  capabilities: fc.integer({ min: 0, max: 0xffff }),
  revision: fc.constantFrom('2025-03-26' as const, '2025-06-18' as const, '2025-11-25' as const),
  sessionId: fc.oneof(
    fc.constant(undefined),
    fc.uuid(),
    fc.string({ unit: fc.constantFrom(...hexDigits), maxLength: 80 }),
    fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 80 }),
    fc.string({ unit: 'grapheme-ascii', maxLength: 300 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
  ),
});

const fixed = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));

const anyClaims: fc.Arbitrary<SessionClaims> = fc.record({
  issuedAt: fc.integer({ min: 0, max: 0xffffffff }),
  expiresAt: fc.integer({ min: 0, max: 0xffffffff }),
  jti: fixed(16),
  principal: fixed(16),
  anonymous: fc.boolean(),
  route: fixed(8),
  revision: fc.constantFrom('2025-03-26' as const, '2025-06-18' as const, '2025-11-25' as const),
  clientCapabilities: fc.integer({ min: 0, max: 0xffff }),
  upstreams: fc.array(upstream, { maxLength: 20 }),
});

test('claims survive the way into bytes and back', () => {
  fc.assert(
    fc.property(anyClaims, (claims) => {
      expect(decodeClaims(encodeClaims(claims))).toEqual(claims);
    }),
  );
});

test('bytes that read as claims are the bytes of those claims: nothing has two encodings', () => {
  fc.assert(
    fc.property(anyClaims, fc.nat(), fc.integer({ min: 1, max: 255 }), (claims, at, change) => {
      const bytes = encodeClaims(claims);
      bytes[at % bytes.length]! ^= change;
      const read = decodeClaims(bytes);
      if (read !== undefined) expect(encodeClaims(read)).toEqual(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test('any payload comes back from a bound identifier, fresh or stable', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.string({ maxLength: 20 }), (bytes, kind) => {
      const payload = Buffer.from(bytes);
      expect(openBound(session, 'evt', kind, sealBound(session, 'evt', kind, payload, randomBytes), now)).toEqual(
        payload,
      );
      const stable = sealBoundStable(session, 'evt', kind, payload);
      expect(stable).toBe(sealBoundStable(session, 'evt', kind, payload));
      expect(openBound(session, 'evt', kind, stable, now)).toEqual(payload);
    }),
  );
});
