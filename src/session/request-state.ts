/**
 * `requestState` of 2026-07-28 basic/patterns/mrtr: what a call needs when its client comes back with answers. It is sealed, so
 * only the same principal can send it back, only for the same call, and only before it expires. An upstream that asks by rounds gets its
 * own text back, to the byte; one that asks by requests waits at a replica, or can be resumed at its last event.
 */
import { openBound, sealBound } from './bound.ts';
import { holdBytes, type HoldAddress } from './hold.ts';
import { OctetReader, uint32 } from './octets.ts';
import type { Random } from './seal.ts';
import type { OpenSession } from './token.ts';

export interface CallState {
  /** `upstreamHash` of the upstream that the call is at. */
  readonly upstream: number;
  /** 16 bytes over what the retry has to repeat. */
  readonly digest: Buffer;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly rest: Rest;
}

/** How the call goes on. */
export type Rest =
  /** The upstream's own state. */
  | { readonly kind: 'call'; readonly state: string }
  /** At the replica that holds the upstream's stream. */
  | { readonly kind: 'held'; readonly place: HoldAddress }
  /** At any replica: the upstream's stream is taken up after an event. `at` is JSON text of the caller's own. */
  | { readonly kind: 'resumed'; readonly at: string }
  /** From its begin, once its user has given the upstream permission; `state`: the upstream's own, where it had given one before. */
  | { readonly kind: 'consent'; readonly state: string | undefined };

export const digestBytes = 16;

/** `session` is that of the principal. Throws `upstream_malformed` for a state that is too long. */
export function sealRequestState(session: OpenSession, call: CallState, random: Random): string {
  const { upstream, digest, expiresAt, rest } = call;
  const payload = Buffer.concat([uint32(upstream), digest, uint32(expiresAt), restBytes(rest)]);
  return sealBound(session, 'rst', rest.kind, payload, random);
}

/** undefined for every text that is no state of this principal. Whether it fits the call and is in time is for the caller to say. */
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
