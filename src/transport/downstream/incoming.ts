/**
 * What a client sent, free of its era: the seam between the gateway and a client. `legacy.ts` reads it from the session
 * revisions, `modern.ts` from the stateless one; `read.ts` tells them apart.
 */
import type { Message } from '../../protocol/envelope.ts';
import type { ModernRequestPlan, NotificationPlan, RequestPlan } from '../../protocol/methods.ts';
import type { Client } from '../../clients/client.ts';
import type { Said } from '../upstream/said.ts';

export type Incoming =
  /** A client begins; it has no session yet. */
  | { readonly kind: 'initialize'; readonly message: Message }
  | {
      readonly kind: 'request';
      readonly client: Client;
      readonly message: Message;
      readonly plan: RequestPlan | ModernRequestPlan;
      readonly said: Said | undefined;
    }
  | {
      readonly kind: 'notification';
      readonly client: Client;
      readonly message: Message;
      readonly plan: NotificationPlan;
    }
  /** A request that is answered with a fault in the words of its client. */
  | { readonly kind: 'refused'; readonly client: Client; readonly message: Message; readonly fault: unknown }
  /** An answer to a request that a server sent. */
  | { readonly kind: 'answer'; readonly client: Client; readonly message: Message };

/** Answers and notifications belong to what is under way, and so do calls that come back with their state. */
export function beginsWork(incoming: Incoming | readonly Incoming[]): boolean {
  if (!('kind' in incoming)) return incoming.some(beginsWork);
  if (incoming.kind === 'request') return incoming.message.params?.member('requestState') === undefined;
  return incoming.kind === 'initialize';
}
