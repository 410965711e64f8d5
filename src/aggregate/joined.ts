/** List items copied into memory of their own, so that a cached item does not keep the larger buffer it was a part of. */

const comma = 0x2c;

/** The parts with commas between them. */
export function joined(parts: readonly Buffer[]): Buffer {
  let size = Math.max(parts.length - 1, 0);
  for (const part of parts) size += part.length;
  const whole = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const part of parts) {
    if (at > 0) whole[at++] = comma;
    at += part.copy(whole, at);
  }
  return whole;
}

/** The parts without anything between them. */
export function concatenated(parts: readonly Buffer[]): Buffer {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const part of parts) at += part.copy(whole, at);
  return whole;
}
