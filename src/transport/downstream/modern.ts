/**
 * Reads messages of clients of revision 2026-07-28. Each request is independent and identifies its client in `_meta`; its headers
 * repeat parts of its body and must agree with them (2026-07-28 basic/index, basic/transports/streamable-http).
 */
import { GatewayError } from '../../errors.ts';
import { clientCapability } from '../../protocol/capabilities.ts';
import type { Message } from '../../protocol/envelope.ts';
import { readClientMessage } from '../../protocol/envelope.ts';
import { decodeHeaderValue } from '../../protocol/header-values.ts';
import { modernRequest } from '../../protocol/methods.ts';
import { metaKey, namedIn, type Envelope } from '../../protocol/modern.ts';
import { modernRevision } from '../../protocol/revisions.ts';
import { textOf } from '../../protocol/scan.ts';
import { removeMembers, splice } from '../../protocol/splice.ts';
import type { Head } from '../http/accept.ts';
import type { Said } from '../../protocol/said.ts';
import type { Caller } from '../http/caller.ts';
import { requireTasks } from './declared.ts';
import type { Incoming, Who } from './incoming.ts';

/** `_meta` keys of the envelope that apply to this hop only. */
const ownKeys: readonly string[] = [
  metaKey.protocolVersion,
  metaKey.clientCapabilities,
  metaKey.clientInfo,
  metaKey.logLevel,
];

/** Never throws for a request: its faults are answered under its id and in the wording of this revision. */
export function readModern<C>(
  head: Head,
  message: Message,
  envelope: Envelope,
  caller: Caller,
  who: Who<C>,
): Incoming<C> {
  // Tasks are declared per request and do not affect sessions. So a client that declares them only sometimes is still one client.
  const client = who.stateless(caller, envelope.capabilityBits & ~clientCapability.tasksExtension);
  // The revision defines no client notifications over HTTP; one is accepted and has no effect (2026-07-28
  // basic/transports/streamable-http).
  if (message.kind !== 'request') return { kind: 'notification', client, message, plan: { kind: 'terminate' } };
  try {
    checkEnvelope(head, envelope);
    checkHeaders(head, message);
    const plan = modernRequest(message.method);
    if (plan === undefined) throw new GatewayError('method_absent');
    if (plan.kind === 'task') requireTasks(envelope.capabilityBits);
    if (envelope.invalid.length > 0) throw new GatewayError('params_invalid', envelope.invalid.join());
    return { kind: 'request', client, message: withoutEnvelope(message), plan, said: saidIn(envelope) };
  } catch (fault) {
    return { kind: 'refused', client, message, fault };
  }
}

/** A request that names this revision only in its header. */
export function readUnclaimed<C>(message: Message, caller: Caller, who: Who<C>): Incoming<C> {
  const fault =
    message.method === 'initialize'
      ? new GatewayError('header_mismatch', 'initialize under the header of a revision that has none')
      : new GatewayError('envelope_incomplete', 'no _meta', {
          data: { missing: [metaKey.protocolVersion, metaKey.clientCapabilities] },
        });
  return { kind: 'refused', client: who.stateless(caller, 0), message, fault };
}

/** Only capabilities that the gateway supports are forwarded; an unknown extension is not. */
function saidIn({ capabilityBits, clientInfo, logLevel }: Envelope): Said {
  return { capabilities: capabilityBits, clientInfo, logLevel, itself: true };
}

function checkEnvelope(head: Head, { missing, protocolVersion }: Envelope): void {
  if (missing.length > 0) throw new GatewayError('envelope_incomplete', missing.join(), { data: { missing } });
  if (head.revision !== protocolVersion)
    throw new GatewayError('header_mismatch', 'MCP-Protocol-Version', { about: 'MCP-Protocol-Version' });
  if (protocolVersion !== modernRevision)
    throw new GatewayError('revision_unknown', protocolVersion?.slice(0, 32), {
      data: { supported: [modernRevision], requested: protocolVersion },
    });
}

function checkHeaders(head: Head, message: Message): void {
  if (head.mcpMethod !== message.method)
    throw new GatewayError('header_mismatch', 'Mcp-Method', { about: 'Mcp-Method' });
  const found = namedIn(message);
  if (found?.kind !== 'string') return;
  const given = head.mcpName === undefined ? undefined : decodeHeaderValue(head.mcpName);
  if (given !== textOf(message.bytes, found))
    throw new GatewayError('header_mismatch', 'Mcp-Name', { about: 'Mcp-Name' });
}

/** Removes the `_meta` keys of this hop; the next hop gets its own envelope. */
function withoutEnvelope(message: Message): Message {
  const meta = message.params?.member('_meta');
  if (meta?.kind !== 'object') return message;
  return readClientMessage(splice(message.bytes, removeMembers(message.bytes, meta, ownKeys)));
}
