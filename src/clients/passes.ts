/**
 * Which notifications of a server may reach a client. On a shared session only those pass that provably belong to this request: a
 * server may write a message of one call on the stream of another.
 */
import type { Call } from './call.ts';
import type { Message } from '../protocol/envelope.ts';
import { echoes } from '../protocol/echoed-id.ts';
import { rawOf } from '../protocol/scan.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

const listsChanged: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
]);

/** Notifications that only clients may send (2025-11-25 schema, ClientNotification). */
const ofClients: ReadonlySet<string> = new Set(['notifications/initialized', 'notifications/roots/list_changed']);

/** For a message on the stream of a call. `tokens`: the gateway's progress tokens, if it replaced the client's. */
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
  // A request without a session has its own stream. So has a session's only call in progress.
  return !session.isShared || !session.keepsSession || session.underWay?.size === 1;
}

/**
 * For a message on a stream that belongs to no call. `isWatched`: the stream was opened for resources that this client watches.
 */
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
  // A task keeps the progress token of the call that started it (2025-11-25 basic/utilities/tasks §Task Progress Notifications).
  if (request.method.startsWith('tasks/')) return true;
  const own = request.params?.member('_meta')?.member('progressToken');
  return own !== undefined && echoes(raw, rawOf(request.bytes, own));
}
