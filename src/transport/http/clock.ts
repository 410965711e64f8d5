/** The time of day, as sealed identifiers count it. */

/** Unix seconds. */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
