/** Text in columns for a terminal, and the sanitizing of text from peers. */

/** Columns separated by two spaces, each as wide as its widest cell; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * The first line of a peer's text, at most `maxChars` long. Control and format characters become spaces: a description must
 * not move the cursor, colour the screen or turn the direction of writing.
 */
export function firstLine(text: string, maxChars: number): string {
  const start = text.trimStart().slice(0, maxChars * 4);
  const line = start
    .split(/[\r\n\u2028\u2029]/, 1)[0]!
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  const chars = Array.from(line);
  return chars.length <= maxChars ? line : `${chars.slice(0, maxChars - 1).join('')}…`;
}
