/**
 * Reads messages of clients of the session era: 2025-03-26, 2025-06-18 and 2025-11-25. Only this file knows their rules for
 * sessions, version header and batches.
 */
import { GatewayError } from '../../errors.ts';
import { readClientMessage, type Message } from '../../protocol/envelope.ts';
import { legacyNotification, legacyRequest } from '../../protocol/methods.ts';
import { hasBatches } from '../../protocol/revisions.ts';
import type { Head } from '../http/accept.ts';
import type { Revision } from '../../protocol/revisions.ts';
import type { Caller } from '../http/caller.ts';
import type { Incoming, Who } from './incoming.ts';

/** Throws the faults of the session. */
export function readLegacy<C>(head: Head, message: Message, caller: Caller, who: Who<C>): Incoming<C> {
  // A stale token on `initialize` is ignored: the client starts a new session (2025-11-25 basic/transports §Session Management).
  if (message.method === 'initialize' && message.kind === 'request') return { kind: 'initialize', message };
  return incomingOf(message, who.ofSession(head, caller));
}

/** Throws the faults of the session, `json_*`, `message_invalid`, `batch_unsupported` and `initialize_misplaced`. */
export function readLegacyBatch<C extends { readonly revision: Revision }>(
  head: Head,
  parts: readonly Buffer[],
  caller: Caller,
  who: Who<C>,
): Incoming<C>[] {
  const client = who.ofSession(head, caller);
  if (!hasBatches(client.revision)) throw new GatewayError('batch_unsupported');
  if (parts.length === 0) throw new GatewayError('message_invalid', 'empty batch');
  const messages = parts.map((part) => readClientMessage(part));
  if (messages.some((message) => message.method === 'initialize')) throw new GatewayError('initialize_misplaced');
  return messages.map((message) => incomingOf(message, client));
}

function incomingOf<C>(message: Message, client: C): Incoming<C> {
  switch (message.kind) {
    case 'request':
      return { kind: 'request', client, message, plan: legacyRequest(message.method), said: undefined };
    case 'notification':
      return { kind: 'notification', client, message, plan: legacyNotification(message.method) };
    case 'response':
      return { kind: 'answer', client, message };
  }
}
