import { beforeAll, expect, test } from 'vitest';
import type { Keyring } from '../../../src/session/keyring.ts';
import {
  claimOf,
  isProof,
  proofFor,
  signatureHeader,
  signatureOf,
} from '../../../src/transport/peers/hop-signature.ts';
import { firstKey, now, ringOf, secondKey } from '../../session/ring.ts';

const request = {
  address: '10.0.0.7:1066',
  path: '/mcp',
  rawHeaders: ['Mcp-Session-Id', 'abc', 'Host', 'x'],
  body: Buffer.from('{}'),
};

let before: Keyring;
let after: Keyring;
beforeAll(async () => {
  before = await ringOf(firstKey);
  after = await ringOf({ ...firstKey, format: 2 });
});

/** The proof that a replica gives of a request with this signature. */
function proofOf(
  ring: Keyring,
  signature: string,
  at = now,
  changed: Partial<typeof request> = {},
): string | undefined {
  const rawHeaders = [...(changed.rawHeaders ?? request.rawHeaders), signatureHeader, signature];
  return proofFor(ring, at, { ...request, ...changed, rawHeaders });
}

// Made by another program, in Python, for the key of bytes 00 to 1f.
test('signatures have these texts: release 0.1 writes and reads the first', () => {
  expect(signatureOf(before, now, request)).toBe(
    '1800000000 3caa628b96bc1494a9ff9ab016d7a44a25b3399b9ac0da36e53472360be2ef9e',
  );
  expect(signatureOf(after, now, request)).toBe(
    '2 1800000000 0fddc63fc21889c107a0e105a19af7282e300d5afb280f8ff5def99a78c6f2be',
  );
});

test('a hop in either format is understood and proved, whichever its hearer writes', () => {
  for (const from of [before, after])
    for (const to of [before, after]) {
      const signature = signatureOf(from, now, request);
      expect(isProof(from, now, signature, proofOf(to, signature))).toBe(true);
    }
});

test('what is changed, old, of another key or in the other form proves nothing', async () => {
  const stranger = await ringOf(secondKey);
  for (const from of [before, after]) {
    const signature = signatureOf(from, now, request);
    expect(proofOf(before, signature, now, { path: '/other' })).toBeUndefined();
    expect(proofOf(before, signature, now, { address: '10.0.0.8:1066' })).toBeUndefined();
    expect(proofOf(before, signature, now, { body: Buffer.from('[]') })).toBeUndefined();
    expect(proofOf(before, signature, now, { rawHeaders: ['Mcp-Session-Id', 'abd'] })).toBeUndefined();
    expect(proofOf(before, signature, now + 61)).toBeUndefined();
    expect(proofOf(stranger, signature)).toBeUndefined();
    expect(isProof(from, now, signature, proofOf(before, signatureOf(from, now - 1, request)))).toBe(false);
  }
  const [one, two] = [signatureOf(before, now, request), signatureOf(after, now, request)];
  expect(proofOf(before, `2 ${one}`)).toBeUndefined();
  expect(proofOf(before, two.slice(2))).toBeUndefined();
});

test('what is no signature is none', () => {
  for (const text of [
    '',
    'x',
    `${now}`,
    `${now} `,
    `${now} ${'g'.repeat(64)}`,
    `1 ${now} ${'0'.repeat(64)}`,
    `3 ${now} ${'0'.repeat(64)}`,
  ])
    expect(claimOf([signatureHeader, text], now), text).toBeUndefined();
});
