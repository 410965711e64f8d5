/**
 * The catalogue of faults: a stable code → the public message. The real cause (`detail`, `cause`) goes only to the log, so an
 * answer never reveals internals. `transport/http/respond.ts` converts a fault to HTTP, once.
 */

interface CatalogueEntry {
  /** HTTP status when the fault ends the HTTP exchange before a JSON-RPC answer has begun. */
  readonly status: number;
  /** JSON-RPC error code. */
  readonly rpc: number;
  /** The message for the client. */
  readonly message: string;
}

/* JSON-RPC faults of a request that was understood are HTTP 200 in the session era (2025-11-25 basic/transports). */
export const catalogue = {
  // The HTTP exchange itself.
  host_not_allowed: { status: 403, rpc: -32000, message: 'Forbidden: Host not allowed' },
  origin_not_allowed: { status: 403, rpc: -32000, message: 'Forbidden: Origin not allowed' },
  path_unknown: { status: 404, rpc: -32000, message: 'Not Found' },
  verb_not_allowed: { status: 405, rpc: -32000, message: 'Method not allowed' },
  accept_missing: {
    status: 406,
    rpc: -32000,
    message: 'Not Acceptable: the Accept header must list application/json and text/event-stream',
  },
  accept_stream_missing: {
    status: 406,
    rpc: -32000,
    message: 'Not Acceptable: the Accept header must list text/event-stream',
  },
  body_too_large: { status: 413, rpc: -32000, message: 'Content Too Large' },
  content_type_unsupported: {
    status: 415,
    rpc: -32000,
    message: 'Unsupported Media Type: Content-Type must be application/json',
  },
  charset_unsupported: { status: 415, rpc: -32000, message: 'Unsupported Media Type: the charset must be UTF-8' },
  content_encoding_unsupported: {
    status: 415,
    rpc: -32000,
    message: 'Unsupported Media Type: Content-Encoding is not supported',
  },
  headers_too_many: { status: 431, rpc: -32000, message: 'Request Header Fields Too Large' },
  header_repeated: { status: 400, rpc: -32000, message: 'Bad Request: a header appears more than once' },
  body_incomplete: { status: 400, rpc: -32700, message: 'Parse error' },
  overloaded: { status: 503, rpc: -32000, message: 'Service Unavailable: too much is under way' },
  draining: { status: 503, rpc: -32000, message: 'Service Unavailable' },
  stream_taken: { status: 409, rpc: -32000, message: 'Conflict: the stream already has a connection' },
  stream_gone: { status: 400, rpc: -32000, message: 'Bad Request: the stream can no longer be resumed' },
  streams_too_many: { status: 429, rpc: -32000, message: 'Too Many Requests: too many open streams' },

  // Authorization (RFC 6750 §3): answers of the HTTP exchange in both eras, never a JSON-RPC answer with status 200.
  token_malformed: { status: 400, rpc: -32000, message: 'Bad Request: malformed credentials' },
  token_missing: { status: 401, rpc: -32001, message: 'Unauthorized' },
  token_invalid: { status: 401, rpc: -32001, message: 'Unauthorized' },
  scope_insufficient: { status: 403, rpc: -32003, message: 'Forbidden' },
  certificate_missing: { status: 403, rpc: -32000, message: 'Forbidden: a client certificate is required' },
  access_denied: { status: 403, rpc: -32003, message: 'Forbidden' },
  authorization_unavailable: { status: 503, rpc: -32000, message: 'Service Unavailable' },

  // The message.
  json_malformed: { status: 400, rpc: -32700, message: 'Parse error' },
  json_too_deep: { status: 400, rpc: -32700, message: 'Parse error' },
  json_key_repeated: { status: 400, rpc: -32600, message: 'Invalid Request: a key appears more than once' },
  message_invalid: { status: 400, rpc: -32600, message: 'Invalid Request' },
  batch_unsupported: {
    status: 400,
    rpc: -32600,
    message: 'Invalid Request: batches are not part of this protocol revision',
  },
  initialize_misplaced: { status: 400, rpc: -32600, message: 'Invalid Request: initialize must be sent alone' },
  answer_unknown: { status: 400, rpc: -32600, message: 'Invalid Request: no such request' },

  // The session: one answer for every fault of a token (docs/session-token.md §Opening).
  session_missing: { status: 400, rpc: -32000, message: 'Bad Request: Mcp-Session-Id header is required' },
  session_unreadable: { status: 404, rpc: -32001, message: 'Session not found' },
  revision_unsupported: { status: 400, rpc: -32000, message: 'Bad Request: unsupported MCP-Protocol-Version' },
  revision_mismatch: {
    status: 400,
    rpc: -32000,
    message: 'Bad Request: MCP-Protocol-Version is not that of the session',
  },

  // 2026-07-28: a request that does not fit its envelope or its headers (basic/transports/streamable-http).
  envelope_incomplete: { status: 400, rpc: -32602, message: 'Invalid params: _meta lacks what every request must say' },
  header_mismatch: { status: 400, rpc: -32020, message: 'Header mismatch' },
  revision_unknown: { status: 400, rpc: -32022, message: 'Unsupported protocol version' },
  capability_missing: { status: 400, rpc: -32021, message: 'Missing required client capability' },
  method_absent: { status: 404, rpc: -32601, message: 'Method not found' },
  state_invalid: { status: 200, rpc: -32602, message: 'Invalid or expired requestState' },
  input_refused: {
    status: 200,
    rpc: -32603,
    message: 'The client did not give the input that the server asked for',
  },
  rounds_too_many: { status: 200, rpc: -32603, message: 'Upstream server asked for input too often' },
  holds_too_many: { status: 200, rpc: -32603, message: 'Too many calls wait for input' },
  resource_absent: { status: 200, rpc: -32602, message: 'Resource not found' },

  // The request was understood, and refused.
  method_unknown: { status: 200, rpc: -32601, message: 'Method not found' },
  params_invalid: { status: 200, rpc: -32602, message: 'Invalid params' },
  tool_unknown: { status: 200, rpc: -32602, message: 'Unknown tool' },
  prompt_unknown: { status: 200, rpc: -32602, message: 'Unknown prompt' },
  resource_unknown: { status: 200, rpc: -32002, message: 'Resource not found' },
  task_unknown: { status: 200, rpc: -32602, message: 'Unknown task' },
  cursor_invalid: { status: 200, rpc: -32602, message: 'Invalid cursor' },

  // Upstreams.
  upstream_unreachable: { status: 200, rpc: -32603, message: 'Upstream server is unreachable' },
  upstream_starting: { status: 200, rpc: -32603, message: 'Upstream server is starting' },
  upstream_timeout: { status: 200, rpc: -32603, message: 'Upstream server did not answer in time' },
  upstream_refused: { status: 200, rpc: -32603, message: 'Upstream server refused the request' },
  consent_required: { status: 200, rpc: -32603, message: 'Your permission is needed' },
  // The same for clients of 2025-11-25 that show URLs (client/elicitation §URL Elicitation Required Error).
  consent_elicited: { status: 200, rpc: -32042, message: 'Your permission is needed' },
  upstream_unauthorized: { status: 200, rpc: -32603, message: 'Upstream server refused the request' },
  upstream_headers_refused: { status: 200, rpc: -32603, message: 'Upstream server refused the request' },
  upstream_revision_refused: { status: 200, rpc: -32603, message: 'Upstream server refused the request' },
  upstream_verb_refused: { status: 200, rpc: -32603, message: 'Upstream server refused the request' },
  upstream_busy: { status: 200, rpc: -32603, message: 'Upstream server refused the request' },
  upstream_open: {
    status: 503,
    rpc: -32603,
    message: 'Upstream server has failed too often and is not called for now',
  },
  upstream_queue_full: { status: 503, rpc: -32603, message: 'Upstream server has too many calls' },
  upstream_malformed: { status: 200, rpc: -32603, message: 'Upstream server gave an invalid answer' },
  upstream_too_large: { status: 200, rpc: -32603, message: 'Upstream server gave an answer that is too large' },
  answer_dropped: { status: 200, rpc: -32603, message: 'The gateway had no memory for the answer' },
  upstream_interrupted: { status: 200, rpc: -32603, message: 'Upstream server broke off its answer' },
  upstream_session_lost: { status: 200, rpc: -32603, message: 'Upstream server lost the session' },
  upstreams_all_down: { status: 200, rpc: -32603, message: 'No upstream server is reachable' },

  internal: { status: 500, rpc: -32603, message: 'Internal error' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;

/**
 * A fault with a stable code. `detail` is for the log only. `publicData` is sent as JSON-RPC `error.data`, and `about` after the
 * message of the catalogue: text of the gateway's own, such as the name of a header or a limit, never a value of a peer.
 * `headers` are sent with the HTTP answer: names and values alternate.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly publicData: Readonly<Record<string, unknown>> | undefined;
  readonly headers: readonly string[];
  readonly about: string | undefined;
  readonly #status: number | undefined;

  constructor(
    code: ErrorCode,
    detail?: string,
    options?: {
      cause?: unknown;
      data?: Readonly<Record<string, unknown>>;
      headers?: readonly string[];
      about?: string;
      /** In place of that of the catalogue: an operator may choose the status of some faults. */
      status?: number;
    },
  ) {
    super(
      detail === undefined ? code : `${code}: ${detail}`,
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'GatewayError';
    this.code = code;
    this.detail = detail;
    this.publicData = options?.data;
    this.headers = options?.headers ?? [];
    this.about = options?.about;
    this.#status = options?.status;
  }

  get status(): number {
    return this.#status ?? catalogue[this.code].status;
  }
}

