/**
 * A service of the operator that decides about each request by its head, over HTTP. What it answers with 200 goes on; any other
 * status refuses. The request it gets has the method and the path of the client's, below a prefix, and chosen headers.
 */
import { GatewayError } from '../../errors.ts';
import { authorizationUnavailable, denied, tokenInvalid } from '../../oauth/faults.ts';
import type { RequestHead, Verified } from '../../oauth/verified.ts';
import type { GuardedFetch } from '../egress/guarded-fetch.ts';

export interface HttpExtAuth {
  readonly url: string;
  /** Headers of the client that the service gets, besides `Authorization`. */
  readonly headersToExtAuth?: readonly string[] | undefined;
  /** Headers of its answer that upstreams get. */
  readonly headersToBackend?: readonly string[] | undefined;
  /** A header of its answer that names the caller, for a route without other credentials. */
  readonly subjectHeader?: string | undefined;
  /** Goes on when the service fails. Default false. */
  readonly failOpen?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
}

/** The caller, with what the service adds. Throws `GatewayError`: 401, 403 or 503. */
export type ExtAuth = (head: RequestHead, verified: Verified) => Promise<Verified>;

export function httpExtAuth(config: HttpExtAuth, fetch: GuardedFetch, challenge: string): ExtAuth {
  const sent = new Set(['authorization', ...(config.headersToExtAuth ?? []).map((name) => name.toLowerCase())]);
  const prefix = config.url.replace(/\/$/, '');
  return async (head, verified) => {
    let answer: Response;
    try {
      answer = await fetch(below(prefix, head.path), {
        method: head.method,
        headers: chosen(head, sent),
        ...(config.timeoutMs === undefined ? {} : { timeoutMs: config.timeoutMs }),
      });
    } catch (fault) {
      if (config.failOpen === true) return verified;
      throw authorizationUnavailable('the authorization service', fault);
    }
    if (answer.status >= 500 && config.failOpen === true) return verified;
    if (answer.status === 200) return withAdded(verified, answer.headers, config);
    throw refusal(answer, challenge);
  };
}

/** The path of the client below the prefix; a path that leads elsewhere is the prefix alone. */
function below(prefix: string, path: string): string {
  const target = path.startsWith('/') ? `${prefix}${path}` : prefix;
  return URL.canParse(target) && new URL(target).href.startsWith(new URL(prefix).href) ? target : prefix;
}

function chosen({ rawHeaders, host }: RequestHead, sent: ReadonlySet<string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (sent.has(name))
      headers[name] = headers[name] === undefined ? rawHeaders[i + 1]! : `${headers[name]}, ${rawHeaders[i + 1]}`;
  }
  if (host !== undefined) headers['x-forwarded-host'] = host;
  return headers;
}

function withAdded(verified: Verified, headers: Headers, config: HttpExtAuth): Verified {
  const subject = config.subjectHeader === undefined ? null : headers.get(config.subjectHeader);
  const added = (config.headersToBackend ?? []).flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [name.toLowerCase(), value];
  });
  return {
    ...verified,
    ...(subject === null || subject === '' || verified.principal !== 'anonymous'
      ? {}
      : { principal: { iss: 'extauth', sub: subject, bind: '' } }),
    forwarded: [...(verified.forwarded ?? []), ...added],
  };
}

/** The service is the operator's: where it names a challenge of its own, clients get that. Its body stays here. */
function refusal(answer: Response, challenge: string): GatewayError {
  if (answer.status >= 500 || answer.status === 429) return authorizationUnavailable(`status ${answer.status}`);
  if (answer.status !== 401) return denied(undefined, undefined);
  const own = answer.headers.get('www-authenticate');
  return tokenInvalid(own === null || !/^[\x20-\x7e]{1,1000}$/.test(own) ? challenge : own, 'refused by the service');
}
