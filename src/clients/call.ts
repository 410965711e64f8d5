/** One request of a client on its way through the gateway, free of era: what every step needs of it. */
import type { Message } from '../protocol/envelope.ts';
import type { Client } from './client.ts';
import type { Incoming } from '../transport/downstream/incoming.ts';
import type { Outlet } from '../transport/downstream/outlet.ts';
import type { RawHeaders } from '../transport/upstream/credentials.ts';
import type { Said } from '../transport/upstream/said.ts';

export interface Call {
  readonly client: Client;
  readonly message: Message;
  /** Of the client's HTTP request: some may be meant for an upstream (forward.ts). */
  readonly rawHeaders: RawHeaders;
  /** The body as it was received. */
  readonly received: Buffer;
  /** Another replica has brought it here. */
  readonly hopped: boolean;
  /** Where the answer goes. */
  readonly outlet: Outlet;
  readonly said: Said | undefined;
  /** On the clock of performance.now(). */
  readonly startedMs: number;
}

/** What has come with a request besides its message. */
export type Received = Pick<Call, 'rawHeaders' | 'received' | 'hopped'>;

export function callOf(
  incoming: Extract<Incoming, { kind: 'request' | 'refused' }>,
  { rawHeaders, received, hopped }: Received,
  outlet: Outlet,
): Call {
  const { client, message } = incoming;
  const said = incoming.kind === 'request' ? incoming.said : undefined;
  return { client, message, rawHeaders, received, hopped, outlet, said, startedMs: performance.now() };
}
