import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { openBound, sealBound, sealBoundStable } from '../../src/session/bound.ts';
import { routeHash } from '../../src/session/claims.ts';
import { openCursor, sealCursor } from '../../src/session/cursor.ts';
import { openEventId, sealEventId } from '../../src/session/event-id.ts';
import { openQuestionId, sealQuestionId } from '../../src/session/hold.ts';
import type { Keyring } from '../../src/session/keyring.ts';
import {
  openProgressToken,
  openRequestId,
  openTaskId,
  sealProgressToken,
  sealRequestId,
  sealTaskId,
} from '../../src/session/request-id.ts';
import { openRequestState, sealRequestState } from '../../src/session/request-state.ts';
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

test('the answer to a request of a server finds its way on any replica, with the type of its id kept', async () => {
  const replica = openSession(await ringOf(firstKey), text, expected, now);
  for (const raw of ['7', '"7"', '-0', '12345678901234567890', '1.0', '"ä\\u0000"', '""']) {
    const id = { upstream: 0xffffffff, raw };
    expect(openRequestId(replica, sealRequestId(session, id), now)).toEqual(id);
    expect(openProgressToken(replica, sealProgressToken(session, id), now)).toEqual(id);
    expect(openTaskId(replica, sealTaskId(session, id), now)).toEqual(id);
  }
});

