import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { openBound, sealBound, sealBoundStable } from '../../src/session/bound.ts';
import { routeHash } from '../../src/session/claims.ts';
import { openCursor, sealCursor } from '../../src/session/cursor.ts';
import { openEventId, sealEventId } from '../../src/session/event-id.ts';
import type { Keyring } from '../../src/session/keyring.ts';
import {
  openProgressToken,
  openRequestId,
  openTaskId,
  sealProgressToken,
  sealRequestId,
  sealTaskId,
} from '../../src/session/request-id.ts';
import { newClaims, openSession, type OpenSession, sealSession } from '../../src/session/token.ts';
import { alice, firstKey, now, resource, ringOf } from './ring.ts';

const route = routeHash('default', resource);
const expected = { principal: alice, route };

let ring: Keyring;
let text: string;
let session: OpenSession;
let stranger: OpenSession;

function sealed(): string {
  const made = {
    ...expected,
    revision: '2025-11-25',
    clientCapabilities: 0,
    upstreams: [],
    maxAgeSeconds: 300,
  } as const;
  return sealSession(ring, newClaims(ring, made, randomBytes, now), randomBytes, now);
}

beforeAll(async () => {
  ring = await ringOf(firstKey);
  text = sealed();
  session = openSession(ring, text, expected, now);
  stranger = openSession(ring, sealed(), expected, now);
});

test('the answer to a request of a server finds its way on any replica, type of the id and all (D6.1)', async () => {
  const replica = openSession(await ringOf(firstKey), text, expected, now);
  for (const raw of ['7', '"7"', '-0', '12345678901234567890', '1.0', '"ä\\u0000"', '""']) {
    const id = { upstream: 0xffffffff, raw };
    expect(openRequestId(replica, sealRequestId(session, id))).toEqual(id);
    expect(openProgressToken(replica, sealProgressToken(session, id))).toEqual(id);
    expect(openTaskId(replica, sealTaskId(session, id))).toEqual(id);
  }
});

test('a cancellation sent by another replica names the id that the request had (D6.1)', async () => {
  const replica = openSession(await ringOf(firstKey), text, expected, now);
  const id = { upstream: 1, raw: '7' };
  expect(sealRequestId(replica, id)).toBe(sealRequestId(session, id));
  expect(sealRequestId(session, { ...id, upstream: 2 })).not.toBe(sealRequestId(session, id));
  expect(sealRequestId(session, { ...id, raw: '"7"' })).not.toBe(sealRequestId(session, id));
  expect(sealRequestId(stranger, id)).not.toBe(sealRequestId(session, id));
});

test('no nonce serves two payloads', () => {
  const nonces = new Set<string>();
  for (let id = 0; id < 2_000; id++) {
    nonces.add(sealRequestId(session, { upstream: 1, raw: String(id) }).slice(0, 16));
    nonces.add(sealBoundStable(session, 'req', 'x', Buffer.from(String(id))).slice(0, 16));
  }
  expect(nonces.size).toBe(4_000);
});

test('event ids and cursors differ each time', () => {
  const position = { upstream: 1, cursor: 'a' };
  expect(sealCursor(session, 'tools', position, randomBytes)).not.toBe(
    sealCursor(session, 'tools', position, randomBytes),
  );
});

test('an identifier opens in its own session, for its own purpose and kind only (T3, T4)', () => {
  const payload = Buffer.from('payload');
  const purposes = ['evt', 'req', 'prg', 'cur', 'tsk'] as const;
  for (const made of purposes) {
    const one = sealBound(session, made, 'a', payload, randomBytes);
    expect(openBound(session, made, 'a', one)).toEqual(payload);
    expect(openBound(session, made, 'b', one)).toBeUndefined();
    expect(openBound(session, made, '', one)).toBeUndefined();
    expect(openBound(stranger, made, 'a', one)).toBeUndefined();
    for (const asked of purposes) if (asked !== made) expect(openBound(session, asked, 'a', one)).toBeUndefined();
  }
});

