/**
 * External authorization over HTTP: a service of the operator decides about each request. 200 admits the request; any other status
 * refuses it. The service gets method and path of the client's request, below a prefix, selected headers, and the body where it is
 * shown one.
 */
import { hash } from 'node:crypto';
import type { GatewayError } from '../../errors.ts';
import { authorizationUnavailable, denied, tokenInvalid, unavailableAs } from '../../oauth/faults.ts';
import type { RequestHead, Verified } from '../../oauth/verified.ts';
import type { GuardedFetch } from '../egress/guarded-fetch.ts';

export interface HttpExtAuth {
  /** The URLs of the service, each with its path prefix; if one does not answer, the next is tried. */
  readonly urls: readonly string[];
  /** Used instead of the client's path. */
  readonly pathOverride?: string | undefined;
  /** The HTTP status for clients if the service is unavailable. Default 503. */
  readonly statusOnError?: number | undefined;
  /** Headers of the client that the service gets, besides `Authorization`. */
  readonly headersToExtAuth?: readonly string[] | undefined;
  /** Headers of the answer that upstreams get. */
  readonly headersToBackend?: readonly string[] | undefined;
  /** A header of the answer that names the caller, for a route without other credentials. */
  readonly subjectHeader?: string | undefined;
  /** Admits the request if the service fails. Default false. */
  readonly failOpen?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Tells a service that it sees the whole body, as Envoy does. */
export const wholeBodyHeader = 'x-envoy-auth-partial-body';

/** Returns the caller, with the headers that the service adds. Throws `GatewayError`: 401, 403, 503, or the status set for it. */
export type ExtAuth = (head: RequestHead, verified: Verified) => Promise<Verified>;

export function httpExtAuth(config: HttpExtAuth, fetch: GuardedFetch, challenge: string): ExtAuth {
  const sent = new Set(['authorization', ...(config.headersToExtAuth ?? []).map((name) => name.toLowerCase())]);
  const prefixes = config.urls.map((url) => url.replace(/\/$/, ''));
  const ask = async (head: RequestHead): Promise<Response> => {
    let last: unknown;
    for (const prefix of prefixes) {
      try {
        return await fetch(below(prefix, config.pathOverride ?? head.path), {
          method: head.method,
          headers: chosen(head, sent),
          ...(head.body !== undefined && { body: head.body, headers: { ...chosen(head, sent), ...bodyHeaders } }),
          ...(config.timeoutMs === undefined ? {} : { timeoutMs: config.timeoutMs }),
        });
      } catch (fault) {
        last = fault;
      }
    }
    throw last;
  };
  const silent = (detail: string, fault?: unknown): GatewayError =>
    unavailableAs(config.statusOnError, challenge, detail, fault);
  return async (head, verified) => {
    let answer: Response;
    try {
      answer = await ask(head);
    } catch (fault) {
      if (config.failOpen === true) return verified;
      throw silent('the authorization service', fault);
    }
    if (answer.status >= 500 && config.failOpen === true) return verified;
    if (answer.status === 200) return withAdded(verifiedBy(head, verified, sent), answer.headers, config);
    if (answer.status >= 500) throw silent(`status ${answer.status}`);
    throw refusal(answer, challenge);
  };
}

/** A client's body is JSON (2025-11-25 basic/transports §Sending Messages to the Server). */
const bodyHeaders = { 'content-type': 'application/json', [wholeBodyHeader]: 'false' };

/**
 * A caller that only the service authenticates is identified by the headers sent to the service, so that callers with different
 * credentials are different principals.
 */
function verifiedBy(head: RequestHead, verified: Verified, sent: ReadonlySet<string>): Verified {
  if (verified.principal !== 'anonymous') return verified;
  const { 'x-forwarded-host': _host, ...shown } = chosen(head, sent);
  if (Object.keys(shown).length === 0) return verified;
  const sub = hash(
    'sha256',
    JSON.stringify(
      Object.keys(shown)
        .toSorted()
        .map((name) => [name, shown[name]]),
    ),
    'base64url',
  );
  return { ...verified, principal: { iss: 'extauth', sub, bind: '' } };
}

/** The path of the client, or the configured one, below the prefix; a path that leaves the prefix is replaced by the prefix. */
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
    ...(subject === null || subject === '' || !isByService(verified)
      ? {}
      : { principal: { iss: 'extauth', sub: subject, bind: '' } }),
    forwarded: [...(verified.forwarded ?? []), ...added],
  };
}

function isByService({ principal }: Verified): boolean {
  return principal === 'anonymous' || principal.iss === 'extauth';
}

/** The service belongs to the operator, so its challenge is passed to clients. Its body is not. */
function refusal(answer: Response, challenge: string): GatewayError {
  if (answer.status === 429) return authorizationUnavailable(`status ${answer.status}`);
  if (answer.status !== 401) return denied(undefined, undefined);
  const own = answer.headers.get('www-authenticate');
  return tokenInvalid(own === null || !/^[\x20-\x7e]{1,1000}$/.test(own) ? challenge : own, 'refused by the service');
}
