/** Gateway API durations (GEP-2257): `1h30m`, `300s`, `500ms`. */
const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** The duration in ms. The text must be valid. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]{1,5})(ms|h|m|s)/g)) sum += Number(digits) * unitMs[unit!]!;
  return sum;
}

/** The same text for a number of whole ms, at least 1: each number of it has at most five digits. */
export function durationText(ms: number): string {
  let left = ms;
  let text = '';
  for (const [unit, size] of Object.entries(unitMs)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}
