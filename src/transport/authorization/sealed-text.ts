/** Texts that only the gateway can read, outside of sessions: the values in the token store, and the consent state. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const nonceBytes = 12;
const tagBytes = 16;
/** A text of a later version is refused, not misread. */
const version = 'v1.';

/** AES-256-GCM with a key of 32 bytes; `name` is authenticated and says what the text is for. */
export function sealedText(value: string, name: string, key: Buffer): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(name));
  const bytes = [nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return version + Buffer.concat(bytes).toString('base64url');
}

/** Undefined for a text that none of the keys has sealed under this name. */
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
