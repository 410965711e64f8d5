/**
 * What a client sent, free of its era: the seam between the gateway and a client. `legacy.ts` reads it from the session
 * revisions; the modern revision gets a reader of its own beside it.
 */
import type { Message } from '../../protocol/envelope.ts';
import type { NotificationPlan, RequestPlan } from '../../protocol/methods.ts';
import type { Client } from '../client.ts';

export type Incoming =
  /** A client begins; it has no session yet. */
  | { readonly kind: 'initialize'; readonly message: Message }
  | { readonly kind: 'request'; readonly client: Client; readonly message: Message; readonly plan: RequestPlan }
  | {
      readonly kind: 'notification';
      readonly client: Client;
      readonly message: Message;
      readonly plan: NotificationPlan;
    }
  /** An answer to a request that a server sent. */
  | { readonly kind: 'answer'; readonly client: Client; readonly message: Message };
