/**
 * The form of answers in a client's era: results, errors with their HTTP status, and which messages may come before a result. Other
 * files ask the client for its `Wording` and never for its era.
 */
import type { CacheHints } from '../../aggregate/hints.ts';
import { modernResult } from '../../aggregate/modern-result.ts';
import { outwardModernResult, outwardResult, withId } from '../../aggregate/rewrite.ts';
import { urlsAsText } from '../../aggregate/rounds.ts';
import type { UpstreamConfig } from '../../config/model.ts';
import { errorBody, GatewayError, type ErrorCode } from '../../errors.ts';
import { clientCapability } from '../../protocol/capabilities.ts';
import type { Message } from '../../protocol/envelope.ts';
import { isOfNoRevision } from '../../protocol/methods.ts';
import { hasElicitation, hasSamplingTools, hasUrlElicitation } from '../../protocol/revisions.ts';
import { numberOf, textOf } from '../../protocol/scan.ts';

export interface Worded<Body = Buffer | string> {
  readonly body: Body;
  readonly status: number;
}

/** A result that the gateway made: a JSON object as text, and its cache hints if its method has them. */
export interface Own {
  readonly body: Buffer | string;
  readonly hints?: CacheHints;
}

export interface Wording {
  /** An upstream's response to `request`, for the client. Throws `upstream_malformed`. */
  response(answer: Message, upstream: UpstreamConfig, request: Message, sealState: (state: string) => string): Worded;
  /** A result that the gateway made, as a whole response. */
  own(id: string, result: Buffer | string, hints?: CacheHints): Buffer | string;
  /** `id` is raw JSON; undefined if the request could not be read. */
  fault(fault: unknown, id: string | undefined): Worded<string>;
  /** Whether a notification may reach the client on the stream of its request; `logs`: it asked for log messages. */
  passes(method: string, logs: boolean): boolean;
  /** Whether a tool's structured output may be any JSON value, not only an object. */
  readonly anySchema: boolean;
  /** Whether a client repeats parts of its request in headers, which must agree with the body. */
  readonly repeatsInHeaders: boolean;
  /** Whether a client that leaves cancels its request. */
  readonly leavingCancels: boolean;
  /** Clients are asked questions by the result of their request, and send a retry; otherwise by requests on its stream. */
  readonly asksByRounds: boolean;
  /** Client capabilities (bits) of the questions that can become requests if an upstream asks by rounds. */
  readonly askable: number;
}

/** Also the wording for a client whose revision is unknown. */
export function legacyFault(fault: unknown, id: string | undefined): Worded<string> {
  return { body: errorBody(fault, id), status: statusOf(fault) };
}

export function legacyWording(revision: string): Wording {
  const knowsUrls = hasUrlElicitation(revision);
  return {
    response: (answer, upstream, request) => {
      const told = knowsUrls || request.method !== 'tools/call' ? answer : (urlsAsText(answer) ?? answer);
      return { body: outwardResult(told, upstream, revision, request.id, uriOf(request)), status: 200 };
    },
    own: (id, result) => resultText(id, result),
    fault: legacyFault,
    passes: () => true,
    anySchema: false,
    repeatsInHeaders: false,
    // 2025-11-25 basic/transports §Sending Messages to the Server: disconnection should not be interpreted as cancelling.
    leavingCancels: false,
    asksByRounds: false,
    askable: askableBy(revision),
  };
}

/** The URI of the requested resource. */
function uriOf({ bytes, params }: Message): string | undefined {
  const uri = params?.member('uri');
  return uri?.kind === 'string' ? textOf(bytes, uri) : undefined;
}

/** The questions of 2026-07-28 that an earlier revision has too (client/elicitation, client/sampling, client/roots of each). */
function askableBy(revision: string): number {
  const { roots, sampling, samplingContext, samplingTools, elicitationForm, elicitationUrl, ui } = clientCapability;
  return (
    roots |
    sampling |
    ui |
    (hasElicitation(revision) ? elicitationForm : 0) |
    (hasUrlElicitation(revision) ? elicitationUrl : 0) |
    (hasSamplingTools(revision) ? samplingContext | samplingTools : 0)
  );
}

/** Faults whose code or status differs in 2026-07-28 (basic/transports/streamable-http). */
const modernFaults: Partial<Record<ErrorCode, ErrorCode>> = {
  method_unknown: 'method_absent',
  resource_unknown: 'resource_absent',
};
const methodNotFound = -32601;
const missingCapability = -32021;

/** `version` is the gateway's own. `only` gives what the only upstream calls itself: then it is named, not the gateway. */
export function modernWording(version: string, only: () => string | undefined = () => undefined): Wording {
  const own = JSON.stringify({ name: 'manifold', title: 'Manifold', version });
  const serverInfo = (): string => only() ?? own;
  return {
    response: (answer, upstream, request, sealState) => {
      const code = answer.root.member('error')?.member('code');
      const error = code?.kind === 'number' ? numberOf(answer.bytes, code) : undefined;
      // The client did not declare the capability, because the upstream got the client's own capabilities.
      if (error === missingCapability) return { body: withId(answer, request.id!), status: 400 };
      const body = outwardModernResult(
        answer,
        upstream,
        {
          method: request.method,
          serverInfo: serverInfo(),
          uri: uriOf(request),
          sealState,
        },
        request.id,
      );
      return { body, status: error === methodNotFound ? 404 : 200 };
    },
    own: (id, result, hints) => resultText(id, modernResult(result, serverInfo(), hints)),
    fault: (fault, id) => {
      const code = fault instanceof GatewayError ? modernFaults[fault.code] : undefined;
      const worded =
        code === undefined || !(fault instanceof GatewayError)
          ? fault
          : new GatewayError(code, fault.detail, fault.publicData === undefined ? {} : { data: fault.publicData });
      return { body: errorBody(worded, id), status: statusOf(worded) };
    },
    // Log messages only where asked for, and changes only on a subscription (2026-07-28 server/utilities/logging,
    // basic/patterns/subscriptions). What no revision has belongs to an extension.
    passes: (method, logs) =>
      method === 'notifications/progress' || (logs && method === 'notifications/message') || isOfNoRevision(method),
    anySchema: true,
    repeatsInHeaders: true,
    // "The server MUST treat a client disconnect as cancellation" (2026-07-28 basic/transports/streamable-http).
    leavingCancels: true,
    asksByRounds: true,
    askable: 0,
  };
}

function statusOf(fault: unknown): number {
  return fault instanceof GatewayError ? fault.status : 500;
}

export function resultText(id: string, result: Buffer | string): Buffer | string {
  if (typeof result === 'string') return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
  return Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":`), result, closing]);
}

const closing = Buffer.from('}');
