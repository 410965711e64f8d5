/**
 * Requests of a server that no client will answer: the client did not declare the capability, or several clients share the
 * session. The gateway answers with an error, so that the server does not wait (2025-11-25 client/sampling and client/roots
 * §Error Handling, client/elicitation §Capabilities).
 */
import { isQuestion, mayAsk } from '../aggregate/rounds.ts';
import { clientCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { isOfNoRevision } from '../protocol/methods.ts';
import { textOf } from '../protocol/scan.ts';
import type { Client } from './client.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

const unknownMethod = { code: -32601, message: 'Method not found' };
const unknownMode = { code: -32602, message: 'Invalid params: elicitation mode is not supported' };

/**
 * The gateway's answer to a request of a server; undefined if the client must answer. `method` is that of the call on whose
 * stream it arrived; undefined if it belongs to no call.
 */
export function ownAnswer(
  message: Message,
  session: UpstreamSession,
  client: Client,
  method?: string,
): string | undefined {
  if (message.method === 'ping') return `{"jsonrpc":"2.0","id":${message.id!},"result":{}}`;
  const isAskable = client.wording.asksByRounds
    ? method !== undefined && mayAsk(method) && isQuestion(message.method) && belongsToItsCall(session)
    : !session.isShared;
  const fault = isAskable ? undeclared(message, client.clientCapabilities) : unknownMethod;
  return fault === undefined ? undefined : `{"jsonrpc":"2.0","id":${message.id!},"error":${JSON.stringify(fault)}}`;
}

/** A question must reach only the client that made the call. If that is unknown, the question is refused. */
function belongsToItsCall({ keepsSession, underWay, upstream }: UpstreamSession): boolean {
  return keepsSession && (!upstream.bridged || underWay?.size === 1);
}

/** Why a client with these capabilities (bits) must not be asked this; undefined if it may. */
export function undeclared(message: Message, declared: number): typeof unknownMethod | undefined {
  const { roots, sampling, elicitationForm, elicitationUrl, tasks, tasksCancel } = clientCapability;
  switch (message.method) {
    case 'roots/list':
      return (declared & roots) === 0 ? unknownMethod : undefined;
    case 'sampling/createMessage':
      return (declared & sampling) === 0 ? unknownMethod : undefined;
    case 'elicitation/create': {
      if ((declared & (elicitationForm | elicitationUrl)) === 0) return unknownMethod;
      const mode = message.params?.member('mode');
      const isUrl = mode?.kind === 'string' && textOf(message.bytes, mode) === 'url';
      return (declared & (isUrl ? elicitationUrl : elicitationForm)) === 0 ? unknownMode : undefined;
    }
    case 'tasks/get':
    case 'tasks/result':
      return (declared & tasks) === 0 ? unknownMethod : undefined;
    case 'tasks/cancel':
      return (declared & tasksCancel) === 0 ? unknownMethod : undefined;
    // Never declared: a server would see tasks that another server started.
    case 'tasks/list':
      return unknownMethod;
    // Servers may send no other request of the protocol (2025-11-25 schema, ServerRequest). What none knows the client answers.
    default:
      return isOfNoRevision(message.method) ? undefined : unknownMethod;
  }
}
