/**
 * Cross-origin calls of web pages (Fetch §3.2 CORS protocol; Private Network Access §3). Which origins may call is judged before;
 * here they are told so. Cookies play no part: `Access-Control-Allow-Credentials` is never sent, and `*` neither.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { allowedVerbs } from './respond.ts';
import type { Head } from './accept.ts';

/** Request headers of MCP clients, in lower case; of `Mcp-Param-*` any. */
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
/** Seconds that a browser may remember the answer to a preflight. */
const preflightSeconds = '600';
/** A browser names each header that a page sets. */
const maxAsked = 100;

/**
 * Call it once the Host and the Origin are let in and before anything else. Tells the page of `head.origin` that it may read the
 * answer, and answers OPTIONS: true then, and nothing more is to be done. `forwarded`: further request headers, in lower case, that
 * clients may send for upstreams; `credentials`: those in which they may prove who they are.
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
