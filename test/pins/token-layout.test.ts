/**
 * The layout of every sealed identifier, byte for byte (security.md §2.2, docs/session-token.md). The expected texts were made
 * by another program, in Python with the `cryptography` package, from the description alone. When one changes, every session
 * in the field ends: that takes a new version byte.
 */
import { beforeAll, expect, test } from 'vitest';
import { encodeClaims, routeHash, type SessionClaims, upstreamHash } from '../../src/session/claims.ts';
import { openCursor, sealCursor } from '../../src/session/cursor.ts';
import { openEventId, sealEventId } from '../../src/session/event-id.ts';
import { openQuestionId, sealQuestionId } from '../../src/session/hold.ts';
import type { Keyring } from '../../src/session/keyring.ts';
import { principalOf } from '../../src/session/principal.ts';
import { principalSession } from '../../src/session/principal-session.ts';
import { openRequestId, sealProgressToken, sealRequestId, sealTaskId } from '../../src/session/request-id.ts';
import { openRequestState, sealRequestState } from '../../src/session/request-state.ts';
import { openSession, sealSession, type OpenSession } from '../../src/session/token.ts';
import { alice, firstKey, fixedRandom, now, resource, ringOf } from '../session/ring.ts';

const token =
  'AQFkNbQopaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlNzRWeH-xTpd5gebNVTuO5VFQzkw8ot-rTJsnYVvme_3NT-JX2fYE2e_81WK3ckBhftTLhiYMpQRVg2e6' +
  'Gezk9kZUIfEGoYjN75n08dAuI3xM1df_dp0puKyUmo2VSWhIkImdQBJyv1NdhBBAeZhNyrd4NEPq41wNYoggBhO0Razp4nXcv5jleVqS9ayIqJrqSn-66M7h' +
  'y700oHbppJRV4HZLGT26MBISyQ';

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

let ring: Keyring;
let session: OpenSession;
beforeAll(async () => {
  ring = await ringOf(firstKey);
  session = openSession(ring, token, expected, now);
});

test('the key id, the principal, the route and the upstreams have these names', () => {
  const epoch = ring.sealing(now);
  expect(epoch.kid).toBe(0x6435b428);
  expect(principalOf(epoch, alice).toString('hex')).toBe('7ec68f14801fb89bde3aa042d18f9f31');
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

test('the session has this text, and the text opens to these claims', () => {
  expect(sealSession(ring, claims, fixedRandom, now)).toBe(token);
  expect(session.claims).toEqual(claims);
});

test('request ids, progress tokens and task ids have these texts, each time', () => {
  const id = { upstream: 3177736524, raw: '7' };
  expect(sealRequestId(session, id)).toBe('EhXeiNWzC9AB-mQZZiLjYu0vIqcY8muKxyKkG6ySKoqI');
  expect(sealRequestId(session, { ...id, raw: '"7"' })).toBe('IZrueDDL61gE7xnoBYI59ajnAgsXNjvjO4wdVGA4GQbwC5w');
  expect(sealProgressToken(session, id)).toBe('dWHWObDlVqdP6v4FKg177yIi2yhhkBRlUPjE1FHEZn1E');
  expect(sealTaskId(session, { ...id, raw: 'task-1' })).toBe('bEsZXFlPmuAm2Mmy_ZZJvRVoDI2DXytUFjSfhZCSldpEWqJGtpI');
});

test('cursors have these texts', () => {
  const texts = {
    'page-2': 'paWlpaWlpaWlpaWlQJXGZDeve1XekUggrcBrBl9BivdP97eX2kFQ',
    none: 'paWlpaWlpaWlpaWlQJXGZDZ8ezph9uWHu0inY2NKCsqb',
  };
  const later = { upstream: 3655929210, cursor: 'page-2' };
  const first = { upstream: 3655929210, cursor: undefined };
  expect(sealCursor(session, 'tools', later, fixedRandom)).toBe(texts['page-2']);
  expect(sealCursor(session, 'tools', first, fixedRandom)).toBe(texts.none);
  expect(openCursor(session, 'tools', texts['page-2'])).toEqual(later);
  expect(openCursor(session, 'tools', texts.none)).toEqual(first);
});

test('event ids have these texts', () => {
  const texts = {
    post: 'paWlpaWlpaWlpaWl2tQ57s8T4U8mcxyTApQGzh2_azoVa0EKufeNb0yuo1A',
    merged: 'paWlpaWlpaWlpaWlAWsZ888i1hfKFNeATKRgCUr464GYvZTwXXr9ugIcow',
  };
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
  expect(sealEventId(session, post, fixedRandom)).toEqual({ text: texts.post, dropped: [] });
  expect(sealEventId(session, merged, fixedRandom)).toEqual({ text: texts.merged, dropped: [] });
  expect(openEventId(session, texts.post)).toEqual(post);
  expect(openEventId(session, texts.merged)).toEqual(merged);
});

test('ids of questions that a replica asks for its held calls have these texts, each time', () => {
  const text = 'BYY2fHdlu3tykFY8xvgu5JGk9wOBEUZa_SUeAqvMeUVGTaTc_eJUUAgP2ryQb-mM9GXL0MmDRJMPYQ';
  const place = { address: '10.0.0.7:1066', hold: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex') };
  expect(sealQuestionId(session, { place, question: 2 })).toBe(text);
  expect(openQuestionId(session, text)).toEqual({ place, question: 2 });
  expect(openRequestId(session, text)).toBeUndefined();
});

test('states of calls have these texts', () => {
  const call = { upstream: 3177736524, digest: Buffer.alloc(16, 7), expiresAt: 1_800_000_600 };
  const place = { address: '10.0.0.7:1066', hold: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex') };
  for (const [rest, text] of [
    [
      { kind: 'call', state: 'as given' },
      'paWlpaWlpaWlpaWlMz-Vki9jpNp6wvUYRs194uTj9qNVmq67ibnqKUDO2PzkesBG-HXEvFn7S1DGKI-M',
    ],
    [
      { kind: 'held', place },
      'paWlpaWlpaWlpaWlMz-Vki9jpNp6wvUYRs194uTj9qNVmq676MvITS29u5UYu_iU_iJG29zIQiL4vAokJfd976x9AtPcWTBO7oI3e6rTfOCm',
    ],
    [
      { kind: 'resumed', at: '{"lastEventId":"7"}' },
      'paWlpaWlpaWlpaWlMz-Vki9jpNp6wvUYRs194uTj9qNVmq67k-imL1rM-OR13IbWlg1y9traEQfxCulrL7xHUz1frDY9kk4',
    ],
  ] as const) {
    expect(sealRequestState(session, { ...call, rest }, fixedRandom)).toBe(text);
    expect(openRequestState(session, text)).toEqual({ ...call, rest });
  }
});

test('the session of a client without one has this identity on this day', () => {
  const { route } = expected;
  const known = principalSession(ring, alice, route, '2025-11-25', now);
  const unknown = principalSession(ring, 'anonymous', route, '2025-11-25', now);
  expect(known.claims.jti.toString('hex')).toBe('8cfc9b189a53f89fca4fa5f162acc0e0');
  expect(unknown.claims.jti.toString('hex')).toBe('3070d19278c59b3445827a9c59564531');
});

test('a key for another use is this one', () => {
  expect(ring.derive('peers', now).toString('hex')).toBe(
    'b7175915c240bec0ce9f8c33fb8474fa8a696cb7f36adf72899ef5fba48f47f3',
  );
});
