/**
 * Sealed forms of an upstream's own identifiers: ids of its requests to the client, its progress tokens and its task ids. The
 * answer may arrive at any replica, which reads from the identifier which upstream it is for. `nowSeconds` is Unix seconds.
 * The same thing has the same text each time, as `notifications/cancelled` and `notifications/tasks/status` need.
 */
import { type BoundPurpose, openBound, sealBoundStable } from './bound.ts';
import { OctetReader, uint32 } from './octets.ts';
import type { OpenSession } from './token.ts';

export interface UpstreamId {
  /** `upstreamHash` of the upstream that named it. */
  readonly upstream: number;
  /** Request ids and progress tokens: raw JSON text, so that `1` and `"1"` stay different. Task ids: the string itself. */
  readonly raw: string;
}

export function sealRequestId(session: OpenSession, id: UpstreamId): string {
  return seal(session, 'req', id);
}

/** Undefined for any text that is not a request id of this session, and after the session's expiry. */
export function openRequestId(session: OpenSession, text: string, nowSeconds: number): UpstreamId | undefined {
  return open(session, 'req', text, nowSeconds);
}

export function sealProgressToken(session: OpenSession, token: UpstreamId): string {
  return seal(session, 'prg', token);
}

/** Undefined for any text that is not a progress token of this session, and after the session's expiry. */
export function openProgressToken(session: OpenSession, text: string, nowSeconds: number): UpstreamId | undefined {
  return open(session, 'prg', text, nowSeconds);
}

export function sealTaskId(session: OpenSession, task: UpstreamId): string {
  return seal(session, 'tsk', task);
}

/** Undefined for any text that is not a task id of this session, and after the session's expiry. */
export function openTaskId(session: OpenSession, text: string, nowSeconds: number): UpstreamId | undefined {
  return open(session, 'tsk', text, nowSeconds);
}

function seal(session: OpenSession, purpose: BoundPurpose, id: UpstreamId): string {
  return sealBoundStable(session, purpose, '', Buffer.concat([uint32(id.upstream), Buffer.from(id.raw, 'utf8')]));
}

function open(session: OpenSession, purpose: BoundPurpose, text: string, nowSeconds: number): UpstreamId | undefined {
  const payload = openBound(session, purpose, '', text, nowSeconds);
  if (payload === undefined) return undefined;
  const reader = new OctetReader(payload);
  return { upstream: reader.u32(), raw: reader.rest().toString('utf8') };
}
