/**
 * What a server sends becomes what its client may see: names, URIs and ids of one upstream turn into those of the gateway, and
 * every identifier that must find its way back is sealed as it passes (docs/session-token.md §Identifiers bound to a session).
 */
import { randomBytes } from 'node:crypto';
import { outwardNotification, outwardRequest } from '../aggregate/rewrite.ts';
import { roundOfUrls } from '../aggregate/rounds.ts';
import { tasksInward, tasksOutward } from '../aggregate/tasks.ts';
import { clientCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { rawOf } from '../protocol/scan.ts';
import { splice } from '../protocol/splice.ts';
import { sealEventId, type StreamPosition } from '../session/event-id.ts';
import { openTaskId, sealProgressToken, sealRequestId, sealTaskId } from '../session/request-id.ts';
import { sealCallState } from './call-state.ts';
import type { Client } from './client.ts';
import type { Worded } from '../transport/downstream/wording.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { unixSeconds } from '../transport/http/clock.ts';

/** The response to a request of the client, in the words of its era. Throws `upstream_malformed`. */
export function responseToClient(answer: Message, upstream: Upstream, client: Client, request: Message): Worded {
  const sealed = tasksToClient(answer, upstream, client, request.method);
  const told = asksForUrls(client) ? (roundOfUrls(sealed) ?? sealed) : sealed;
  return client.wording.response(told, upstream.config, request, (state) =>
    sealCallState(client, upstream, request, { kind: 'call', state }),
  );
}

/** An error that asks to visit URLs (−32042, 2025-11-25 client/elicitation) becomes a round of questions; the retry repeats the call. */
function asksForUrls({ wording, clientCapabilities }: Client): boolean {
  return wording.asksByRounds && (clientCapabilities & clientCapability.elicitationUrl) !== 0;
}

/**
 * A notification on its way to the client. `tokens` maps progress tokens back where the upstream got one of ours (shared
 * sessions). Throws `upstream_malformed`.
 */
export function notificationToClient(
  received: Message,
  upstream: Upstream,
  client: Client,
  tokens?: ReadonlyMap<string, string>,
): Buffer {
  const message = tasksToClient(received, upstream, client);
  switch (message.method) {
    case 'notifications/progress': {
      const token = message.params?.member('progressToken');
      if (tokens === undefined || token === undefined) return message.bytes;
      const own = tokens.get(rawOf(message.bytes, token));
      return own === undefined
        ? message.bytes
        : splice(message.bytes, [{ start: token.start, end: token.end, text: own }]);
    }
    case 'notifications/cancelled': {
      // A server takes back a request of its own, which the client knows by the sealed id: sealing is deterministic for this.
      const requestId = message.params?.member('requestId');
      if (requestId === undefined) return message.bytes;
      const sealed = sealRequestId(client.session, { upstream: upstream.hash, raw: rawOf(message.bytes, requestId) });
      return splice(message.bytes, [{ start: requestId.start, end: requestId.end, text: JSON.stringify(sealed) }]);
    }
    default:
      return outwardNotification(message, upstream.config);
  }
}

/** A request of the server to the client, under a sealed id that any replica can open. Throws `upstream_malformed`. */
export function requestToClient(received: Message, upstream: Upstream, client: Client): Buffer {
  const message = tasksToClient(received, upstream, client);
  const id = sealRequestId(client.session, { upstream: upstream.hash, raw: message.id! });
  const token = message.params?.member('_meta')?.member('progressToken');
  const sealedToken =
    token === undefined
      ? undefined
      : sealProgressToken(client.session, { upstream: upstream.hash, raw: rawOf(message.bytes, token) });
  return outwardRequest(message, upstream.config, id, sealedToken, client.revision);
}

/** Ids of the upstream's tasks are sealed as they pass; `method` is that of the request, where a response is known to answer one. */
export function tasksToClient(message: Message, upstream: Upstream, client: Client, method?: string): Message {
  return tasksOutward(message, method, (id) => sealTaskId(client.session, { upstream: upstream.hash, raw: id }));
}

/** A message of the client, which may relate to a task of this upstream. One of another upstream is none of its business. */
export function tasksToUpstream(message: Message, upstream: Upstream, client: Client): Message {
  return tasksInward(message, (id) => {
    const task = openTaskId(client.session, id, unixSeconds());
    return task?.upstream === upstream.hash ? task.raw : undefined;
  });
}

/** undefined where no place can be promised: the event then goes out without an id. */
export function eventIdToClient(client: Client, position: StreamPosition): string | undefined {
  return sealEventId(client.session, position, randomBytes).text;
}
