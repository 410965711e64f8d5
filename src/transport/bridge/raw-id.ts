/** Request ids as raw JSON text. Some servers echo a number as a string or a string as a number. Pure. */

/** The text of an id without its quotes: `1` and `"1"` are equal here, and only here. */
export function asText(raw: string): string {
  return raw.startsWith('"') ? raw.slice(1, -1) : raw;
}

/** The other form of the id: `"1"` for `1`, and `1` for `"1"`. Undefined for text that is not a whole number. */
export function otherForm(raw: string): string | undefined {
  const text = asText(raw);
  if (!/^-?\d{1,19}$/.test(text)) return undefined;
  return raw === text ? `"${text}"` : text;
}
