/**
 * The seam between the gateway and an upstream, free of era: what a call needs and what may come back. `legacy.ts` speaks the
 * session revisions behind it, `modern.ts` the stateless one; `eras.ts` knows which.
 */
import type { Stated } from '../../aggregate/hints.ts';
import type { GatewayError } from '../../errors.ts';
import type { Revision } from '../../protocol/revisions.ts';
import type { SseEvent } from '../../protocol/sse.ts';
import type { Caller } from '../http/caller.ts';
import type { Expecting } from './refusal.ts';
import type { Outbound, SessionFacts, UpstreamSession } from './session.ts';
import type { Upstream } from './upstream.ts';

/** What an upstream is told of the client it is called for. Bits: protocol/capabilities.ts. */
export interface ClientFacts {
  /** An upstream that speaks both eras is spoken to in the client's. */
  readonly revision: Revision;
  readonly capabilities: number;
  readonly caller: Caller;
  /** Several clients will use the session. */
  readonly isShared: boolean;
}

/** What `open` learnt of an upstream. */
export interface Opened extends SessionFacts {
  /** How long all this is valid, and for whom; undefined for an upstream that does not say. */
  readonly stated?: Stated | undefined;
}

/** What is wanted of a stream besides what a stream of the session carries anyway. */
export interface ListenFor {
  /** Longest silence in ms; 0, unless given: silence is fine. */
  readonly idleMs?: number;
  /** Resources whose updates are listened for where a session remembers none, by the upstream's own URIs. */
  readonly uris?: readonly string[];
  /** Tasks whose status is listened for, by the upstream's own ids. */
  readonly tasks?: readonly string[] | undefined;
}

/** Takes the answer to one call, in order. After `onEnd` or `onFault` nothing follows. */
export interface AnswerSink extends Expecting {
  /** The whole answer is one JSON text. */
  onJson(body: Buffer): void;
  /** The answer is a stream of events. */
  onStream(): void;
  onEvent(event: SseEvent): void;
  /** The upstream asked that a broken stream be taken up again after this many ms; `maxRetryMs` at most. */
  onRetry(ms: number): void;
  onEnd(): void;
  onFault(fault: GatewayError): void;
}

/** A call under way. */
export interface Exchange {
  /** Stops and restarts the reading of the answer; the upstream feels it. */
  pause(): void;
  resume(): void;
  /** The answer has come: the connection is released soon, whatever else the upstream sends. */
  answered(): void;
  /** Takes back what the upstream has made of the call, where it goes on without a connection. Before `abort`. */
  cancel?(): void;
  /** Drops the connection. In the session era that is no cancellation. Nothing more reaches the sink. */
  abort(): void;
}

export interface UpstreamAdapter {
  /** Begins a session. Throws `upstream_*` faults. */
  open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened>;
  /** Sends one request; its answer goes to the sink. `idleMs`: longest silence. */
  call(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange;
  /** Sends a request of the gateway's own and gives the whole JSON-RPC response. Throws `upstream_*` faults. */
  ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer>;
  /** Sends a notification or an answer. Throws `upstream_*` faults. */
  post(to: Outbound, body: Buffer | string): Promise<void>;
  /** Opens the stream of what belongs to no call, or takes up a broken stream after the upstream's event `lastEventId`. */
  listen(to: Outbound, lastEventId: string | undefined, sink: AnswerSink, wants?: ListenFor): Exchange;
  /** Ends a session; faults do not matter. */
  end(to: { readonly session: UpstreamSession; readonly caller: Caller }): Promise<void>;
}
