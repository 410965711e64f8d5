/** Replicas know one another by the certificate of their service, whatever authority has signed it. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { expect, test } from 'vitest';
import { securedLink, type OwnCertificate } from '../../../src/transport/peers/peer-link.ts';
import { makeAuthority, type Certificate } from '../../support/certificates.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const authority = makeAuthority();
const service = ['DNS:gateway.example.com'];
const own = authority.sign('/CN=gateway', service);
/** The file has the authority behind the certificate, as chains do. */
const chained = { ...own, cert: own.cert + authority.cert };

async function peerWith({ cert, key }: Pick<Certificate, 'cert' | 'key'>): Promise<string> {
  const server = createServer({ cert, key }, (_request, response) => void response.end('peer')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedAtTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function reached(url: string, current: () => OwnCertificate): Promise<string> {
  const dispatcher = new Agent({ connect: securedLink(current).connect });
  closedAtTheEnd(() => dispatcher.destroy());
  return await request(url, { dispatcher }).then(
    ({ body }) => body.text(),
    (fault: unknown) => String(fault),
  );
}

const withOwn =
  ({ cert, key }: Pick<Certificate, 'cert' | 'key'>) =>
  (): OwnCertificate => ({ cert, key, trusted: [cert] });

test('a replica with the same files', async () => {
  expect(await reached(await peerWith(own), withOwn(own))).toBe('peer');
  const alone = makeAuthority('signs itself');
  expect(await reached(await peerWith(alone), withOwn(alone))).toBe('peer');
});

test('one whose certificate was renewed already, by the same authority for the same names', async () => {
  const renewed = authority.sign('/CN=gateway', service);
  expect(await reached(await peerWith(renewed), withOwn(chained))).toBe('peer');
});

test('one that has the certificate of before', async () => {
  const next = makeAuthority('next').sign('/CN=gateway', service);
  const current = (): OwnCertificate => ({ cert: next.cert, key: next.key, trusted: [next.cert, own.cert] });
  expect(await reached(await peerWith(own), current)).toBe('peer');
});

test.each([
  ['another service of the same authority', () => authority.sign('/CN=gateway', ['DNS:other.example.com'])],
  ['another authority with the same names', () => makeAuthority('evil').sign('/CN=gateway', service)],
  ['a certificate that signs itself', () => makeAuthority('gateway')],
])('%s is not reached', async (_about, make) => {
  expect(await reached(await peerWith(make()), withOwn(chained))).toMatch(/certificate/);
});

test('a renewed certificate is used for the next connection', async () => {
  const next = makeAuthority('next').sign('/CN=gateway', ['DNS:new.example.com']);
  let current = own;
  const now = (): OwnCertificate => withOwn(current)();
  expect(await reached(await peerWith(next), now)).toMatch(/certificate/);
  current = next;
  expect(await reached(await peerWith(next), now)).toBe('peer');
});
