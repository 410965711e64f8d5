import { expect, test } from 'vitest';
import {
  decodeClaims,
  encodeClaims,
  encodeUpstream,
  routeHash,
  type SessionClaims,
  upstreamHash,
} from '../../src/session/claims.ts';

const bare: SessionClaims = {
  issuedAt: 1,
  expiresAt: 2,
  jti: Buffer.alloc(16, 1),
  principal: Buffer.alloc(16),
  anonymous: true,
  route: Buffer.alloc(8, 3),
  revision: '2025-06-18',
  clientCapabilities: 0xffff,
  upstreams: [],
};

function entryBytes(sessionId: string | undefined): number {
  return encodeUpstream({ hash: 1, capabilities: 0, revision: '2025-11-25', sessionId }).length;
}

test('a session id is packed where that gives it back, and kept as it is where not', () => {
  for (const [sessionId, bytes] of [
    [undefined, 7],
    ['1868a90c-5f3a-4b7e-9c1d-0123456789ab', 7 + 16],
    ['1868A90C-5f3a-4b7e-9c1d-0123456789ab', 7 + 1 + 27],
    ['1868a90c5f3a-4b7e-9c1d-0123456789ab-', 7 + 1 + 27],
    ['1868a90c-5f3a-4b7e-9c1d-0123456789abc', 7 + 1 + 37],
    ['00ff', 7 + 1 + 2],
    ['00FF', 7 + 1 + 3],
    ['00f', 7 + 1 + 3],
    ['a'.repeat(36), 7 + 1 + 18],
    ['AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA', 7 + 1 + 32],
    ['AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB', 7 + 1 + 43],
    ['AQIDBAU=', 7 + 1 + 8],
    ['sess:42/!', 7 + 1 + 9],
    ['', 7 + 1],
    ['ünïcode', 7 + 1 + 9],
    ['~'.repeat(128), 7 + 2 + 128],
  ] as const) {
    expect(entryBytes(sessionId), sessionId).toBe(bytes);
    const upstreams = [{ hash: 0xdeadbeef, capabilities: 0x1fff, revision: '2025-03-26' as const, sessionId }];
    expect(decodeClaims(encodeClaims({ ...bare, upstreams }))?.upstreams).toEqual(upstreams);
  }
});

test('only the bytes that the encoder writes are claims', () => {
  const good = encodeClaims({
    ...bare,
    upstreams: [{ hash: 1, capabilities: 0, revision: '2025-11-25', sessionId: 'ab' }],
  });
  // flags 0, revision 49, count 52, entry 53…58, form and revision 59, length 60, id 61
  const changed = (at: number, ...bytes: number[]): Buffer => {
    const copy = Buffer.from(good);
    for (const [index, byte] of bytes.entries()) copy[at + index] = byte;
    return copy;
  };
  expect(decodeClaims(good)).toBeDefined();
  for (const [why, payload] of [
    ['empty', Buffer.alloc(0)],
    ['cut short', good.subarray(0, -1)],
    ['too long', Buffer.concat([good, Buffer.from([0])])],
    ['unknown flag', changed(0, 3)],
    ['unknown revision', changed(49, 0)],
    ['unknown upstream revision', changed(59, 0x24)],
    ['unknown form', changed(59, 0x53)],
    ['length spelt in two bytes', Buffer.concat([good.subarray(0, 60), Buffer.from([0x81, 0x00, 0xab])])],
    ['length past the end', changed(60, 2)],
    ['length without end', Buffer.concat([good.subarray(0, 60), Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80])])],
    ['empty hexadecimal', Buffer.concat([good.subarray(0, 60), Buffer.from([0])])],
    [
      'raw where hexadecimal serves',
      Buffer.concat([good.subarray(0, 59), Buffer.from('4302', 'hex'), Buffer.from('ab')]),
    ],
    ['base64url where hexadecimal serves', Buffer.concat([good.subarray(0, 59), Buffer.from('330369b69b', 'hex')])],
    ['raw that is no UTF-8', Buffer.concat([good.subarray(0, 59), Buffer.from('4301ff', 'hex')])],
    ['more upstreams than any configuration', changed(52, 0x81, 0x08)],
  ] as const) {
    expect(decodeClaims(payload), why).toBeUndefined();
  }
});

test('identifiers of the wrong size are not sealed', () => {
  for (const wrong of [{ jti: Buffer.alloc(15) }, { principal: Buffer.alloc(17) }, { route: Buffer.alloc(4) }]) {
    expect(() => encodeClaims({ ...bare, ...wrong })).toThrow(RangeError);
  }
});

test('hashes tell apart what concatenation would confuse', () => {
  expect(upstreamHash('a', 'https://b', '/c')).not.toBe(upstreamHash('ahttps://b', '', '/c'));
  expect(upstreamHash('a', 'https://b', '/c')).not.toBe(upstreamHash('a', 'https://b/', 'c'));
  expect(routeHash('a', 'bc')).not.toEqual(routeHash('ab', 'c'));
});
