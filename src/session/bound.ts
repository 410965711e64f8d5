/**
 * Identifiers bound to a session: whoever lacks the session cannot open or make them, and none can be used in the place of
 * another. security.md §2.2, T3, T4, T23.
 *
 *     base64url( nonce 12 · ciphertext · tag 16 )   AES-256-GCM, key = HKDF(purpose key, jti, "mcpgw/v1/sid", 32),
 *                                                   AAD = purpose byte · kind
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import { type Purpose, purposeByte } from './keyring.ts';
import { fromBase64Url, lengthPrefixed } from './octets.ts';
import { type Random, tagBytes } from './seal.ts';
import type { OpenSession } from './token.ts';

export type BoundPurpose = Exclude<Purpose, 'ses'>;

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const overheadBytes = nonceBytes + tagBytes;
/** Upstream identifiers longer than this (as bytes, with what is sealed beside them) are refused. */
const maxBoundPayloadBytes = 16 * 1024;
const maxBoundChars = boundChars(maxBoundPayloadBytes);

/** Base64url characters of an identifier with a payload of this many bytes. */
export function boundChars(payloadBytes: number): number {
  return Math.ceil(((overheadBytes + payloadBytes) * 4) / 3);
}

/** A fresh text at each call. Throws `upstream_malformed` when the payload is too long. */
export function sealBound(
  session: OpenSession,
  purpose: BoundPurpose,
  kind: string,
  payload: Buffer,
  random: Random,
): string {
  return seal(session, purpose, kind, payload, random(nonceBytes));
}

/**
 * The same text for the same payload in the same session, on every replica: a request and its later cancellation have to name
 * one id (protocol.md D6.1), a task has one id in all messages. The nonce is a keyed digest of what is sealed, as in SIV modes
 * (RFC 5297 §1.3.2): two payloads get two nonces, and equal texts tell only that the payloads are equal, which is the purpose.
 * Throws `upstream_malformed` when the payload is too long.
 */
export function sealBoundStable(session: OpenSession, purpose: BoundPurpose, kind: string, payload: Buffer): string {
  const nonce = createHmac('sha256', session.nonceKey(purpose)).update(lengthPrefixed(kind)).update(payload).digest();
  return seal(session, purpose, kind, payload, nonce.subarray(0, nonceBytes));
}

/** The payload, or undefined for every text that this session did not seal for this purpose and kind. */
export function openBound(session: OpenSession, purpose: BoundPurpose, kind: string, text: string): Buffer | undefined {
  if (text.length > maxBoundChars || text.length < boundChars(0)) return undefined;
  const bytes = fromBase64Url(text);
  if (bytes === undefined) return undefined;
  const payload = open(session, purpose, kind, bytes);
  if (payload !== undefined) return payload;
  for (const other of session.others) {
    const found = open(other, purpose, kind, bytes);
    if (found !== undefined) return found;
  }
  return undefined;
}

function seal(session: OpenSession, purpose: BoundPurpose, kind: string, payload: Buffer, nonce: Buffer): string {
  if (payload.length > maxBoundPayloadBytes) {
    throw new GatewayError('upstream_malformed', `an identifier of ${payload.length} bytes`);
  }
  const aead = createCipheriv(cipher, session.key(purpose), nonce, { authTagLength: tagBytes });
  aead.setAAD(aad(purpose, kind));
  return Buffer.concat([nonce, aead.update(payload), aead.final(), aead.getAuthTag()]).toString('base64url');
}

function open(session: OpenSession, purpose: BoundPurpose, kind: string, bytes: Buffer): Buffer | undefined {
  const nonce = bytes.subarray(0, nonceBytes);
  const aead = createDecipheriv(cipher, session.key(purpose), nonce, { authTagLength: tagBytes });
  aead.setAAD(aad(purpose, kind));
  aead.setAuthTag(bytes.subarray(-tagBytes));
  const payload = aead.update(bytes.subarray(nonceBytes, -tagBytes));
  try {
    aead.final();
    return payload;
  } catch {
    return undefined;
  }
}

/** The purpose is one byte, so purpose and kind need no separator. */
function aad(purpose: BoundPurpose, kind: string): Buffer {
  return Buffer.from(String.fromCharCode(purposeByte[purpose]) + kind, 'latin1');
}
