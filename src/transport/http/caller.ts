/**
 * Who sends a request. A caller is made once for each HTTP request, right after its head is read, and travels with it; below
 * this point nothing reads the raw headers but what decides which of them an upstream gets (upstream/credentials.ts), what
 * compares them with the body (calls/repeated-arguments.ts) and what brings the request to another replica (peers/hop.ts).
 */
import { hash } from 'node:crypto';
import type { Verified } from '../../oauth/verified.ts';
import type { Principal } from '../../session/principal.ts';
import type { Head } from './accept.ts';

/** Headers of a request as a raw list: names and values in turn. */
export type RawHeaders = readonly string[];

export interface Caller {
  /** Issuer and subject of the access token, or `anonymous` on a route without authentication. */
  readonly principal: Principal;
  /** Tells principals apart in the memory of this process; empty for the anonymous one. */
  readonly principalId: string;
  /** Granted by the access token (RFC 6749 §3.3). */
  readonly scopes: ReadonlySet<string>;
  /** Claims of the access token. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** When the access token expires, in Unix seconds; undefined for a caller without one. */
  readonly expiresAt: number | undefined;
  /** All headers of the request. */
  readonly rawHeaders: RawHeaders;
  /** Headers that every upstream gets because of who calls: names (lower case) and values in turn. */
  readonly told: RawHeaders;
  /** The HTTP request, for rules; the path has its query. Undefined where no rule asks. */
  readonly http: { readonly method: string; readonly path: string } | undefined;
}

/** What of an HTTP request is not in its head. */
export interface RequestLine {
  readonly method?: string | undefined;
  /** Path and query. */
  readonly url?: string | undefined;
  /** In place of `url` where the path is not that of the client: `?` and the query, or empty. */
  readonly query?: string | undefined;
}

/** With the `?`; empty where there is none. */
export function queryOf(url: string | undefined): string {
  const at = url?.indexOf('?') ?? -1;
  return at < 0 ? '' : url!.slice(at);
}

/**
 * Finds out who sends a request. Synchronous where nothing has to be asked, so that the usual way costs no turn of the loop.
 * Throws, or rejects with, the fault that the client is answered with.
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

/** The same for equal principals, and fit for a header. */
function principalId(principal: Principal): string {
  if (principal === 'anonymous') return '';
  let id = ids.get(principal);
  if (id === undefined) {
    id = hash('sha256', JSON.stringify([principal.iss, principal.sub, principal.bind]), 'base64url');
    ids.set(principal, id);
  }
  return id;
}

/** For what the gateway asks for no client: no header of anyone goes along. */
export const nobody: Caller = anonymous({ rawHeaders: [] });
