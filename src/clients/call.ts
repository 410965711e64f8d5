/** One request of a client, independent of its era: the value that passes through all steps of the gateway. */
import type { Message } from '../protocol/envelope.ts';
import type { Client } from './client.ts';
import type { Incoming } from '../transport/downstream/incoming.ts';
import type { Outlet } from '../transport/downstream/outlet.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { Said } from '../protocol/said.ts';

export interface Call {
  readonly client: Client;
  readonly message: Message;
  /** Who sent the HTTP request. */
  readonly caller: Caller;
  /** The body as it was received. */
  readonly received: Buffer;
  /** Another replica has forwarded it. */
  readonly hopped: boolean;
  /** Where the answer goes. */
  readonly outlet: Outlet;
  readonly said: Said | undefined;
  /** When it arrived, in ms of `performance.now()`. */
  readonly startedMs: number;
}

/** What belongs to a request besides its message. */
export type Received = Pick<Call, 'caller' | 'received' | 'hopped'>;

export function callOf(
  incoming: Extract<Incoming<Client>, { kind: 'request' | 'refused' }>,
  { caller, received, hopped }: Received,
  outlet: Outlet,
): Call {
  const { client, message } = incoming;
  const said = incoming.kind === 'request' ? incoming.said : undefined;
  return { client, message, caller, received, hopped, outlet, said, startedMs: performance.now() };
}
