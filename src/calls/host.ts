/** What a call under way needs of the gateway. `R` is the way back of its answer (relay.ts). */
import type { ErrorCode } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import type { StreamHost } from '../streams/host.ts';

export type Outcome = 'ok' | 'error' | ErrorCode;

export interface CallHost<R> extends StreamHost {
  /** The upstream no longer knows the session of `relay`; true when the call will be sent again. */
  heal(relay: R): boolean;
  /** The headers made of `relay` do not fit what the upstream wants by now; true when it will be sent again with others. */
  realign(relay: R): boolean;
  /** Whether a log message is one that the request has asked for. */
  wantsLog(relay: R, message: Message): boolean;
  /** Takes up the answer of `relay` after the upstream's event `lastEventId`, in `afterMs`. */
  resume(relay: R, lastEventId: string, afterMs: number): void;
  /** The upstream answered `relay` with an error. */
  refused(relay: R, answer: Message): void;
  /** The client was given an event id, so it can take the answer up at another replica. */
  promised(relay: R): void;
  /** The client has left, which takes its request back. */
  takenBack(relay: R): void;
  /** The upstream wants input before it goes on, and its client is asked by requests (2026-07-28 basic/patterns/mrtr). */
  ask(relay: R, round: Message): void;
  /** The upstream asks by a request on the stream of the call, and its client by rounds. */
  park(relay: R, question: Message): void;
  /** Sends the call once more: another body under another id. */
  again(relay: R, id: string, body: Buffer): void;
  /** The upstream has the call, for the first time or again. */
  begun(relay: R): void;
  /** The client's request is answered while the call waits here. */
  suspended(relay: R): void;
  /** The call is over. */
  finished(relay: R, outcome: Outcome): void;
}
