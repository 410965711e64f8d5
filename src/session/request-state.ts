/**
 * `requestState` of 2026-07-28 basic/patterns/mrtr: what a call needs when its client comes back with answers. It is sealed, so
 * only the same principal can send it back, only for the same call, and only before it expires. An upstream that asks by rounds
 * gets its own state back unchanged. An upstream that asks by requests waits at a replica, or can be resumed after its last
 * event.
 */
import { openBound, sealBound } from './bound.ts';
import { holdBytes, type HoldAddress } from './hold.ts';
import { OctetReader, uint32 } from './octets.ts';
import type { Random } from './seal.ts';
import type { OpenSession } from './token.ts';

export interface CallState {
  /** `upstreamHash` of the upstream that the call is at. */
  readonly upstream: number;
  /** 16 bytes over the parts of the call that the retry must repeat. */
  readonly digest: Buffer;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly rest: Rest;
}

/** How the call continues. */
export type Rest =
  /** The upstream's own state. */
  | { readonly kind: 'call'; readonly state: string }
  /** At the replica that holds the upstream's stream. */
  | { readonly kind: 'held'; readonly place: HoldAddress }
  /** At any replica: the upstream's stream is resumed after an event. `at` is JSON text that the caller defines. */
  | { readonly kind: 'resumed'; readonly at: string }
  /** From the start, after the user has given the upstream permission. `state`: the upstream's own, if it had given one before. */
  | { readonly kind: 'consent'; readonly state: string | undefined };

export const digestBytes = 16;

/** `session` is the principal's session. Throws `upstream_malformed` for a state that is too long. */
export function sealRequestState(session: OpenSession, call: CallState, random: Random): string {
  const { upstream, digest, expiresAt, rest } = call;
  const payload = Buffer.concat([uint32(upstream), digest, uint32(expiresAt), restBytes(rest)]);
  return sealBound(session, 'rst', rest.kind, payload, random);
}

/**
 * Undefined for any text that is not a state of this principal. The caller checks whether it belongs to the call and is still
 * valid.
 */
export function openRequestState(session: OpenSession, text: string, nowSeconds: number): CallState | undefined {
  for (const kind of ['call', 'held', 'resumed', 'consent'] as const) {
    const payload = openBound(session, 'rst', kind, text, nowSeconds);
    if (payload === undefined) continue;
    const reader = new OctetReader(payload);
    return {
      upstream: reader.u32(),
      digest: reader.take(digestBytes),
      expiresAt: reader.u32(),
      rest: readRest(kind, reader),
    };
  }
  return undefined;
}

function restBytes(rest: Rest): Buffer {
  switch (rest.kind) {
    case 'call':
      return Buffer.from(rest.state, 'utf8');
    case 'held':
      return Buffer.concat([rest.place.hold, Buffer.from(rest.place.address, 'latin1')]);
    case 'resumed':
      return Buffer.from(rest.at, 'utf8');
    case 'consent':
      // A state may be empty, and is something else than none.
      return rest.state === undefined ? Buffer.alloc(0) : Buffer.from(`=${rest.state}`, 'utf8');
  }
}

function readRest(kind: Rest['kind'], reader: OctetReader): Rest {
  switch (kind) {
    case 'call':
      return { kind, state: reader.rest().toString('utf8') };
    case 'held':
      return { kind, place: { hold: reader.take(holdBytes), address: reader.rest().toString('latin1') } };
    case 'resumed':
      return { kind, at: reader.rest().toString('utf8') };
    case 'consent': {
      const text = reader.rest().toString('utf8');
      return { kind, state: text === '' ? undefined : text.slice(1) };
    }
  }
}
