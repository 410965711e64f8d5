/**
 * docs/errors.md from the catalogue that the program itself answers from. `node test/support/errors-page.ts` writes the page;
 * test/errors/page.test.ts fails when it is out of date. The hints stand here, for they are for people and never sent.
 */
import { writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { catalogue, type ErrorCode } from '../../src/errors.ts';

export const pagePath = fileURLToPath(new URL('../../docs/errors.md', import.meta.url));

/** What each code means to an operator, and what to do. The type makes a new code without a hint a fault. */
export const hints: Readonly<Record<ErrorCode, string>> = {
  host_not_allowed:
    'The `Host` header is not a name of this gateway (protection against DNS rebinding). Give the name with `--public-url` or `--allowed-hosts`.',
  origin_not_allowed: 'A web page of another origin called. To allow it, name its origin in `--allowed-origins`.',
  path_unknown: 'The endpoint is `/mcp`; probes and metrics are on the admin port.',
  verb_not_allowed: 'The endpoint takes POST, GET and DELETE.',
  accept_missing:
    'The client must accept both kinds of answer. Often a hand-written request, or a proxy that rewrites `Accept`.',
  accept_stream_missing: 'The same for GET, whose answer is always an event stream.',
  body_too_large:
    'A message may have at most 4 MiB, or the value of `--max-message-bytes`, and on a route with `bodyToExtAuth` its `maxRequestBytes`. The connection is closed.',
  content_type_unsupported: 'The client must post `application/json`.',
  charset_unsupported: 'JSON is UTF-8. If `Content-Type` has a charset, it must be `utf-8`.',
  content_encoding_unsupported: 'Compressed requests are not supported.',
  headers_too_many: 'A request may have fewer than 100 header fields.',
  header_repeated:
    'A header that the gateway reads appears twice. Look for a proxy that adds a header which is already there.',
  body_incomplete:
    'The client or a proxy closed the connection while it sent the body. A request that has not arrived within 30 s gets a plain 408 without a code: the network or the client is too slow.',
  overloaded:
    'Messages that are received, sent and held would exceed `--memory-budget`, or one caller would exceed its share of it. The largest messages are refused first; the client tries again after `Retry-After`.',
  draining: 'The process is about to stop. The client tries again and reaches another replica.',
  stream_taken:
    'Between the gateway and its own bridge only: a second GET stream in one session of a stdio or SSE server.',
  stream_gone: 'The server can no longer give the answer that `Last-Event-ID` asks for.',
  streams_too_many:
    '429: the session has 32 GET streams open on this replica, or the clients without a session have 1,024 together. Close a stream, or try again after `Retry-After`. Look for a client that opens streams and never closes them.',
  token_malformed:
    'The access token is in the query, the `Authorization` header appears twice, or it names Bearer without a token.',
  token_missing: 'The request has no credentials. The `WWW-Authenticate` header says where to get some.',
  token_invalid:
    'The access token has expired, or is not from the issuer, for the audience or of the kind that the route takes. The reason is in the log.',
  scope_insufficient: 'The rules of the route ask for scopes that the token lacks; the header names them.',
  certificate_missing: 'Show a certificate that one of the authorities in `--tls-client-ca` has signed.',
  access_denied: 'The rules of the route deny it, whatever the scopes.',
  authorization_unavailable:
    'The authorization server (keys, introspection or callout) does not answer, and no cached answer can be used. A route with `extAuth` may choose another status (`statusOnError`).',
  json_malformed: 'The body is not JSON, or not UTF-8.',
  json_too_deep: 'More than 128 levels of arrays and objects.',
  json_key_repeated: 'A key appears twice, and readers could disagree about which one counts.',
  message_invalid: 'JSON, but not a JSON-RPC 2.0 message.',
  batch_unsupported: 'Batches exist in revision 2025-03-26 only.',
  initialize_misplaced: '`initialize` inside a batch, or within a session of the bridge.',
  answer_unknown:
    'The client answered a request that no server sent to this session, or the server no longer takes the answer.',
  session_missing: 'No `Mcp-Session-Id`, with `--sessions required` or on DELETE.',
  session_unreadable:
    'The session token cannot be used; the client initializes again. The reason is in `manifold_session_reject_total` and in the log, and never in the answer. Many at once after a rollout: replicas with different keys, `--gateway-name` or `--public-url`.',
  revision_unsupported: 'The `MCP-Protocol-Version` header names a revision that this gateway does not support.',
  revision_mismatch: 'The header names another revision than the one negotiated by `initialize`.',
  envelope_incomplete:
    'A request of 2026-07-28 must have its protocol version and the capabilities of its client in `_meta`.',
  header_mismatch: 'A header of a request of 2026-07-28 is missing, or differs from the body.',
  revision_unknown: 'The request is of an unknown revision. `data.supported` lists the known ones.',
  capability_missing:
    'A request of an extension that the client did not declare in the request. `data.requiredCapabilities` names it.',
  method_absent: 'The method is not part of 2026-07-28, or not supported yet.',
  state_invalid: 'The `requestState` of a retry belongs to another caller or call, or is older than ten minutes.',
  input_refused:
    'A server asked for input (elicitation, sampling, roots) during a call, and the client refused or did not answer within ten minutes.',
  rounds_too_many: 'A server asked more than eight rounds of questions in one call.',
  holds_too_many: '10,000 calls of this process wait for answers of their clients. Look for clients that never answer.',
  resource_absent: 'The same as `resource_unknown`, for clients of 2026-07-28.',
  method_unknown: 'The method is unknown, and the request does not say which of several servers it is for.',
  params_invalid: 'A parameter that the gateway reads is missing or of the wrong kind.',
  tool_unknown: 'No such tool, a tool that the configuration leaves out, or a bare name that several servers have.',
  prompt_unknown: 'The same for a prompt.',
  resource_unknown: 'The same for a resource.',
  task_unknown:
    'A task id of another session or principal, a modified one, or one whose server is no longer configured.',
  cursor_invalid: 'A list cursor of another list or session, or a modified one.',
  upstream_unreachable:
    'The connection failed, or the server answered 5xx. The log has the reason. The gateway tries again by itself.',
  upstream_starting:
    'A stdio or SSE server is still starting, or a server answers 503 while it starts. It joins by itself. Its stderr is in the log; `startTimeout` limits the start.',
  upstream_timeout:
    'The server was silent for its `timeout`, opened no session within `--init-timeout`, or the call reached the maximum of one hour.',
  upstream_refused: 'The server answered another 4xx status, or an error to a request of the gateway itself.',
  consent_required: 'Open the link, give the upstream the permission it asks for, and try again; see docs/oauth.md.',
  consent_elicited:
    'The same for a client of 2025-11-25 that declares elicitation of URLs. One of 2026-07-28 is asked by a round.',
  upstream_unauthorized: 'The server answered 401 or 403. Check `headers` of the server in the configuration.',
  upstream_headers_refused:
    'A server of 2026-07-28 found headers that do not fit the request, twice, although the gateway requested its tools again in between.',
  upstream_revision_refused: 'The server says that it does not support the revision in which it was called.',
  upstream_verb_refused:
    'The server answered 405. Usual for GET, where it only means that the server offers no stream.',
  upstream_busy:
    'The server answered 429 (too many requests; it limits the rate), 408 (it waited too long for the request) or 409 (the stream has another reader). Calls are not repeated by the gateway. For 429, ask the operator of the server, or call it less often.',
  upstream_open:
    'So many requests in a row failed that the `breaker` of the server is open. After its wait one request tries; the client tries again after `Retry-After`.',
  upstream_queue_full:
    'The number of calls in progress at the server, and of waiting calls, is at the limit of `concurrency`. The client tries again after `Retry-After`.',
  upstream_malformed: 'The answer is not valid MCP, or it is compressed although the gateway did not ask for that.',
  upstream_too_large: 'An answer may have at most 16 MiB, or the value of `--max-answer-bytes`.',
  answer_dropped:
    'The call was made, but its answer did not fit into `--memory-budget` at that moment. Retry only if the call may safely run twice.',
  upstream_interrupted:
    'The connection broke in the middle of an answer that could not be resumed. A call is never sent twice.',
  upstream_session_lost:
    'The server restarted and `onSessionLoss` is `error`, or the session was lost during an answer.',
  upstreams_all_down: 'The gateway could not reach any server of the configuration.',
  internal: 'A fault of the gateway. Please report it with the log entry, which has the stack.',
};

export function errorsPage(): string {
  return [
    '<!-- Generated by test/support/errors-page.ts. Edit src/errors.ts, and the hints in that script. -->',
    '# Errors',
    '',
    'Every fault of the gateway has a code. The code is in the log (`code`) and in the metrics (`outcome`); a client gets the JSON-RPC',
    "error of its row and no internal details. An upstream's own JSON-RPC error is passed on unchanged and is not in this table.",
    '',
    'Status 200 means that the request was understood: the error is in the JSON-RPC answer, as the session revisions of MCP',
    'specify. If the answer has begun as an event stream, every error is an event of it, whatever its status here.',
    '',
    '| Code | HTTP | JSON-RPC | Message | Meaning, and what to do |',
    '|---|---|---|---|---|',
    ...Object.entries(hints).map(([code, hint]) => {
      const { status, rpc, message } = catalogue[code as ErrorCode];
      return `| \`${code}\` | ${status} | ${rpc} | ${message} | ${hint} |`;
    }),
    '',
  ].join('\n');
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(pagePath, errorsPage());
