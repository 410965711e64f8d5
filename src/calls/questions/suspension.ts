/** What a call is made of while its client is asked in the middle of it (docs/adr/0006-both-eras.md). */
import type { Message } from '../../protocol/envelope.ts';

/** A call that waits for answers of its client: nothing is awaited of the upstream meanwhile. */
export interface Suspension {
  /** The client is gone, or has cancelled, or the upstream has dropped the call. */
  end(): void;
}

/** Questions of one upstream that come one by one and are put together. */
export interface Gathering {
  /** False for one too many. */
  add(question: Message): boolean;
}

/** What was sent. */
export interface Sent {
  /** The request's id as the upstream knows it; raw JSON. */
  readonly upstreamId: string;
  /** To be sent again after healing. */
  readonly body: Buffer;
  /** Progress tokens of ours → the client's, on shared sessions. */
  readonly tokens: ReadonlyMap<string, string> | undefined;
}
