/**
 * Decides the era of a POST, once. The body decides: a request with the envelope of 2026-07-28 is modern. The header alone only
 * identifies a modern request whose envelope is missing (2026-07-28 basic/versioning).
 */
import { readBatch, readClientMessage } from '../../protocol/envelope.ts';
import { readEnvelope } from '../../protocol/modern.ts';
import { modernRevision } from '../../protocol/revisions.ts';
import type { Head } from '../http/accept.ts';
import type { Revision } from '../../protocol/revisions.ts';
import type { Caller } from '../http/caller.ts';
import type { Incoming, Who } from './incoming.ts';
import { readLegacy, readLegacyBatch } from './legacy.ts';
import { readModern, readUnclaimed } from './modern.ts';

/** Reads one message, or the messages of a batch. Throws what `readLegacy` throws, `json_*` and `message_invalid`. */
export function readIncoming<C extends { readonly revision: Revision }>(
  head: Head,
  body: Buffer,
  caller: Caller,
  who: Who<C>,
): Incoming<C> | readonly Incoming<C>[] {
  const batch = readBatch(body);
  if (batch !== undefined) return readLegacyBatch(head, batch, caller, who);
  const message = readClientMessage(body);
  const envelope = readEnvelope(message);
  if (envelope !== undefined) return readModern(head, message, envelope, caller, who);
  if (head.revision === modernRevision && message.kind === 'request') return readUnclaimed(message, caller, who);
  if (head.revision === modernRevision && message.kind === 'notification')
    return { kind: 'notification', client: who.stateless(caller, 0), message, plan: { kind: 'terminate' } };
  return readLegacy(head, message, caller, who);
}
