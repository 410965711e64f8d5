/**
 * Who sends a request. A caller is made once for each HTTP request, right after its head is read, and travels with it; below
 * this point nothing reads the raw headers but what decides which of them an upstream gets (upstream/credentials.ts), what
 * compares them with the body (calls/repeated-arguments.ts) and what brings the request to another replica (peers/hop.ts).
 */
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
}

/**
 * Finds out who sends a request. Synchronous where nothing has to be asked, so that the usual way costs no turn of the loop.
 * Throws, or rejects with, the fault that the client is answered with.
 */
export type Authenticate = (head: Head) => Caller | Promise<Caller>;

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
  };
}

/** For what the gateway asks for no client: no header of anyone goes along. */
export const nobody: Caller = anonymous({ rawHeaders: [] });
