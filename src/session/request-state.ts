/**
 * `requestState` of 2026-07-28: what an upstream wants back with the retry of a call, wrapped so that it comes back from the same
 * principal, for the same call and in time (basic/patterns/mrtr; security.md T24). The upstream gets its own text, to the byte.
 */
import { openBound, sealBound } from './bound.ts';
import { OctetReader, uint32 } from './octets.ts';
import type { Random } from './seal.ts';
import type { OpenSession } from './token.ts';

export interface CallState {
  /** `upstreamHash` of the upstream that gave it. */
  readonly upstream: number;
  /** 16 bytes over what the retry has to repeat. */
  readonly digest: Buffer;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** The upstream's own. */
  readonly state: string;
}

export const digestBytes = 16;

/** `session` is that of the principal. Throws `upstream_malformed` for a state that is too long. */
export function sealRequestState(session: OpenSession, call: CallState, random: Random): string {
  const { upstream, digest, expiresAt, state } = call;
  const payload = Buffer.concat([uint32(upstream), digest, uint32(expiresAt), Buffer.from(state, 'utf8')]);
  return sealBound(session, 'rst', 'call', payload, random);
}

/** undefined for every text that is no state of this principal. Whether it fits the call and is in time is for the caller to say. */
export function openRequestState(session: OpenSession, text: string): CallState | undefined {
  const payload = openBound(session, 'rst', 'call', text);
  if (payload === undefined) return undefined;
  const reader = new OctetReader(payload);
  return {
    upstream: reader.u32(),
    digest: reader.take(digestBytes),
    expiresAt: reader.u32(),
    state: reader.rest().toString('utf8'),
  };
}
