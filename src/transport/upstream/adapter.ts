/**
 * The seam between the gateway and an upstream, free of era: what a call needs and what may come back. `legacy.ts` speaks the
 * session revisions behind it, `modern.ts` the stateless one; `eras.ts` knows which.
 */
import type { Part, Stated } from '../../aggregate/hints.ts';
import type { GatewayError } from '../../errors.ts';
import type { Message } from '../../protocol/envelope.ts';
import type { Revision } from '../../protocol/revisions.ts';
import type { SseEvent } from '../../protocol/sse.ts';
import type { Said } from './said.ts';
import type { Upstream } from './upstream.ts';

/** What an upstream is told of the client it is called for. Bits: protocol/capabilities.ts. */
export interface ClientFacts {
  /** An upstream that speaks both eras is spoken to in the client's. */
  readonly revision: Revision;
  readonly capabilities: number;
  /** Headers of the client that this upstream is meant to get, as a raw list. */
  readonly forwarded: readonly string[];
}

/** A call whose upstream may have a question that does not say what it is about. */
export interface CallUnderWay {
  /** False for a question that cannot be one of this call. */
  takeQuestion(question: Message): boolean;
}

/** One client's relation to one upstream. */
export interface Link {
  readonly upstream: Upstream;
  /** The upstream's own session id; undefined for an upstream that keeps no sessions. */
  readonly sessionId: string | undefined;
  /** Tells the adapters whose link it is. */
  readonly revision: Revision;
  /** The upstream's server capabilities as bits. */
  readonly capabilities: number;
  /** Several clients use it, so ids and progress tokens must be made unique on it. */
  readonly shared: boolean;
  /** Arguments of its tools may have to stand in headers as well (protocol.md B3). */
  readonly mirrors: boolean;
  /** Calls under way on a session that several clients share: some messages of a server do not say which they belong to. */
  readonly underWay?: Set<CallUnderWay>;
  /** Headers of a POST on this link, as a raw list. */
  readonly headers: string[];
  /** Resources, by the upstream's own URIs, whose updates are listened for on this link. */
  readonly watches?: readonly string[];
  /** What the upstream said of its use when this link was opened. */
  readonly instructions?: string;
  /** How long counts what the upstream said of itself, and for whom; undefined for an upstream that does not say. */
  readonly stated?: Part;
  /** Tasks, by the upstream's own ids, whose status is listened for on this link. */
  readonly tasks?: readonly string[];
  /** What the client of one request says of itself, where it says so with each. */
  readonly said?: Said;
  /** Headers of one request of the client that go along, as a raw list (forward.ts). */
  readonly forwarded?: readonly string[];
}

/** What `open` learnt of an upstream. */
export interface Opened {
  readonly sessionId: string | undefined;
  readonly revision: Revision;
  readonly capabilities: number;
  readonly instructions: string | undefined;
  /** How long all this counts, and for whom; undefined for an upstream that does not say. */
  readonly stated?: Stated;
}

/** Takes the answer to one call, in order. After `onEnd` or `onFault` nothing follows. */
export interface AnswerSink {
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
  /** The answer has come: the connection is let go of soon, whatever else the upstream sends. */
  answered(): void;
  /** Takes back what the upstream has made of the call, where it goes on without a connection. Before `abort`. */
  cancel?(): void;
  /** Drops the connection. In the session era that is no cancellation. Nothing more reaches the sink. */
  abort(): void;
}

export interface UpstreamAdapter {
  /** Begins a session. Throws `upstream_*` faults. */
  open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened>;
  /** Sends one request; its answer goes to the sink. */
  call(link: Link, body: Buffer, sink: AnswerSink, idleMs: number): Exchange;
  /** Sends a request of the gateway's own and gives the whole JSON-RPC response. Throws `upstream_*` faults. */
  ask(link: Link, method: string, params: string, deadlineMs: number): Promise<Buffer>;
  /** Sends a notification or an answer. Throws `upstream_*` faults. */
  post(link: Link, body: Buffer | string): Promise<void>;
  /** Opens the stream of what belongs to no call, or takes up a broken stream after `lastEventId`. `idleMs` 0: silence is fine. */
  listen(link: Link, lastEventId: string | undefined, sink: AnswerSink, idleMs?: number): Exchange;
  /** Ends a session; faults are of no interest to anyone. */
  end(link: Link): Promise<void>;
}
