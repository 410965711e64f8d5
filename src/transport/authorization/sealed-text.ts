/** Texts that only the gateway reads, outside of sessions: what is in the store of tokens, and what a consent brings back. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const nonceBytes = 12;
const tagBytes = 16;
/** What was written by a later release is not read as something else. */
const version = 'v1.';

/** AES-256-GCM under a key of 32 bytes; `name` says what it is for. */
export function sealedText(value: string, name: string, key: Buffer): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(name));
  const bytes = [nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return version + Buffer.concat(bytes).toString('base64url');
}

/** Undefined for what none of the keys has sealed under this name. */
export function openedText(sealed: string, name: string, keys: readonly Buffer[]): string | undefined {
  if (!sealed.startsWith(version)) return undefined;
  const bytes = Buffer.from(sealed.slice(version.length), 'base64url');
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  for (const key of keys) {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(name));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    try {
      const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      // Another key of the ring may have sealed it.
    }
  }
  return undefined;
}
