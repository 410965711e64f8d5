/** What a call in progress needs from the gateway. `R` is the way back of its answer (relay.ts). */
import type { Call } from '../clients/call.ts';
import type { GatewayError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import type { StreamHost } from '../streams/host.ts';

export type Outcome = 'ok' | 'error' | ErrorCode;

export interface CallHost<R> extends StreamHost {
  /** The upstream no longer knows the session of `relay`; true when the call will be sent again. */
  heal(relay: R): boolean;
  /** The upstream now wants other `Mcp-Param-*` headers; true when the call will be sent again with these. */
  realign(relay: R): boolean;
  /** Whether the client wants this log message for the request. */
  wantsLog(relay: R, message: Message): boolean;
  /** Resumes the answer of `relay` after the upstream's event `lastEventId`, in `afterMs`. */
  resume(relay: R, lastEventId: string, afterMs: number): void;
  /** The upstream answered `relay` with an error. */
  refused(relay: R, answer: Message): void;
  /** The client has an event id, so it can resume the answer at another replica. */
  promised(relay: R): void;
  /** The client has left, and this cancels its request. */
  takenBack(relay: R): void;
  /** The upstream answered `input_required` (2026-07-28 basic/patterns/mrtr), and the client has to be asked by requests. */
  ask(relay: R, round: Message): void;
  /** The upstream asks by a request on the stream of the call, and the client has to be asked by rounds. */
  park(relay: R, question: Message): void;
  /** Sends the call again, with another body under another id. */
  again(relay: R, id: string, body: Buffer): void;
  /** Another replica answers the call. */
  hopped(call: Call): void;
  /** The call was sent to the upstream, for the first time or again. */
  begun(relay: R): void;
  /** The client's request is answered while the call waits here. */
  suspended(relay: R): void;
  /** The call is over; `fault`: why it failed. */
  finished(relay: R, outcome: Outcome, fault?: GatewayError): void;
}
