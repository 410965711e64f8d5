/** Gateway API durations (GEP-2257): `1h30m`, `300s`, `500ms`. */
const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** The duration in ms. The text must be valid. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]{1,5})(ms|h|m|s)/g)) sum += Number(digits) * unitMs[unit!]!;
  return sum;
}
