/**
 * Identifiers bound to a session: without the session nobody can open or create them, none can be used in place of another,
 * and all expire with the session. They have the format of their session (format.ts).
 *
 *     format 1   base64url( nonce 12 · ciphertext · tag 16 )       AES-256-GCM, key = HKDF(purpose key, jti, "mcpgw/v1/sid", 32),
 *                                                                  AAD = purpose byte · kind
 *     format 2   base64url( 02 · nonce 12 · ciphertext · tag 16 )  the same with "mcpgw/v2/sid" and AAD = 02 · purpose byte · kind
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { SealFormat } from './format.ts';
import { type Purpose, purposeByte } from './keyring.ts';
import { fromBase64Url, lengthPrefixed } from './octets.ts';
import { type Random, tagBytes } from './seal.ts';
import type { OpenSession } from './token.ts';

export type BoundPurpose = Exclude<Purpose, 'ses'>;

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const overheadBytes = nonceBytes + tagBytes;
/** Maximum payload of an identifier in bytes: the upstream's identifier and what is sealed beside it. Longer ones are refused. */
const maxBoundPayloadBytes = 16 * 1024;
const maxBoundChars = charsOf(1 + overheadBytes + maxBoundPayloadBytes);
const minBoundChars = charsOf(overheadBytes);

/** Base64url characters of an identifier of this session with a payload of this many bytes. */
export function boundChars(session: OpenSession, payloadBytes: number): number {
  return charsOf(headOf(session.epoch.format).length + overheadBytes + payloadBytes);
}

/** Creates a new text at each call. Throws `upstream_malformed` when the payload is too long. */
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
 * The same text for the same payload in the same session, on every replica: a request and its later cancellation must name one
 * id, and a task has one id in all messages. The nonce is a keyed digest of the payload, as in SIV modes (RFC 5297 §1.3.2):
 * different payloads get different nonces, and equal texts reveal only that the payloads are equal, which is intended. Throws
 * `upstream_malformed` when the payload is too long.
 */
export function sealBoundStable(session: OpenSession, purpose: BoundPurpose, kind: string, payload: Buffer): string {
  const nonce = createHmac('sha256', session.nonceKey(purpose)).update(lengthPrefixed(kind)).update(payload).digest();
  return seal(session, purpose, kind, payload, nonce.subarray(0, nonceBytes));
}

/**
 * The payload; undefined for any text that this session did not seal for this purpose and kind, and after the session's expiry.
 */
export function openBound(
  session: OpenSession,
  purpose: BoundPurpose,
  kind: string,
  text: string,
  nowSeconds: number,
): Buffer | undefined {
  if (text.length > maxBoundChars || text.length < minBoundChars) return undefined;
  const bytes = fromBase64Url(text);
  if (bytes === undefined) return undefined;
  const payload = open(session, purpose, kind, bytes, nowSeconds);
  if (payload !== undefined) return payload;
  for (const other of session.others) {
    const found = open(other, purpose, kind, bytes, nowSeconds);
    if (found !== undefined) return found;
  }
  return undefined;
}

function seal(session: OpenSession, purpose: BoundPurpose, kind: string, payload: Buffer, nonce: Buffer): string {
  if (payload.length > maxBoundPayloadBytes) {
    throw new GatewayError('upstream_malformed', `an identifier of ${payload.length} bytes`);
  }
  const aead = createCipheriv(cipher, session.key(purpose), nonce, { authTagLength: tagBytes });
  const head = headOf(session.epoch.format);
  aead.setAAD(aad(head, purpose, kind));
  return Buffer.concat([head, nonce, aead.update(payload), aead.final(), aead.getAuthTag()]).toString('base64url');
}

function open(
  session: OpenSession,
  purpose: BoundPurpose,
  kind: string,
  bytes: Buffer,
  nowSeconds: number,
): Buffer | undefined {
  const head = headOf(session.epoch.format);
  const ciphertextAt = head.length + nonceBytes;
  if (session.isOver(nowSeconds) || bytes.length < head.length + overheadBytes) return undefined;
  if (!head.equals(bytes.subarray(0, head.length))) return undefined;
  const nonce = bytes.subarray(head.length, ciphertextAt);
  const aead = createDecipheriv(cipher, session.key(purpose), nonce, { authTagLength: tagBytes });
  aead.setAAD(aad(head, purpose, kind));
  aead.setAuthTag(bytes.subarray(-tagBytes));
  const payload = aead.update(bytes.subarray(ciphertextAt, -tagBytes));
  try {
    aead.final();
    return payload;
  } catch {
    return undefined;
  }
}

/** Head and purpose have a fixed length in each format, so they and the kind need no separator. */
function aad(head: Buffer, purpose: BoundPurpose, kind: string): Buffer {
  return Buffer.concat([head, Buffer.from(String.fromCharCode(purposeByte[purpose]) + kind, 'latin1')]);
}

/** The prefix: the format byte, from format 2 on. */
function headOf(format: SealFormat): Buffer {
  return format === 1 ? noHead : secondHead;
}

const noHead = Buffer.alloc(0);
const secondHead = Buffer.from([2]);

function charsOf(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}
