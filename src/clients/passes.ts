/**
 * Which notifications of a server may reach a client. On a session that several clients share nothing passes that is not provably
 * this request's: a server may write what belongs to one call on the stream of another.
 */
import type { Call } from './call.ts';
import type { Message } from '../protocol/envelope.ts';
import { rawOf } from '../protocol/scan.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

const listsChanged: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
]);

/** What only clients send: a server that sends it is at fault (2025-11-25 schema, ClientNotification). */
const ofClients: ReadonlySet<string> = new Set(['notifications/initialized', 'notifications/roots/list_changed']);

/** Of a message on the stream of a call. `tokens`: progress tokens of ours, where the upstream got one of ours. */
export function passesOnCall(
  message: Message,
  session: UpstreamSession,
  { message: request }: Pick<Call, 'message'>,
  tokens: ReadonlyMap<string, string> | undefined,
): boolean {
  const { method } = message;
  if (ofClients.has(method)) return false;
  if (method === 'notifications/progress') return isOwnProgress(message, request, tokens);
  if (listsChanged.has(method)) return true;
  // A request without a session has a stream of its own, and so has the only call that is under way on a session.
  return !session.isShared || !session.keepsSession || session.underWay?.size === 1;
}

/** Of a message on a stream that belongs to no call. `isWatched`: the stream was opened for this client's own watches. */
export function passesOnStream({ method }: Message, session: UpstreamSession, isWatched: boolean): boolean {
  if (ofClients.has(method)) return false;
  if (!session.isShared || listsChanged.has(method)) return true;
  return isWatched && (method === 'notifications/resources/updated' || method === 'notifications/tasks');
}

function isOwnProgress(
  { bytes, params }: Message,
  request: Message,
  tokens: ReadonlyMap<string, string> | undefined,
): boolean {
  const token = params?.member('progressToken');
  if (token === undefined) return false;
  const raw = rawOf(bytes, token);
  if (tokens !== undefined) return tokens.has(raw);
  // The token of a task is that of the call which began it (2025-11-25 basic/utilities/tasks §Progress).
  if (request.method.startsWith('tasks/')) return true;
  const own = request.params?.member('_meta')?.member('progressToken');
  return own !== undefined && rawOf(request.bytes, own) === raw;
}
