/** Finds the call that an oversized answer belongs to: its id is at the beginning or the end of the message. Pure. */

/** The one of these ids (raw JSON text) that the message contains, judged by its first and last bytes. */
export function answeredTooLarge(ids: Iterable<string>, head: Buffer, tail: Buffer): string | undefined {
  const start = head.toString('latin1');
  const end = tail.toString('latin1').trimEnd();
  for (const id of ids)
    if (start.startsWith(`{"jsonrpc":"2.0","id":${id},"`) || end.endsWith(`,"id":${id}}`)) return id;
  return undefined;
}
