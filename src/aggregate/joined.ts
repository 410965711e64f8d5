/** Items of lists in memory of their own: what is kept for long must not keep a larger piece of memory that it was cut from. */

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
