/**
 * Translates messages of a server for its client: names, URIs and ids of one upstream become those of the gateway. Each identifier
 * that the client sends back is sealed (docs/session-token.md §Identifiers bound to a session).
 */
import { randomBytes } from 'node:crypto';
import { outwardNotification, outwardRequest } from '../aggregate/rewrite.ts';
import { roundOfUrls } from '../aggregate/rounds.ts';
import { tasksInward, tasksOutward } from '../aggregate/tasks.ts';
import { clientCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { rawOf, textOf } from '../protocol/scan.ts';
import { splice } from '../protocol/splice.ts';
import { sealEventId, type StreamPosition } from '../session/event-id.ts';
import { openTaskId, sealProgressToken, sealRequestId, sealTaskId } from '../session/request-id.ts';
import { sealCallState } from './call-state.ts';
import type { Client } from './client.ts';
import type { Worded } from '../transport/downstream/wording.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { unixSeconds } from '../transport/http/clock.ts';

/** The response to a request of the client, in the form of its era. Throws `upstream_malformed`. */
export function responseToClient(answer: Message, upstream: Upstream, client: Client, request: Message): Worded {
  const sealed = tasksToClient(answer, upstream, client, request.method);
  const told = asksForUrls(client) ? (roundOfUrls(sealed) ?? sealed) : sealed;
  return client.wording.response(told, upstream.config, request, (state) =>
    sealCallState(client, upstream, request, { kind: 'call', state }),
  );
}

/**
 * An error that asks the user to visit URLs (−32042, 2025-11-25 client/elicitation) becomes a round of questions; the retry
 * repeats the call.
 */
function asksForUrls({ wording, clientCapabilities }: Client): boolean {
  return wording.asksByRounds && (clientCapabilities & clientCapability.elicitationUrl) !== 0;
}

/**
 * A notification for the client. On shared sessions, `tokens` maps the gateway's progress tokens back to the client's. Throws
 * `upstream_malformed`.
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
      // A server cancels its own request. The client knows it by the sealed id, so these ids are sealed deterministically.
      const requestId = message.params?.member('requestId');
      if (requestId === undefined) return message.bytes;
      const sealed = sealRequestId(client.session, { upstream: upstream.hash, raw: rawOf(message.bytes, requestId) });
      return splice(message.bytes, [{ start: requestId.start, end: requestId.end, text: JSON.stringify(sealed) }]);
    }
    case 'notifications/resources/updated': {
      const uri = message.params?.member('uri');
      const own = uri?.kind === 'string' ? textOf(message.bytes, uri) : '';
      return outwardNotification(message, upstream.config, client.watchedAs.of(upstream.hash, own));
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

/** Seals the ids of the upstream's tasks. `method` is that of the request, if the message is a response to a known one. */
export function tasksToClient(message: Message, upstream: Upstream, client: Client, method?: string): Message {
  return tasksOutward(message, method, (id) => sealTaskId(client.session, { upstream: upstream.hash, raw: id }));
}

/** A message of the client for this upstream, with the upstream's own task ids. A task of another upstream is not revealed. */
export function tasksToUpstream(message: Message, upstream: Upstream, client: Client): Message {
  return tasksInward(message, (id) => {
    const task = openTaskId(client.session, id, unixSeconds());
    return task?.upstream === upstream.hash ? task.raw : undefined;
  });
}

/** Undefined where the stream cannot be resumed: the event then has no id. */
export function eventIdToClient(client: Client, position: StreamPosition): string | undefined {
  return sealEventId(client.session, position, randomBytes).text;
}
