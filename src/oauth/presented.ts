/**
 * The access token of a request: exactly once, in the `Authorization` header (RFC 6750 §2.1; MCP 2025-11-25 basic/authorization
 * §Token Requirements: never in the query).
 */
import type { RequestHead } from './verified.ts';

/** Maximum length of an access token, in characters; longer ones are refused. */
export const maxTokenChars = 8_192;

export type Presented =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'malformed'; readonly reason: string };

const none: Presented = { kind: 'none' };

/** The token of the request. Credentials of another scheme count as none. */
export function presentedToken({ rawHeaders, path }: Pick<RequestHead, 'rawHeaders' | 'path'>): Presented {
  if (hasTokenInQuery(path)) return { kind: 'malformed', reason: 'the access token is in the query' };
  let value: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue;
    if (value !== undefined) return { kind: 'malformed', reason: 'more than one Authorization header' };
    value = rawHeaders[i + 1]!;
  }
  if (value === undefined || !/^bearer(?: |$)/i.test(value)) return none;
  const token = value.slice(7).trim();
  // `b64token` of RFC 6750 §2.1.
  if (!/^[A-Za-z0-9\-._~+/]+={0,2}$/.test(token)) return { kind: 'malformed', reason: 'no token after Bearer' };
  return { kind: 'bearer', token };
}

/** RFC 6750 §2.3, also if the name is percent-encoded. */
function hasTokenInQuery(path: string): boolean {
  const at = path.indexOf('?');
  if (at < 0) return false;
  return new URLSearchParams(path.slice(at)).has('access_token');
}
