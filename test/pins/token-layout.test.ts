/**
 * The layout of every sealed identifier, byte for byte (docs/session-token.md), in every format that is opened: sealed-vectors.ts.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeClaims, routeHash, type SessionClaims, upstreamHash } from '../../src/session/claims.ts';
import { openCursor, sealCursor } from '../../src/session/cursor.ts';
import { openEventId, sealEventId } from '../../src/session/event-id.ts';
import { sealFormats } from '../../src/session/format.ts';
import { openQuestionId, sealQuestionId } from '../../src/session/hold.ts';
import type { Keyring } from '../../src/session/keyring.ts';
import { principalOf } from '../../src/session/principal.ts';
import { principalSession } from '../../src/session/principal-session.ts';
import {
  openProgressToken,
  openRequestId,
  openTaskId,
  sealProgressToken,
  sealRequestId,
  sealTaskId,
} from '../../src/session/request-id.ts';
import { openRequestState, sealRequestState } from '../../src/session/request-state.ts';
import { openSession, sealSession, type OpenSession } from '../../src/session/token.ts';
import { alice, firstKey, fixedRandom, now, resource, ringOf } from '../session/ring.ts';
import { vectors } from './sealed-vectors.ts';

const claims: SessionClaims = {
  issuedAt: 1_800_000_000,
  expiresAt: 1_800_086_400,
  jti: Buffer.from('b0b1b2b3b4b5b6b7b8b9babbbcbdbebf', 'hex'),
  principal: Buffer.from('7ec68f14801fb89bde3aa042d18f9f31', 'hex'),
  anonymous: false,
  route: Buffer.from('3e034ce226b5e93d', 'hex'),
  revision: '2025-11-25',
  clientCapabilities: 0x1021,
  upstreams: [
    { hash: 3177736524, capabilities: 0x13, revision: '2025-11-25', sessionId: undefined },
    { hash: 3655929210, capabilities: 0x13, revision: '2025-11-25', sessionId: '1868a90c-5f3a-4b7e-9c1d-0123456789ab' },
    { hash: 3686670878, capabilities: 0x13, revision: '2025-11-25', sessionId: '00ff10203040506070' },
    { hash: 1366528559, capabilities: 0x13, revision: '2025-11-25', sessionId: 'SGVsbG8td29ybGQ_' },
    { hash: 3224770836, capabilities: 0x13, revision: '2025-11-25', sessionId: 'sess:42/!' },
  ],
};

const expected = { principal: alice, route: Buffer.from('3e034ce226b5e93d', 'hex') };

test('each format has its vectors, and they are those of release 0.1 for the first', () => {
  expect(vectors.map(({ format }) => format)).toEqual(sealFormats);
});

test('the route and the upstreams have these names', () => {
  expect(routeHash('default', resource).toString('hex')).toBe('3e034ce226b5e93d');
  expect(upstreamHash('a', 'https://a.example', '/mcp')).toBe(3177736524);
});

test('the payload has these bytes', () => {
  expect(encodeClaims(claims).toString('hex')).toBe(
    '006b49d2006b4b2380b0b1b2b3b4b5b6b7b8b9babbbcbdbebf7ec68f14801fb89bde3aa042d18f9f313e034ce226b5e93d03102105bd68694c001303' +
      'd9e90d7a0013131868a90c5f3a4b7e9c1d0123456789abdbbe221e0013230900ff102030405060705173922f0013330c48656c6c6f2d776f726c643f' +
      'c036191400134309736573733a34322f21',
  );
});

describe.each(vectors)('format $format', (vector) => {
  const { format } = vector;
  const own = { ...claims, principal: Buffer.from(vector.principal, 'hex') };
  let ring: Keyring;
  let session: OpenSession;

  beforeAll(async () => {
    ring = await ringOf({ ...firstKey, format });
    session = openSession(ring, vector.token, expected, now);
  });

  test('the key id and the principal have these names', () => {
    const epoch = ring.sealing(now);
    expect([epoch.format, epoch.kid]).toEqual([format, vector.kid]);
    expect(principalOf(epoch, alice).toString('hex')).toBe(vector.principal);
  });

  test('the session has this text, and the text opens to these claims', () => {
    expect(sealSession(ring, own, fixedRandom, now)).toBe(vector.token);
    expect(session.claims).toEqual(own);
  });

  test('request ids, progress tokens and task ids have these texts, each time', () => {
    const id = { upstream: 3177736524, raw: '7' };
    expect(sealRequestId(session, id)).toBe(vector.request);
    expect(sealRequestId(session, { ...id, raw: '"7"' })).toBe(vector.textRequest);
    expect(sealProgressToken(session, id)).toBe(vector.progress);
    expect(sealTaskId(session, { ...id, raw: 'task-1' })).toBe(vector.task);
    expect(openRequestId(session, vector.request, now)).toEqual(id);
    expect(openProgressToken(session, vector.progress, now)).toEqual(id);
    expect(openTaskId(session, vector.task, now)).toEqual({ ...id, raw: 'task-1' });
  });

  test('cursors have these texts', () => {
    const later = { upstream: 3655929210, cursor: 'page-2' };
    const first = { upstream: 3655929210, cursor: undefined };
    expect(sealCursor(session, 'tools', later, fixedRandom)).toBe(vector.cursor);
    expect(sealCursor(session, 'tools', first, fixedRandom)).toBe(vector.firstCursor);
    expect(openCursor(session, 'tools', vector.cursor, now)).toEqual(later);
    expect(openCursor(session, 'tools', vector.firstCursor, now)).toEqual(first);
  });

  test('event ids have these texts', () => {
    const post = {
      kind: 'post' as const,
      stream: Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]),
      upstream: 3686670878,
      eventId: '41_7',
    };
    const merged = {
      kind: 'merged' as const,
      vector: [
        { upstream: 3686670878, eventId: '41_7' },
        { upstream: 3655929210, eventId: '9' },
      ],
    };
    expect(sealEventId(session, post, fixedRandom)).toEqual({ text: vector.post, dropped: [] });
    expect(sealEventId(session, merged, fixedRandom)).toEqual({ text: vector.merged, dropped: [] });
    expect(openEventId(session, vector.post, now)).toEqual(post);
    expect(openEventId(session, vector.merged, now)).toEqual(merged);
  });

  test('ids of questions that a replica asks for its held calls have these texts, each time', () => {
    const place = { address: '10.0.0.7:1066', hold: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex') };
    expect(sealQuestionId(session, { place, question: 2 })).toBe(vector.question);
    expect(openQuestionId(session, vector.question, now)).toEqual({ place, question: 2 });
    expect(openRequestId(session, vector.question, now)).toBeUndefined();
  });

  test('states of calls have these texts', () => {
    const call = { upstream: 3177736524, digest: Buffer.alloc(16, 7), expiresAt: 1_800_000_600 };
    const place = { address: '10.0.0.7:1066', hold: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex') };
    for (const [rest, text] of [
      [{ kind: 'call', state: 'as given' }, vector.called],
      [{ kind: 'held', place }, vector.held],
      [{ kind: 'resumed', at: '{"lastEventId":"7"}' }, vector.resumed],
    ] as const) {
      expect(sealRequestState(session, { ...call, rest }, fixedRandom)).toBe(text);
      expect(openRequestState(session, text, now)).toEqual({ ...call, rest });
    }
  });

  test('the session of a client without one has this identity on this day', () => {
    const { route } = expected;
    const known = principalSession(ring, alice, route, '2025-11-25', now);
    const unknown = principalSession(ring, 'anonymous', route, '2025-11-25', now);
    expect(known.claims.jti.toString('hex')).toBe(vector.known);
    expect(unknown.claims.jti.toString('hex')).toBe(vector.unknown);
  });

  test('a key for another use is this one', () => {
    expect(ring.derive('peers', now).toString('hex')).toBe(vector.derived);
  });
});
