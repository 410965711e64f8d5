/**
 * The replica at which a call waits for its client: it holds the stream of the upstream or of the client. Question ids and
 * request states name it, so the replica that receives the answer can forward it.
 */
import { openBound, sealBoundStable } from './bound.ts';
import { OctetReader } from './octets.ts';
import type { OpenSession } from './token.ts';

export interface HoldAddress {
  /** `host:port` at which other replicas reach the one that holds the call; empty where they cannot. */
  readonly address: string;
  /** `holdBytes` random bytes that identify the call at that replica. */
  readonly hold: Buffer;
}

/** One question of a held call, by its number in the round. */
export interface HeldQuestion {
  readonly place: HoldAddress;
  readonly question: number;
}

export const holdBytes = 16;
const kind = 'held';

/**
 * The id under which the client is asked, in place of the upstream's own request id. Always the same text for the same question.
 */
export function sealQuestionId(session: OpenSession, { place, question }: HeldQuestion): string {
  const payload = Buffer.concat([place.hold, Buffer.from([question]), Buffer.from(place.address, 'latin1')]);
  return sealBoundStable(session, 'req', kind, payload);
}

/** Undefined for any text that is not a question of this session, and after the session's expiry. */
export function openQuestionId(session: OpenSession, text: string, nowSeconds: number): HeldQuestion | undefined {
  const payload = openBound(session, 'req', kind, text, nowSeconds);
  if (payload === undefined) return undefined;
  const reader = new OctetReader(payload);
  const hold = reader.take(holdBytes);
  const question = reader.u8();
  return { place: { hold, address: reader.rest().toString('latin1') }, question };
}
