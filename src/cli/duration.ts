/** Durations as people write them: `500ms`, `5s`, `2m`, `24h`, `7d`. */

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds; undefined if the text is not a duration. A bare number is not one, because its unit would be a guess. */
export function durationMs(text: string): number | undefined {
  const parts = /^([0-9]{1,12})(ms|s|m|h|d)$/.exec(text);
  if (parts === null) return undefined;
  return Number(parts[1]) * unitMs[parts[2]!]!;
}
