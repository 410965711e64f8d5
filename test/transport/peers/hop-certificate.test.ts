/** The certificate of a client at another replica: nobody but a replica can say it, and for one request alone. */
import { expect, test } from 'vitest';
import { readCertificate, writeCertificate } from '../../../src/transport/peers/hop-certificate.ts';
import { passedOn } from '../../../src/transport/peers/hop-signature.ts';
import { firstKey, now, ringOf, secondKey } from '../../session/ring.ts';

const ring = await ringOf(firstKey);
const certificate = { name: 'URI:spiffe://mesh/ada', expiresAt: 2_000_000_000 };
const written = writeCertificate(ring, now, 'signature', certificate);

test('what a replica has written is read', () => {
  expect(readCertificate(ring, now, 'signature', written)).toEqual(certificate);
});

test.each([
  ['another request', 'other', written],
  ['another name', 'signature', written.replace(/^[^ ]+/, Buffer.from('["URI:eve",2000000000]').toString('base64url'))],
  ['another form', 'signature', 'a b c'],
  ['nothing', 'signature', ''],
])('%s is not', (_about, signature, value) => {
  expect(readCertificate(ring, now, signature, value)).toBeUndefined();
});

test('nor what was written with another key', async () => {
  expect(readCertificate(await ringOf(secondKey), now, 'signature', written)).toBeUndefined();
});

test('a header of the client with this name does not go along', () => {
  expect(passedOn(['Manifold-Hop-Certificate', written, 'x', 'y'])).toEqual(['x', 'y']);
});
