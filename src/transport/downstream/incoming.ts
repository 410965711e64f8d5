/**
 * What a client sent, independent of its era: the interface between the gateway and a client. `legacy.ts` reads the revisions with
 * sessions, `modern.ts` reads 2026-07-28; `read.ts` chooses.
 */
import type { Message } from '../../protocol/envelope.ts';
import type { ModernRequestPlan, NotificationPlan, RequestPlan } from '../../protocol/methods.ts';
import type { Said } from '../../protocol/said.ts';
import type { Head } from '../http/accept.ts';
import type { Caller } from '../http/caller.ts';

/** Finds the client of a message. This file does not depend on what a client is: `C` is the gateway's type. */
export interface Who<C> {
  /** Throws the faults of a session token and of the version header. */
  ofSession(head: Head, caller: Caller): C;
  /** The client that represents callers of 2026-07-28, which has no sessions. `capabilities`: bits. */
  stateless(caller: Caller, capabilities: number): C;
}

export type Incoming<C> =
  /** A new client, which has no session yet. */
  | { readonly kind: 'initialize'; readonly message: Message }
  | {
      readonly kind: 'request';
      readonly client: C;
      readonly message: Message;
      readonly plan: RequestPlan | ModernRequestPlan;
      readonly said: Said | undefined;
    }
  | {
      readonly kind: 'notification';
      readonly client: C;
      readonly message: Message;
      readonly plan: NotificationPlan;
    }
  /** A request that is answered with a fault in the client's wording. */
  | { readonly kind: 'refused'; readonly client: C; readonly message: Message; readonly fault: unknown }
  /** An answer to a request of a server. */
  | { readonly kind: 'answer'; readonly client: C; readonly message: Message };

/** False for answers, notifications and calls that come back with their state: they belong to work in progress. */
export function beginsWork<C>(incoming: Incoming<C> | readonly Incoming<C>[]): boolean {
  if (!('kind' in incoming)) return incoming.some((part) => beginsWork(part));
  if (incoming.kind === 'request') return incoming.message.params?.member('requestState') === undefined;
  return incoming.kind === 'initialize';
}
