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
  /** Names the call there: `holdBytes` random bytes. */
  readonly hold: Buffer;
}

/** One question of a held call, by its number in the round. */
export interface HeldQuestion {
  readonly place: HoldAddress;
  readonly question: number;
}

export const holdBytes = 16;
const kind = 'held';

/** The id under which a client is asked, in the place of an upstream's own request id. The same text each time. */
export function sealQuestionId(session: OpenSession, { place, question }: HeldQuestion): string {
  const payload = Buffer.concat([place.hold, Buffer.from([question]), Buffer.from(place.address, 'latin1')]);
  return sealBoundStable(session, 'req', kind, payload);
}

/** undefined for every text that is no question of this session, and when it is over. */
export function openQuestionId(session: OpenSession, text: string, nowSeconds: number): HeldQuestion | undefined {
  const payload = openBound(session, 'req', kind, text, nowSeconds);
  if (payload === undefined) return undefined;
  const reader = new OctetReader(payload);
  const hold = reader.take(holdBytes);
  const question = reader.u8();
  return { place: { hold, address: reader.rest().toString('latin1') }, question };
}
