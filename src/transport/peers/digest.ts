/** By what replicas know each other's messages: keyed digests as hexadecimal text, and how old a message may be. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** A message is refused when the clocks differ by more than this, so that an old one cannot be sent again later. */
export const maxAgeSeconds = 60;

/** HMAC-SHA256 over the parts, one after the other. */
export function keyedDigest(key: Buffer, ...parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}

/** Takes the same time wherever the two differ. */
export function isSameDigest(expectedHex: string, givenHex: string): boolean {
  const expected = Buffer.from(expectedHex, 'hex');
  const given = Buffer.from(givenHex, 'hex');
  return expected.length === given.length && timingSafeEqual(expected, given);
}
