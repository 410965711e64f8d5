/**
 * Who sends a request. A caller is created once for each HTTP request, right after its headers are read, and travels with it.
 * Later steps do not read the raw headers, with three exceptions: the choice of headers for an upstream
 * (upstream/credentials.ts), the comparison with the body (calls/repeated-arguments.ts) and the forwarding to another replica
 * (peers/hop.ts).
 */
import { hash } from 'node:crypto';
import type { Verified } from '../../oauth/verified.ts';
import type { Principal } from '../../session/principal.ts';
import type { Head } from './accept.ts';

/** Headers of a request as a raw list: names and values alternate. */
export type RawHeaders = readonly string[];

export interface Caller {
  /** Issuer and subject of the access token, or `anonymous` on a route without authentication. */
  readonly principal: Principal;
  /** Identifies the principal in the memory of this process; empty for the anonymous one. */
  readonly principalId: string;
  /** Granted by the access token (RFC 6749 §3.3). */
  readonly scopes: ReadonlySet<string>;
  /** Claims of the access token. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** When the access token expires, in Unix seconds; undefined for a caller without one. */
  readonly expiresAt: number | undefined;
  /** All headers of the request. */
  readonly rawHeaders: RawHeaders;
  /** Headers that every upstream gets for this caller: names (lower case) and values alternate. */
  readonly told: RawHeaders;
  /** The HTTP request, for rules; the path includes the query. Undefined where no rule needs it. */
  readonly http: { readonly method: string; readonly path: string } | undefined;
}

/** The parts of an HTTP request that are not headers. */
export interface RequestLine {
  readonly method?: string | undefined;
  /** Path and query. */
  readonly url?: string | undefined;
  /** In place of `url` where the path is not that of the client: `?` and the query, or empty. */
  readonly query?: string | undefined;
  /** Once it has been read, where somebody is shown it. */
  readonly body?: Buffer | undefined;
}

/** With the `?`; empty where there is none. */
export function queryOf(url: string | undefined): string {
  const at = url?.indexOf('?') ?? -1;
  return at < 0 ? '' : url!.slice(at);
}

/**
 * Determines the caller of a request. Synchronous where no other service has to be asked, so that the usual case needs no extra
 * turn of the event loop. Throws, or rejects with, the fault that the client gets.
 */
export type Authenticate = (head: Head, line: RequestLine) => Caller | Promise<Caller>;

const nothing: RawHeaders = [];
const noScopes: ReadonlySet<string> = new Set();
const noClaims: Readonly<Record<string, unknown>> = Object.freeze({});

/** On a route without authentication every caller is the same principal. */
export function anonymous({ rawHeaders }: Pick<Head, 'rawHeaders'>): Caller {
  return {
    principal: 'anonymous',
    principalId: '',
    scopes: noScopes,
    claims: noClaims,
    expiresAt: undefined,
    rawHeaders,
    told: nothing,
    http: undefined,
  };
}

/** A caller whose credentials have been verified. `told`: see `Caller`. */
export function callerOf(
  { principal, scopes, claims, expiresAt }: Verified,
  { rawHeaders }: Pick<Head, 'rawHeaders'>,
  told: RawHeaders,
  http: Caller['http'],
): Caller {
  return { principal, principalId: principalId(principal), scopes, claims, expiresAt, rawHeaders, told, http };
}

const ids = new WeakMap<object, string>();

/** Equal for equal principals, and valid as a header value. */
export function principalId(principal: Principal): string {
  if (principal === 'anonymous') return '';
  let id = ids.get(principal);
  if (id === undefined) {
    id = hash('sha256', JSON.stringify([principal.iss, principal.sub, principal.bind]), 'base64url');
    ids.set(principal, id);
  }
  return id;
}

/** The caller of requests that the gateway makes for itself. It forwards no client's headers. */
export const nobody: Caller = anonymous({ rawHeaders: [] });

/** Whether a header name, in lower case, has a word that tells that its value is a credential. */
export function namesCredential(lowerName: string): boolean {
  return /auth|cookie|key|password|secret|token/.test(lowerName);
}
