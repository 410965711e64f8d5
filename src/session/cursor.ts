/**
 * List cursors: where the next page begins, as an upstream and the upstream's own cursor. The kind of list is
 * authenticated, so a cursor of one list is invalid for another (2025-11-25 server/utilities/pagination §Error Handling: -32602).
 */
import { openBound, sealBound } from './bound.ts';
import { OctetReader, uint32 } from './octets.ts';
import type { Random } from './seal.ts';
import type { OpenSession } from './token.ts';

export interface ListPosition {
  /** `upstreamHash` of the upstream that the page begins with. */
  readonly upstream: number;
  /** Its own cursor, or undefined for its first page. */
  readonly cursor: string | undefined;
}

const noCursor = Buffer.from([0]);
const withCursor = Buffer.from([1]);

/** `list` names the list: `tools`, `prompts`, `resources`, `resourceTemplates`. */
export function sealCursor(session: OpenSession, list: string, position: ListPosition, random: Random): string {
  const { upstream, cursor } = position;
  const rest = cursor === undefined ? [noCursor] : [withCursor, Buffer.from(cursor, 'utf8')];
  return sealBound(session, 'cur', list, Buffer.concat([uint32(upstream), ...rest]), random);
}

/** Undefined for any text that is not a cursor of this list in this session, and after the session's expiry. */
export function openCursor(
  session: OpenSession,
  list: string,
  text: string,
  nowSeconds: number,
): ListPosition | undefined {
  const payload = openBound(session, 'cur', list, text, nowSeconds);
  if (payload === undefined) return undefined;
  const reader = new OctetReader(payload);
  const upstream = reader.u32();
  return { upstream, cursor: reader.u8() === 0 ? undefined : reader.rest().toString('utf8') };
}
