/** The parts of a call that waits for answers of its client (docs/adr/0006-both-eras.md). */
import type { Message } from '../../protocol/envelope.ts';

/** A call that waits for answers of its client and not for the upstream. */
export interface Suspension {
  /** The client has left or cancelled, or the upstream has dropped the call. */
  end(): void;
}

/** Collects questions of one upstream, which come one by one. */
export interface Gathering {
  /** False when the limit is reached. */
  add(question: Message): boolean;
}

/** The request that was sent. */
export interface Sent {
  /** The request's id as the upstream knows it; raw JSON. */
  readonly upstreamId: string;
  /** To be sent again after healing. */
  readonly body: Buffer;
  /** On shared sessions: the gateway's progress tokens → the client's. */
  readonly tokens: ReadonlyMap<string, string> | undefined;
}
