/**
 * The interface between the gateway and an upstream, independent of era. `legacy.ts` implements it for the revisions with sessions,
 * `modern.ts` for 2026-07-28; `eras.ts` chooses.
 */
import type { Stated } from '../../aggregate/hints.ts';
import type { GatewayError } from '../../errors.ts';
import type { Revision } from '../../protocol/revisions.ts';
import type { SseEvent } from '../../protocol/sse.ts';
import type { Unread } from '../../protocol/unread.ts';
import type { Caller } from '../http/caller.ts';
import type { Expecting } from './refusal.ts';
import type { Outbound, SessionFacts, UpstreamSession } from './session.ts';
import type { Upstream } from './upstream.ts';

/** What a client says of itself that the gateway does not read. */
export interface ClientWords {
  /** JSON text of an object. */
  readonly clientInfo: string | undefined;
  readonly unread: Unread;
}

/** What an upstream is told about the client. Bits: protocol/capabilities.ts. */
export interface ClientFacts {
  /** The client's revision: an upstream that speaks both eras is called in the client's. */
  readonly revision: Revision;
  readonly capabilities: number;
  /** Undefined where the gateway speaks for itself, or no longer knows. */
  readonly words?: ClientWords | undefined;
  readonly caller: Caller;
  /** Several clients will use the session. */
  readonly isShared: boolean;
  /** See `Outbound`. */
  readonly trace?: readonly string[] | undefined;
}

/** What `open` learned about an upstream. */
export interface Opened extends SessionFacts {
  /** How long these facts are valid, and for whom; undefined if the upstream does not say. */
  readonly stated?: Stated | undefined;
}

/** What a stream must deliver besides the messages of its session. */
export interface ListenFor {
  /** Longest silence in ms. Default 0: no limit. */
  readonly idleMs?: number;
  /** Resources to watch at an upstream without sessions, by the upstream's own URIs. */
  readonly uris?: readonly string[];
  /** Tasks to watch, by the upstream's own ids. */
  readonly tasks?: readonly string[] | undefined;
}

/** Takes the answer to one call, in order. After `onEnd` or `onFault` nothing follows. */
export interface AnswerSink extends Expecting {
  /** The whole answer is one JSON text. */
  onJson(body: Buffer): void;
  /** The answer is a stream of events. */
  onStream(): void;
  onEvent(event: SseEvent): void;
  /** The upstream's `retry` field: the pause in ms before a broken stream is resumed; `maxRetryMs` at most. */
  onRetry(ms: number): void;
  onEnd(): void;
  onFault(fault: GatewayError): void;
  /** Only a success status is expected: `onEnd` is called with it, and later data is dropped. */
  readonly expectsNothing?: boolean;
}

/** A call in progress. */
export interface Exchange {
  /** Pauses and resumes reading; TCP slows the upstream down. */
  pause(): void;
  resume(): void;
  /** The answer is complete: the connection is released soon, even if the upstream sends more. */
  answered(): void;
  /** Cancels what continues at the upstream without a connection, such as a task. Called before `abort`. */
  cancel?(): void;
  /** Drops the connection. In the session era this does not cancel the call. Nothing more reaches the sink. */
  abort(): void;
}

export interface UpstreamAdapter {
  /** Begins a session. Throws `upstream_*` faults. */
  open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened>;
  /** Sends one request; its answer goes to the sink. `idleMs`: longest silence. */
  call(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange;
  /** Sends a request of the gateway's own and returns the whole JSON-RPC response. Throws `upstream_*` faults. */
  ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer>;
  /** Sends a notification or an answer. Throws `upstream_*` faults. */
  post(to: Outbound, body: Buffer | string): Promise<void>;
  /** Opens the stream for messages that belong to no call, or resumes a broken stream after the upstream's event `lastEventId`. */
  listen(to: Outbound, lastEventId: string | undefined, sink: AnswerSink, wants?: ListenFor): Exchange;
  /** Ends a session; faults are ignored. */
  end(to: { readonly session: UpstreamSession; readonly caller: Caller }): Promise<void>;
}
