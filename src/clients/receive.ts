/**
 * Sorts a message of a server by its kind: on the stream of a call, on a resumed stream, and on streams that belong to no call. Each
 * of these streams handles the kinds itself.
 */
import type { Message } from '../protocol/envelope.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Client } from './client.ts';
import { ownAnswer } from './undeclared.ts';

export interface Receiver {
  response(message: Message): void;
  notification(message: Message): void;
  /** A request of the server that the client has to answer. */
  question(message: Message): void;
  /** The gateway answers a request of the server itself; `body` is the whole response as JSON text. */
  reply(body: string): void;
}

/** `method` is that of the call on whose stream the message arrived; undefined if it belongs to no call. */
export function receive(
  message: Message,
  session: UpstreamSession,
  client: Client,
  method: string | undefined,
  receiver: Receiver,
): void {
  switch (message.kind) {
    case 'response':
      receiver.response(message);
      return;
    case 'notification':
      receiver.notification(message);
      return;
    case 'request': {
      const own = ownAnswer(message, session, client, method);
      if (own === undefined) receiver.question(message);
      else receiver.reply(own);
    }
  }
}
