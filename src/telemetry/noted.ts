/** What telemetry gets about a request, and the interface of a trace. */
import type { Message } from '../protocol/message.ts';

/** A request as telemetry sees it: a call, or the known part of one. */
export interface Noted {
  readonly message: Message;
  /** In ms of `performance.now()`. */
  readonly startedMs: number;
  readonly caller: {
    readonly principal: 'anonymous' | { readonly sub: string };
    readonly principalId: string;
    readonly rawHeaders: readonly string[];
  };
  /** The body. */
  readonly received: { readonly length: number };
  /** `label` identifies the session, as a hash. */
  readonly client?: { readonly label: string; readonly revision: string };
}

/** The trace context for an upstream (W3C Trace Context): as headers, and as members of `_meta`. */
export interface Carried {
  readonly headers: readonly string[];
  readonly meta: readonly (readonly [name: string, json: string])[];
}

/**
 * The trace of one client request: a span of kind server, and one of kind client for each time that it is sent to an upstream.
 */
export interface RequestTrace {
  readonly traceId: string;
  /** It is about this tool or prompt, by the upstream's own name. */
  named(name: string | undefined): void;
  /** A request of the gateway's own that it needs, such as a handshake or a list: a span of kind client. */
  part(method: string, upstream: string): TracePart;
  sent(upstream: string, tool: string | undefined): Carried;
  event(name: string): void;
  /** `outcome` is `ok`, `error` or a code; `said` is the message that the client got. */
  end(outcome: string, said?: string): void;
}

interface TracePart {
  readonly carried: Carried;
  /** As that of the whole. */
  end(outcome: string, said?: string): void;
}

export interface Tracing {
  begin(noted: Noted, route: string, tool: string | undefined): RequestTrace;
  /** The latest request of a caller that has begun; undefined: none, as where the gateway asks for itself. */
  of(caller: object): RequestTrace | undefined;
  /** Sends what is not sent yet. */
  close(): Promise<void>;
}
