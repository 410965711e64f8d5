/**
 * The client certificate of a request that one replica forwards to another, in a header of the request. Its digest covers the
 * signature of the request. So it is valid for this request only, and no client can forge it.
 */
import type { Keyring } from '../../session/keyring.ts';
import type { ClientCertificate } from '../http/client-certificate.ts';
import { isSameDigest, keyedDigest } from './digest.ts';

/** `BASE64URL HEX`: name and expiry of the certificate as JSON, and the digest. */
export const certificateHeader = 'manifold-hop-certificate';
const label = 'hop-certificate';
const form = /^([A-Za-z0-9_-]{1,4000}) ([0-9a-f]{64})$/;

/** The value of the header. */
export function writeCertificate(
  keyring: Keyring,
  nowSeconds: number,
  signature: string,
  { name, expiresAt }: ClientCertificate,
): string {
  const said = Buffer.from(JSON.stringify([name, expiresAt])).toString('base64url');
  return `${said} ${keyedDigest(keyring.derive(label, nowSeconds), `${signature}\n${said}`)}`;
}

/** Undefined unless a replica wrote it for this request. `signature` must already be verified. */
export function readCertificate(
  keyring: Keyring,
  nowSeconds: number,
  signature: string,
  value: string,
): ClientCertificate | undefined {
  const [, said = '', digest = ''] = form.exec(value) ?? [];
  const isOurs = keyring
    .deriveAccepted(label, nowSeconds)
    .some((key) => isSameDigest(keyedDigest(key, `${signature}\n${said}`), digest));
  if (!isOurs) return undefined;
  const [name, expiresAt] = JSON.parse(Buffer.from(said, 'base64url').toString()) as [string, number];
  return { name, expiresAt };
}
