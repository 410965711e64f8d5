/**
 * One sealed message: AES-256-GCM under a key made for this message alone, with key commitment; <v> is the format (format.ts):
 *
 *     base64url( format 1 · purpose 1 · kid 4 · salt 24 · commitment 16 · ciphertext · tag 16 )
 *     HKDF-SHA256(purpose key, salt, "mcpgw/v<v>/msg", 60) → key 32 · nonce 12 · commitment 16
 *
 * A key per message, because random nonces under one key run out after 2^32 messages. The commitment, because GCM alone lets
 * one ciphertext open under two keys.
 */
import { createCipheriv, createDecipheriv, createSecretKey, timingSafeEqual } from 'node:crypto';
import { isSealFormat } from './format.ts';
import { type Epoch, hkdf, type Keyring, kidBytes, purposeByte } from './keyring.ts';
import { fromBase64Url, uint32 } from './octets.ts';

/** Gives that many unpredictable bytes. */
export type Random = (bytes: number) => Buffer;

const cipher = 'aes-256-gcm';
const saltBytes = 24;
const keyBytes = 32;
const nonceBytes = 12;
const commitBytes = 16;
export const tagBytes = 16;
const okmBytes = keyBytes + nonceBytes + commitBytes;
const headBytes = 2 + kidBytes;
/** What the seal adds to a payload, in bytes. */
const sealOverheadBytes = headBytes + saltBytes + commitBytes + tagBytes;

/** Why a text is not a valid sealed message: for a metric label, never for the client. */
export type SealFault = 'length' | 'alphabet' | 'version' | 'purpose' | 'kid' | 'commitment' | 'tag';

export type Unsealed =
  | { readonly kind: 'opened'; readonly epoch: Epoch; readonly payload: Buffer }
  | { readonly kind: 'refused'; readonly fault: SealFault };

/** Base64url characters of a sealed message with a payload of this many bytes. */
export function sealedChars(payloadBytes: number): number {
  return Math.ceil(((sealOverheadBytes + payloadBytes) * 4) / 3);
}

/** Seals a session's payload under the epoch given, in its format. */
export function sealMessage(epoch: Epoch, payload: Buffer, random: Random): string {
  const salt = random(saltBytes);
  const okm = messageKeys(epoch, salt);
  const aead = createCipheriv(cipher, createSecretKey(okm.subarray(0, keyBytes)), nonceOf(okm), {
    authTagLength: tagBytes,
  });
  aead.setAAD(epoch.sessionAad);
  return Buffer.concat([
    Buffer.from([epoch.format, purposeByte.ses]),
    uint32(epoch.kid),
    salt,
    commitmentOf(okm),
    aead.update(payload),
    aead.final(),
    aead.getAuthTag(),
  ]).toString('base64url');
}

/**
 * Opens a session's payload. The cheap checks come first, so that garbage costs next to nothing; a forgery with a real kid
 * costs one HKDF; nothing is decrypted before the commitment holds.
 */
export function openMessage(keyring: Keyring, text: string, maxChars: number, nowSeconds: number): Unsealed {
  if (text.length > maxChars || text.length < sealedChars(0)) return refused.length;
  const bytes = fromBase64Url(text);
  if (bytes === undefined) return refused.alphabet;
  if (!isSealFormat(bytes[0])) return refused.version;
  if (bytes[1] !== purposeByte.ses) return refused.purpose;
  const epoch = keyring.accepting(bytes.readUInt32BE(2), nowSeconds);
  if (epoch === undefined) return refused.kid;
  if (epoch.format !== bytes[0]) return refused.version;

  const commitmentAt = headBytes + saltBytes;
  const ciphertextAt = commitmentAt + commitBytes;
  const okm = messageKeys(epoch, bytes.subarray(headBytes, commitmentAt));
  if (!timingSafeEqual(bytes.subarray(commitmentAt, ciphertextAt), commitmentOf(okm))) return refused.commitment;

  const key = createSecretKey(okm.subarray(0, keyBytes));
  const aead = createDecipheriv(cipher, key, nonceOf(okm), { authTagLength: tagBytes });
  aead.setAAD(epoch.sessionAad);
  aead.setAuthTag(bytes.subarray(-tagBytes));
  const payload = aead.update(bytes.subarray(ciphertextAt, -tagBytes));
  try {
    aead.final();
  } catch {
    return refused.tag;
  }
  return { kind: 'opened', epoch, payload };
}

const refused = {
  length: { kind: 'refused', fault: 'length' },
  alphabet: { kind: 'refused', fault: 'alphabet' },
  version: { kind: 'refused', fault: 'version' },
  purpose: { kind: 'refused', fault: 'purpose' },
  kid: { kind: 'refused', fault: 'kid' },
  commitment: { kind: 'refused', fault: 'commitment' },
  tag: { kind: 'refused', fault: 'tag' },
} as const satisfies Record<SealFault, Unsealed>;

function messageKeys(epoch: Epoch, salt: Buffer): Buffer {
  return hkdf(epoch.purposeKeys.ses, salt, `mcpgw/v${epoch.format}/msg`, okmBytes);
}

function nonceOf(okm: Buffer): Buffer {
  return okm.subarray(keyBytes, keyBytes + nonceBytes);
}

function commitmentOf(okm: Buffer): Buffer {
  return okm.subarray(keyBytes + nonceBytes);
}