test('a cursor of one list is none of another', () => {
  const cursor = sealCursor(session, 'tools', { upstream: 1, cursor: 'a' }, randomBytes);
  expect(openCursor(session, 'tools', cursor)).toEqual({ upstream: 1, cursor: 'a' });
  expect(openCursor(session, 'prompts', cursor)).toBeUndefined();
  expect(openCursor(stranger, 'tools', cursor)).toBeUndefined();
});

test('an empty cursor of an upstream is not the absence of one', () => {
  for (const cursor of ['', undefined]) {
    const position = { upstream: 1, cursor };
    expect(openCursor(session, 'tools', sealCursor(session, 'tools', position, randomBytes))).toEqual(position);
  }
});

test('the session itself, and anything else, is no identifier', () => {
  for (const foreign of [text, '', 'x', 'A'.repeat(37), 'A'.repeat(38), '7', 'ü'.repeat(60), `${'A'.repeat(38)}=`]) {
    expect(openRequestId(session, foreign), foreign).toBeUndefined();
    expect(openCursor(session, 'tools', foreign), foreign).toBeUndefined();
    expect(openEventId(session, foreign), foreign).toBeUndefined();
  }
});

test('an identifier of an upstream may have 16 KiB and no more', () => {
  const cursor = 'c'.repeat(16 * 1024 - 5);
  const position = { upstream: 1, cursor };
  expect(openCursor(session, 'tools', sealCursor(session, 'tools', position, randomBytes))).toEqual(position);
  const tooLong = { upstream: 1, cursor: `${cursor}c` };
  expect(() => sealCursor(session, 'tools', tooLong, randomBytes)).toThrow('upstream_malformed');
  expect(openCursor(session, 'tools', 'A'.repeat(100_000))).toBeUndefined();
});

test('a place in the answer to a call is found again (A5)', () => {
  for (const eventId of ['', '41_7', 'ä ö', 'x'.repeat(1_496)]) {
    const position = { kind: 'post', stream: randomBytes(8), upstream: 5, eventId } as const;
    const { text, dropped } = sealEventId(session, position, randomBytes);
    expect(dropped).toEqual([]);
    expect(text!.length).toBeLessThanOrEqual(2_048);
    expect(openEventId(session, text!)).toEqual(position);
    expect(openEventId(stranger, text!)).toBeUndefined();
  }
});

test('an event id past 2,048 characters is not given, so that no resumption is promised', () => {
  const position = { kind: 'post', stream: Buffer.alloc(8), upstream: 5, eventId: 'x'.repeat(1_497) } as const;
  expect(sealEventId(session, position, randomBytes)).toEqual({ text: undefined, dropped: [5] });
  expect(() => sealEventId(session, { ...position, stream: Buffer.alloc(7) }, randomBytes)).toThrow(RangeError);
});

test('in a merged stream the least recent upstreams lose their place when the id becomes too long', () => {
  const vector = Array.from({ length: 20 }, (_, index) => ({ upstream: index, eventId: 'e'.repeat(95) }));
  const { text, dropped } = sealEventId(session, { kind: 'merged', vector }, randomBytes);
  expect(text!.length).toBeLessThanOrEqual(2_048);
  expect(dropped).toEqual([15, 16, 17, 18, 19]);
  expect(openEventId(session, text!)).toEqual({ kind: 'merged', vector: vector.slice(0, 15) });
});

test('one upstream with a monstrous event id costs the others nothing', () => {
  const vector = [
    { upstream: 1, eventId: 'e'.repeat(2_000) },
    { upstream: 2, eventId: 'small' },
  ];
  const { text, dropped } = sealEventId(session, { kind: 'merged', vector }, randomBytes);
  expect(dropped).toEqual([1]);
  expect(openEventId(session, text!)).toEqual({ kind: 'merged', vector: [{ upstream: 2, eventId: 'small' }] });
  expect(sealEventId(session, { kind: 'merged', vector: vector.slice(0, 1) }, randomBytes)).toEqual({
    text: undefined,
    dropped: [1],
  });
});
