/** JSON-RPC 2.0 §5: the id of a response is that of its request. Some servers convert ids to text or to floating point. */

/**
 * Whether `answered`, the raw JSON of a response's id, belongs to the request with the raw id `asked`: the same text, or the
 * number 1 as `"1"` or `1.0`. The text "1" never matches the number 1: that is another request.
 */
export function echoes(answered: string | undefined, asked: string): boolean {
  if (answered === asked) return true;
  if (answered === undefined || answered.length > maxEchoChars || asked.length > maxEchoChars) return false;
  const first = asked.charCodeAt(0);
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) return false;
  if (answered.startsWith('"')) return answered === `"${asked}"`;
  const number = Number(asked);
  return Number.isSafeInteger(number) && Number(answered) === number;
}

/** A counted number never has more digits. */
const maxEchoChars = 32;
