/**
 * How a replica knows that a request has come from another one, lately and to this one, and how that one knows that the answer is of
 * a replica: keyed digests, by a key of the key ring. An address may have changed hands since it was sealed.
 */
import type { Keyring } from '../../session/keyring.ts';
import type { RawHeaders } from '../http/caller.ts';
import { isSameDigest, keyedDigest, maxAgeSeconds } from './digest.ts';

/** Of a request, `SECONDS HEX` over time, address, path, headers and body; of its answer, `HEX` over that. */
export const signatureHeader = 'manifold-hop';
const label = 'hop';

/** Hold for one connection (RFC 9110 §7.6.1), or are made anew for the next. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  signatureHeader,
]);

export interface Signed {
  /** `host:port` of the replica that it is for. */
  readonly address: string;
  readonly path: string;
  readonly rawHeaders: RawHeaders;
  readonly body: Buffer;
}

/** The headers of a client's request that go along, as a raw list. */
export function passedOn(rawHeaders: RawHeaders): string[] {
  const passed: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (!ownHeaders.has(rawHeaders[i]!.toLowerCase())) passed.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  return passed;
}

export function signatureOf(keyring: Keyring, nowSeconds: number, request: Signed): string {
  return `${nowSeconds} ${sign(keyring.derive(label, nowSeconds), nowSeconds, request)}`;
}

/** What is signed of a request, as it came; undefined for one that is not signed, or not lately. Reads no body. */
export function claimOf(rawHeaders: RawHeaders, nowSeconds: number): { at: number; signature: string } | undefined {
  const signature = valueOf(rawHeaders, signatureHeader) ?? '';
  const at = Number(signature.split(' ', 1)[0] || Number.NaN);
  return Number.isSafeInteger(at) && Math.abs(at - nowSeconds) <= maxAgeSeconds ? { at, signature } : undefined;
}

/** The proof for its answer, of a request that has come from a replica with the keys of this one; undefined for any other. */
export function proofFor(keyring: Keyring, nowSeconds: number, request: Signed): string | undefined {
  const claim = claimOf(request.rawHeaders, nowSeconds);
  if (claim === undefined) return undefined;
  const given = claim.signature.slice(claim.signature.indexOf(' ') + 1);
  for (const key of keyring.deriveAccepted(label, nowSeconds))
    if (isSameDigest(sign(key, claim.at, request), given)) return prove(key, claim.signature);
  return undefined;
}

/** Whether the answer to a request with this signature is of a replica. */
export function isProof(keyring: Keyring, nowSeconds: number, signature: string, given: unknown): boolean {
  if (typeof given !== 'string') return false;
  return keyring.deriveAccepted(label, nowSeconds).some((key) => isSameDigest(prove(key, signature), given));
}

function sign(key: Buffer, at: number, { address, path, rawHeaders, body }: Signed): string {
  const said = JSON.stringify([at, address, path, passedOn(rawHeaders)]);
  return keyedDigest(key, `${said}\n`, body);
}

function prove(key: Buffer, signature: string): string {
  return keyedDigest(key, `answer ${signature}`);
}

function valueOf(rawHeaders: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1];
  return undefined;
}
