import { randomBytes } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { routeHash } from '../../src/session/claims.ts';
import type { Keyring } from '../../src/session/keyring.ts';
import { OpenedSessions } from '../../src/session/opened.ts';
import { newClaims, sealSession } from '../../src/session/token.ts';
import { alice, bob, firstKey, now, resource, ringOf, secondKey } from './ring.ts';

const route = routeHash('default', resource);
const expected = { principal: alice, route };

let ring: Keyring;
beforeEach(async () => {
  ring = await ringOf(firstKey);
});

function sealed(): string {
  const session = {
    ...expected,
    revision: '2025-11-25',
    clientCapabilities: 0,
    upstreams: [],
    maxAgeSeconds: 300,
  } as const;
  return sealSession(ring, newClaims(ring, session, randomBytes, now), randomBytes, now);
}

test('a session opened before is the same session again', () => {
  const opened = new OpenedSessions();
  const text = sealed();
  expect(opened.open(ring, text, expected, now)).toBe(opened.open(ring, text, { ...expected }, now));
});

test('the cache answers as the seal does: other principal, other route, expired, key dropped', async () => {
  const opened = new OpenedSessions();
  const text = sealed();
  opened.open(ring, text, expected, now);
  const other = routeHash('other', resource);
  expect(() => opened.open(ring, text, { principal: bob, route }, now)).toThrow('session_unreadable: principal');
  expect(() => opened.open(ring, text, { principal: 'anonymous', route }, now)).toThrow(
    'session_unreadable: principal',
  );
  expect(() => opened.open(ring, text, { principal: alice, route: other }, now)).toThrow('session_unreadable: route');
  expect(() => opened.open(ring, text, expected, now + 361)).toThrow('session_unreadable: expired');
  const dropped = await ringOf(secondKey);
  expect(() => opened.open(dropped, text, expected, now)).toThrow('session_unreadable: kid');
  expect(opened.open(ring, text, expected, now).claims.issuedAt).toBe(1_800_000_000);
});

test('faults are not remembered', () => {
  const opened = new OpenedSessions();
  expect(() => opened.open(ring, sealed(), { principal: bob, route }, now)).toThrow('session_unreadable');
  expect(() => opened.open(ring, 'garbage', expected, now)).toThrow('session_unreadable');
  expect(opened.size).toBe(0);
});

test('the cache never holds more than its capacity, and keeps what is in use', () => {
  const opened = new OpenedSessions(8);
  const busy = sealed();
  const first = opened.open(ring, busy, expected, now);
  const idle = sealed();
  const seen = opened.open(ring, idle, expected, now);
  for (let count = 0; count < 50; count++) {
    opened.open(ring, sealed(), expected, now);
    expect(opened.open(ring, busy, expected, now)).toBe(first);
    expect(opened.size).toBeLessThanOrEqual(8);
  }
  expect(opened.open(ring, idle, expected, now)).not.toBe(seen);
});

test('the cache judges times anew: a shorter life, a cut-off', () => {
  const opened = new OpenedSessions();
  const text = sealed();
  opened.open(ring, text, expected, now);
  expect(() => opened.open(ring, text, { ...expected, maxAgeSeconds: 100 }, now + 161)).toThrow('expired');
  expect(() => opened.open(ring, text, { ...expected, notBefore: now + 1 }, now + 1)).toThrow('cut_off');
  expect(opened.open(ring, text, expected, now + 161)).toBeDefined();
});

test('the cache counts bytes, too', () => {
  const bytes = 16 * 1024;
  const opened = new OpenedSessions(1_000, bytes);
  for (let count = 0; count < 100; count++) opened.open(ring, sealed(), expected, now);
  expect(opened.size).toBeGreaterThan(5);
  expect(opened.size).toBeLessThanOrEqual(bytes / 1_024);
});

test('what has ended is forgotten', () => {
  const opened = new OpenedSessions(4);
  const text = sealed();
  const first = opened.open(ring, text, expected, now);
  opened.forget(text);
  expect(opened.size).toBe(0);
  expect(opened.open(ring, text, expected, now)).not.toBe(first);
  for (let count = 0; count < 2; count++) opened.open(ring, sealed(), expected, now);
  opened.forget(text);
  opened.forget('unknown');
  expect(opened.size).toBe(2);
});
