/** How replicas authenticate each other's messages: keyed digests as hexadecimal text, and the maximum age of a message. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** A message is refused when its time differs by more than this from the local clock. This limits the replay of old messages. */
export const maxAgeSeconds = 60;

/** HMAC-SHA256 over the concatenated parts, as hexadecimal text. */
export function keyedDigest(key: Buffer, ...parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}

/** Compares in constant time. */
export function isSameDigest(expectedHex: string, givenHex: string): boolean {
  const expected = Buffer.from(expectedHex, 'hex');
  const given = Buffer.from(givenHex, 'hex');
  return expected.length === given.length && timingSafeEqual(expected, given);
}
