/**
 * What a client sent, independent of its era: the interface between the gateway and a client. `legacy.ts` reads the revisions with
 * sessions, `modern.ts` reads 2026-07-28; `read.ts` chooses.
 */
import type { Message } from '../../protocol/envelope.ts';
import type { ModernRequestPlan, NotificationPlan, RequestPlan } from '../../protocol/methods.ts';
import type { Said } from '../../protocol/said.ts';
import type { Head } from '../http/accept.ts';
import type { Caller } from '../http/caller.ts';

/** Finds the client that a message is of. What a client is, is not known here: `C` is the gateway's own. */
export interface Who<C> {
  /** Throws the faults of a session token and of the version header. */
  ofSession(head: Head, caller: Caller): C;
  /** The client that stands for callers of 2026-07-28, which has no sessions. `capabilities`: bits. */
  stateless(caller: Caller, capabilities: number): C;
}

export type Incoming<C> =
  /** A client begins; it has no session yet. */
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
  /** A request that is answered with a fault in the words of its client. */
  | { readonly kind: 'refused'; readonly client: C; readonly message: Message; readonly fault: unknown }
  /** An answer to a request that a server sent. */
  | { readonly kind: 'answer'; readonly client: C; readonly message: Message };

/** Answers and notifications belong to what is under way, and so do calls that come back with their state. */
export function beginsWork<C>(incoming: Incoming<C> | readonly Incoming<C>[]): boolean {
  if (!('kind' in incoming)) return incoming.some((part) => beginsWork(part));
  if (incoming.kind === 'request') return incoming.message.params?.member('requestState') === undefined;
  return incoming.kind === 'initialize';
}
