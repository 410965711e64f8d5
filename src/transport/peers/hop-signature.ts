/**
 * Signatures between replicas: the receiver verifies that a request comes from a replica, is recent and is meant for it; the
 * sender verifies that the answer comes from a replica. Both are keyed digests with a key of the key ring. The sealed address
 * alone is no proof: another program may use it by now.
 */
import type { SealFormat } from '../../session/format.ts';
import type { Keyring } from '../../session/keyring.ts';
import type { RawHeaders } from '../http/caller.ts';
import { isSameDigest, keyedDigest, maxAgeSeconds } from './digest.ts';
import { certificateHeader } from './hop-certificate.ts';

/**
 * In a request: `SECONDS HEX`, or `2 SECONDS HEX` in the second format; the digest covers time, address, path, headers and body.
 * In the answer: `HEX`, a digest of the request's signature. Both formats are accepted. The format that is written follows the
 * seal format of the keys.
 */
export const signatureHeader = 'manifold-hop';
const label = 'hop';
const signatureForm = /^(?:(2) )?(\d{1,12}) ([0-9a-f]{64})$/;

/** A signature as received, not verified yet. */
interface Claim {
  readonly format: SealFormat;
  /** Unix seconds. */
  readonly at: number;
  readonly digest: string;
  /** The whole header value, which the proof of the answer covers. */
  readonly signature: string;
}

/** Headers that apply to one connection (RFC 9110 §7.6.1), or are set anew for the next one. */
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
  certificateHeader,
]);

export interface Signed {
  /** `host:port` of the receiving replica. */
  readonly address: string;
  readonly path: string;
  readonly rawHeaders: RawHeaders;
  readonly body: Buffer;
}

/** The headers of a client's request that are forwarded, as a raw list. */
export function passedOn(rawHeaders: RawHeaders): string[] {
  const passed: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (!ownHeaders.has(rawHeaders[i]!.toLowerCase())) passed.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  return passed;
}

export function signatureOf(keyring: Keyring, nowSeconds: number, request: Signed): string {
  const { format } = keyring.sealing(nowSeconds);
  const digest = sign(keyring.derive(label, nowSeconds), { format, at: nowSeconds }, request);
  return format === 1 ? `${nowSeconds} ${digest}` : `${format} ${nowSeconds} ${digest}`;
}

/** Reads the signature of a request. Undefined if it is missing, malformed or too old. Does not read the body. */
export function claimOf(rawHeaders: RawHeaders, nowSeconds: number): Claim | undefined {
  const signature = valueOf(rawHeaders, signatureHeader) ?? '';
  const [, version, seconds, digest = ''] = signatureForm.exec(signature) ?? [];
  if (seconds === undefined || Math.abs(Number(seconds) - nowSeconds) > maxAgeSeconds) return undefined;
  return { format: version === undefined ? 1 : 2, at: Number(seconds), digest, signature };
}

/** The proof for the answer to a request from a replica with the same keys; undefined for any other request. */
export function proofFor(keyring: Keyring, nowSeconds: number, request: Signed): string | undefined {
  const claim = claimOf(request.rawHeaders, nowSeconds);
  if (claim === undefined) return undefined;
  for (const key of keyring.deriveAccepted(label, nowSeconds))
    if (isSameDigest(sign(key, claim, request), claim.digest)) return prove(key, claim.signature);
  return undefined;
}

/** Whether `given` proves that a replica answered the request with this signature. */
export function isProof(keyring: Keyring, nowSeconds: number, signature: string, given: unknown): boolean {
  if (typeof given !== 'string') return false;
  return keyring.deriveAccepted(label, nowSeconds).some((key) => isSameDigest(prove(key, signature), given));
}

function sign(
  key: Buffer,
  { format, at }: Pick<Claim, 'format' | 'at'>,
  { address, path, rawHeaders, body }: Signed,
): string {
  const said = JSON.stringify([at, address, path, passedOn(rawHeaders)]);
  return keyedDigest(key, format === 1 ? `${said}\n` : `hop ${format}\n${said}\n`, body);
}

function prove(key: Buffer, signature: string): string {
  return keyedDigest(key, `answer ${signature}`);
}

/** The first value of a header; `name` is in lower case. */
export function valueOf(rawHeaders: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1];
  return undefined;
}
