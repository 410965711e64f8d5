/** The identity of a caller, as its credentials prove it. */

/** `bind`: empty, or the value of a claim that sessions are bound to besides the subject (a client id, a tenant). */
export type Identity = 'anonymous' | { readonly iss: string; readonly sub: string; readonly bind: string };

export interface Verified {
  readonly principal: Identity;
  /** Including all scopes that they imply. */
  readonly scopes: ReadonlySet<string>;
  /** Without `scope` and `scp`. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Unix seconds. Undefined: the credentials do not expire. */
  readonly expiresAt: number | undefined;
  /** Unix seconds; undefined if the credentials do not say. */
  readonly issuedAt: number | undefined;
  /**
   * Headers that upstreams get because of the credentials (client id of an API key, external authorization): names and values
   * alternate.
   */
  readonly forwarded?: readonly string[] | undefined;
}

/** The parts of a request that may contain credentials. */
export interface RequestHead {
  /** Names and values alternate. */
  readonly rawHeaders: readonly string[];
  readonly method: string;
  /** Including the query. */
  readonly path: string;
  readonly host?: string | undefined;
  /** Of a request that has one, for a service that is shown it. */
  readonly body?: Buffer | undefined;
}

const nothing: ReadonlySet<string> = new Set();

/** A caller without credentials, on a route that requires none. */
export const anonymous: Verified = {
  principal: 'anonymous',
  scopes: nothing,
  claims: {},
  expiresAt: undefined,
  issuedAt: undefined,
};

/** The credentials are invalid. The message is for the log and contains no part of them. */
export class CredentialsRefused extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = 'CredentialsRefused';
  }
}
