/** The current time, in the unit of sealed identifiers. */

/** Unix seconds. */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