/** Where a user gives an upstream permission. `id` is what 2025-11-25 calls `elicitationId`. */
export interface ConsentLink {
  readonly id: string;
  readonly url: string;
  /** For the user, in plain words. */
  readonly message: string;
}

/** `consent_required`. How a client is told depends on what it can show, so the link is made when that is known. */
export class ConsentRequired extends GatewayError {
  /** `session`: the one that is told when permission is given, as 22 characters of base64url. */
  readonly linkFor: (session: string | undefined) => ConsentLink;

  constructor(detail: string, linkFor: (session: string | undefined) => ConsentLink) {
    super('consent_required', detail);
    this.linkFor = linkFor;
  }
}

/** The JSON-RPC error answer for a fault, as text. `id` is raw JSON text as the client wrote it. Unknown faults are `internal`. */
export function errorBody(fault: unknown, id: string | undefined): string {
  const known = fault instanceof GatewayError ? fault : undefined;
  const entry = catalogue[known?.code ?? 'internal'];
  const data = known?.publicData;
  const message = known?.about === undefined ? entry.message : `${entry.message}: ${known.about}`;
  const error = JSON.stringify({ code: entry.rpc, message, ...(data === undefined ? {} : { data }) });
  return `{"jsonrpc":"2.0","error":${error},"id":${id ?? 'null'}}`;
}
