/**
 * CORS for web pages (Fetch §CORS protocol; Private Network Access §3). Origins are checked before this step; here the
 * allowed ones get their response headers. Cookies are not used: `Access-Control-Allow-Credentials` and `*` are never sent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { allowedVerbs } from './respond.ts';
import type { Head } from './accept.ts';

/** Request headers of MCP clients, in lower case; any `Mcp-Param-*` is allowed too. */
const known: ReadonlySet<string> = new Set([
  'accept',
  'authorization',
  'content-type',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
]);
const paramPrefix = 'mcp-param-';
const exposed = 'Mcp-Session-Id, WWW-Authenticate, MCP-Protocol-Version, Retry-After';
/** How long a browser may cache the answer to a preflight, in seconds. */
const preflightSeconds = '600';
/** Maximum number of headers in one preflight: a browser names each header that a page sets. */
const maxAsked = 100;

/**
 * Call it after the Host and Origin checks and before everything else. Allows the page of `head.origin` to read the answer. It
 * answers OPTIONS and then returns true: the request is finished. `forwarded`: further request headers (lower case) that clients
 * may send for upstreams. `credentials`: headers that may carry the client's credentials.
 */
export function answerCors(
  head: Head,
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  response: ServerResponse,
  forwarded: ReadonlySet<string> = none,
  credentials: ReadonlySet<string> = none,
): boolean {
  const isOptions = request.method === 'OPTIONS';
  if (head.origin !== undefined) {
    response.setHeader('Access-Control-Allow-Origin', head.origin);
    response.setHeader('Vary', isOptions ? preflightVary : 'Origin');
    response.setHeader('Access-Control-Expose-Headers', exposed);
    if (isOptions) preflight(request, response, new Set([...forwarded, ...credentials]));
  }
  if (!isOptions) return false;
  response.writeHead(204, ['Allow', allowedVerbs]);
  response.end();
  return true;
}

const preflightVary =
  'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network';

function preflight(
  { headers }: Pick<IncomingMessage, 'headers'>,
  response: ServerResponse,
  forwarded: ReadonlySet<string>,
): void {
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST, DELETE');
  const asked = (headers['access-control-request-headers'] ?? '').split(',', maxAsked);
  const further = asked
    .map((name) => name.trim().toLowerCase())
    .filter((name) => forwarded.has(name) || (name.startsWith(paramPrefix) && isToken(name)));
  response.setHeader('Access-Control-Allow-Headers', [...known, ...further].join(', '));
  response.setHeader('Access-Control-Max-Age', preflightSeconds);
  if (headers['access-control-request-private-network'] === 'true')
    response.setHeader('Access-Control-Allow-Private-Network', 'true');
}

function isToken(name: string): boolean {
  return /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name);
}

const none: ReadonlySet<string> = new Set();
