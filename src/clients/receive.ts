/**
 * One message of a server on its way to a client, by its kind: the same on the stream of a call, on a stream that is taken up
 * again, and on the streams that belong to no call. What each of these does with a kind, it says itself.
 */
import type { Message } from '../protocol/envelope.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Client } from './client.ts';
import { ownAnswer } from './undeclared.ts';

export interface Receiver {
  response(message: Message): void;
  notification(message: Message): void;
  /** A request of the server that is the client's to answer. */
  question(message: Message): void;
  /** The gateway answers a request of the server in the client's place; `body` is the whole response as JSON text. */
  reply(body: string): void;
}

/** `method` is that of the call on whose stream the message came; undefined: it belongs to no call. */
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
