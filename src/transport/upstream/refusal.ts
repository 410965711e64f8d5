/**
 * The meaning of an upstream's answer that is not a 200 with JSON or events: a JSON-RPC error about the request, a lost session,
 * or an HTTP fault.
 */
import type { ErrorCode } from '../../errors.ts';
import { withoutMark } from '../../protocol/byte-order-mark.ts';
import { echoes } from '../../protocol/echoed-id.ts';
import { readServerMessage, type Message } from '../../protocol/envelope.ts';
import { numberOf } from '../../protocol/scan.ts';

/** A sink that waits for the answer to one request. */
export interface Expecting {
  /** Raw id of the request. */
  readonly upstreamId?: string | undefined;
  /** The request is the gateway's own, for which an HTTP status is more useful than an error text. */
  readonly isOwn?: boolean;
}

export type Refusal =
  /** The upstream's own JSON-RPC answer, whole. */
  { readonly kind: 'answer'; readonly body: Buffer } | { readonly kind: 'fault'; readonly code: ErrorCode };

/**
 * `expects` is undefined if no answer is expected. `readsErrors`: statuses 400 and 404 contain JSON-RPC errors, as in revision
 * 2026-07-28.
 */
export function refusalOf(
  status: number,
  bytes: Buffer,
  expects: Expecting | undefined,
  readsErrors: boolean,
): Refusal {
  const body = withoutMark(bytes);
  const message = messageIn(body);
  const isOurs = message !== undefined && isAbout(message, expects, readsErrors);
  if (status === 200) return isOurs ? { kind: 'answer', body } : { kind: 'fault', code: 'upstream_malformed' };
  const error = message?.root.member('error');
  const isError = isOurs && error !== undefined;
  if (isError && expects?.isOwn === true && status !== 400 && status !== 404)
    return { kind: 'fault', code: codeOf(status) };
  const code = error?.member('code');
  const number = code?.kind === 'number' ? numberOf(body, code) : undefined;
  if (!readsErrors && isSessionLost(status, body, isError, number))
    return { kind: 'fault', code: 'upstream_session_lost' };
  // A challenge concerns the credentials of the upstream, whatever else the answer contains.
  if (isError && status >= 400 && status !== 401) return { kind: 'answer', body };
  return { kind: 'fault', code: codeOf(status) };
}

function messageIn(body: Buffer): Message | undefined {
  try {
    const message = readServerMessage(body);
    return message.kind === 'response' ? message : undefined;
  } catch {
    return undefined;
  }
}

function isAbout(message: Message, expects: Expecting | undefined, readsErrors: boolean): boolean {
  if (expects?.upstreamId !== undefined) return echoes(message.id, expects.upstreamId);
  return readsErrors && message.id !== undefined;
}

const speaksOfLostSession =
  /session.?id|session (?:not found|expired|has expired|terminated)|(?:invalid|unknown|valid|missing) session|not initialized/i;
/** The code of the official SDKs for an unknown session. */
const sessionNotFound = -32001;
/** JSON-RPC 2.0 §5.1: these concern the request. −32600 and the server's own codes may concern its session. */
const aboutRequest: ReadonlySet<number> = new Set([-32_601, -32_602, -32_603, -32_002]);

/**
 * 404 to a session id means that the session is lost (2025-11-25 basic/transports §Session Management 3), unless it contains an
 * error about this request. Many servers answer 400 instead, with a message about the session; nothing has been done in that case
 * either, so it is treated in the same way. A server without sessions that was replaced by one with sessions answers the same to
 * a request without an id.
 */
function isSessionLost(status: number, body: Buffer, isError: boolean, code: number | undefined): boolean {
  if (status !== 404 && status !== 400) return false;
  if (isError && code !== undefined && aboutRequest.has(code)) return false;
  if (status === 404 && (!isError || code === sessionNotFound)) return true;
  return speaksOfLostSession.test(body.toString('latin1'));
}

function codeOf(status: number): ErrorCode {
  if (status === 404) return 'upstream_session_lost';
  if (status === 202) return 'upstream_malformed';
  if (status === 401 || status === 403) return 'upstream_unauthorized';
  if (status === 405) return 'upstream_verb_refused';
  // The stream has another reader, or the upstream has not noticed the end of that reader yet; or it is too busy.
  if (status === 408 || status === 409 || status === 429) return 'upstream_busy';
  return status >= 500 ? 'upstream_unreachable' : 'upstream_refused';
}