test('a cancellation sent by another replica names the id that the request had', async () => {
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

test('an identifier opens in its own session, for its own purpose and kind only', () => {
  const payload = Buffer.from('payload');
  const purposes = ['evt', 'req', 'prg', 'cur', 'tsk'] as const;
  for (const made of purposes) {
    const one = sealBound(session, made, 'a', payload, randomBytes);
    expect(openBound(session, made, 'a', one, now)).toEqual(payload);
    expect(openBound(session, made, 'b', one, now)).toBeUndefined();
    expect(openBound(session, made, '', one, now)).toBeUndefined();
    expect(openBound(stranger, made, 'a', one, now)).toBeUndefined();
    for (const asked of purposes) if (asked !== made) expect(openBound(session, asked, 'a', one, now)).toBeUndefined();
  }
});

test('a cursor of one list is none of another', () => {
  const cursor = sealCursor(session, 'tools', { upstream: 1, cursor: 'a' }, randomBytes);
  expect(openCursor(session, 'tools', cursor, now)).toEqual({ upstream: 1, cursor: 'a' });
  expect(openCursor(session, 'prompts', cursor, now)).toBeUndefined();
  expect(openCursor(stranger, 'tools', cursor, now)).toBeUndefined();
});

test('an empty cursor of an upstream is not the absence of one', () => {
  for (const cursor of ['', undefined]) {
    const position = { upstream: 1, cursor };
    expect(openCursor(session, 'tools', sealCursor(session, 'tools', position, randomBytes), now)).toEqual(position);
  }
});

test('the session itself, and anything else, is no identifier', () => {
  for (const foreign of [text, '', 'x', 'A'.repeat(37), 'A'.repeat(38), '7', 'ü'.repeat(60), `${'A'.repeat(38)}=`]) {
    expect(openRequestId(session, foreign, now), foreign).toBeUndefined();
    expect(openCursor(session, 'tools', foreign, now), foreign).toBeUndefined();
    expect(openEventId(session, foreign, now), foreign).toBeUndefined();
  }
});

test('an identifier of an upstream may have 16 KiB and no more', () => {
  const cursor = 'c'.repeat(16 * 1024 - 5);
  const position = { upstream: 1, cursor };
  expect(openCursor(session, 'tools', sealCursor(session, 'tools', position, randomBytes), now)).toEqual(position);
  const tooLong = { upstream: 1, cursor: `${cursor}c` };
  expect(() => sealCursor(session, 'tools', tooLong, randomBytes)).toThrow('upstream_malformed');
  expect(openCursor(session, 'tools', 'A'.repeat(100_000), now)).toBeUndefined();
});

test('a place in the answer to a call is found again', () => {
  for (const eventId of ['0', '41_7', 'a b~!', 'x'.repeat(1_496)]) {
    const position = { kind: 'post', stream: randomBytes(8), upstream: 5, eventId } as const;
    const { text, dropped } = sealEventId(session, position, randomBytes);
    expect(dropped).toEqual([]);
    expect(text!.length).toBeLessThanOrEqual(2_048);
    expect(openEventId(session, text!, now)).toEqual(position);
    expect(openEventId(stranger, text!, now)).toBeUndefined();
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
  expect(openEventId(session, text!, now)).toEqual({ kind: 'merged', vector: vector.slice(0, 15) });
});

test('one upstream with a monstrous event id costs the others nothing', () => {
  const vector = [
    { upstream: 1, eventId: 'e'.repeat(2_000) },
    { upstream: 2, eventId: 'small' },
  ];
  const { text, dropped } = sealEventId(session, { kind: 'merged', vector }, randomBytes);
  expect(dropped).toEqual([1]);
  expect(openEventId(session, text!, now)).toEqual({ kind: 'merged', vector: [{ upstream: 2, eventId: 'small' }] });
  expect(sealEventId(session, { kind: 'merged', vector: vector.slice(0, 1) }, randomBytes)).toEqual({
    text: undefined,
    dropped: [1],
  });
});

test('an event id that no header can carry back is not sealed, so that no resumption is promised', () => {
  for (const eventId of ['', '日', 'é', 'a\u0001b', 'a\tb', '\u007f', ' 7', '7 ', '\ud800']) {
    const position = { kind: 'post', stream: Buffer.alloc(8), upstream: 5, eventId } as const;
    expect(sealEventId(session, position, randomBytes), eventId).toEqual({ text: undefined, dropped: [5] });
    const vector = [
      { upstream: 5, eventId },
      { upstream: 6, eventId: '7' },
    ];
    const { text: merged, dropped } = sealEventId(session, { kind: 'merged', vector }, randomBytes);
    expect(dropped).toEqual([5]);
    expect(openEventId(session, merged!, now)).toEqual({ kind: 'merged', vector: [{ upstream: 6, eventId: '7' }] });
  }
});

test('what is bound to a session expires with it, 60 s after its time', () => {
  const id = { upstream: 1, raw: '7' };
  const place = { hold: Buffer.alloc(16, 1), address: 'h:1' };
  const call = {
    upstream: 1,
    digest: Buffer.alloc(16),
    expiresAt: now + 9_999,
    rest: { kind: 'call', state: '' },
  } as const;
  const position = { kind: 'post', stream: Buffer.alloc(8), upstream: 5, eventId: '7' } as const;
  const request = sealRequestId(session, id);
  const progress = sealProgressToken(session, id);
  const task = sealTaskId(session, id);
  const question = sealQuestionId(session, { place, question: 1 });
  const state = sealRequestState(session, call, randomBytes);
  const event = sealEventId(session, position, randomBytes).text!;
  const cursor = sealCursor(session, 'tools', { upstream: 1, cursor: 'a' }, randomBytes);
  const openedAt = (at: number): unknown[] => [
    openRequestId(session, request, at),
    openProgressToken(session, progress, at),
    openTaskId(session, task, at),
    openQuestionId(session, question, at),
    openRequestState(session, state, at),
    openEventId(session, event, at),
    openCursor(session, 'tools', cursor, at),
  ];
  expect(openedAt(now + 360)).not.toContain(undefined);
  expect(openedAt(now + 361)).toEqual(Array.from({ length: 7 }, () => undefined));
});

test('in format 2 an identifier says its format, and the one of another format opens nothing', async () => {
  const later = await ringOf({ ...firstKey, format: 2 });
  const made = {
    ...expected,
    revision: '2025-11-25',
    clientCapabilities: 0,
    upstreams: [],
    maxAgeSeconds: 300,
  } as const;
  const token = sealSession(later, newClaims(later, made, randomBytes, now), randomBytes, now);
  const there = openSession(ring, token, expected, now);
  const id = { upstream: 1, raw: '7' };
  const sealed = sealRequestId(there, id);
  const bytes = Buffer.from(sealed, 'base64url');
  expect(bytes[0]).toBe(2);
  expect(openRequestId(there, sealed, now)).toEqual(id);
  for (const changed of [
    bytes.subarray(1),
    Buffer.from([1, ...bytes.subarray(1)]),
    Buffer.from([3, ...bytes.subarray(1)]),
  ])
    expect(openRequestId(there, changed.toString('base64url'), now)).toBeUndefined();
  expect(openRequestId(session, sealed, now)).toBeUndefined();
  const vector = Array.from({ length: 20 }, (_, index) => ({ upstream: index, eventId: 'e'.repeat(95) }));
  expect(sealEventId(there, { kind: 'merged', vector }, randomBytes).text!.length).toBeLessThanOrEqual(2_048);
});
