/**
 * How a replica knows that a request has come from another one, lately and to this one, and how that one knows that the answer is of
 * a replica: keyed digests, by a key of the key ring. An address may have changed hands since it was sealed.
 */
import type { SealFormat } from '../../session/format.ts';
import type { Keyring } from '../../session/keyring.ts';
import type { RawHeaders } from '../http/caller.ts';
import { isSameDigest, keyedDigest, maxAgeSeconds } from './digest.ts';
import { certificateHeader } from './hop-certificate.ts';

/**
 * Of a request, `SECONDS HEX` over time, address, path, headers and body, or `2 SECONDS HEX` in the second format; of its answer,
 * `HEX` over that. Both formats are understood; which one is written follows the format in which the keys seal.
 */
export const signatureHeader = 'manifold-hop';
const label = 'hop';
const signatureForm = /^(?:(2) )?(\d{1,12}) ([0-9a-f]{64})$/;

/** A signature as it came. */
interface Claim {
  readonly format: SealFormat;
  /** Unix seconds. */
  readonly at: number;
  readonly digest: string;
  /** All of it, which the proof is over. */
  readonly signature: string;
}

/** Hold for one connection (RFC 9110 §7.6.1), or are made again for the next. */
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
  const { format } = keyring.sealing(nowSeconds);
  const digest = sign(keyring.derive(label, nowSeconds), { format, at: nowSeconds }, request);
  return format === 1 ? `${nowSeconds} ${digest}` : `${format} ${nowSeconds} ${digest}`;
}

/** What is signed of a request, as it came; undefined for one that is not signed, or not lately. Reads no body. */
export function claimOf(rawHeaders: RawHeaders, nowSeconds: number): Claim | undefined {
  const signature = valueOf(rawHeaders, signatureHeader) ?? '';
  const [, version, seconds, digest = ''] = signatureForm.exec(signature) ?? [];
  if (seconds === undefined || Math.abs(Number(seconds) - nowSeconds) > maxAgeSeconds) return undefined;
  return { format: version === undefined ? 1 : 2, at: Number(seconds), digest, signature };
}

/** The proof for its answer, of a request that has come from a replica with the keys of this one; undefined for any other. */
export function proofFor(keyring: Keyring, nowSeconds: number, request: Signed): string | undefined {
  const claim = claimOf(request.rawHeaders, nowSeconds);
  if (claim === undefined) return undefined;
  for (const key of keyring.deriveAccepted(label, nowSeconds))
    if (isSameDigest(sign(key, claim, request), claim.digest)) return prove(key, claim.signature);
  return undefined;
}

/** Whether the answer to a request with this signature is of a replica. */
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
