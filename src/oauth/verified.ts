/** Who calls, as the credentials of a request prove it. */

/** `bind`: empty, or the value of a claim that sessions stick to besides the subject (a client id, a tenant). */
export type Identity = 'anonymous' | { readonly iss: string; readonly sub: string; readonly bind: string };

export interface Verified {
  readonly principal: Identity;
  /** With all that they imply. */
  readonly scopes: ReadonlySet<string>;
  /** Without `scope` and `scp`. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Unix seconds. Undefined: the credentials do not expire. */
  readonly expiresAt: number | undefined;
  /** Unix seconds, where the credentials say so. */
  readonly issuedAt: number | undefined;
  /** Headers that upstreams get because of the credentials (client id of an API key, callout): names and values in turn. */
  readonly forwarded?: readonly string[] | undefined;
}

/** The head of a request, as far as credentials may stand in it. */
export interface RequestHead {
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly host?: string | undefined;
  /** Of a request that has one, for a service that is shown it. */
  readonly body?: Buffer | undefined;
}

const nothing: ReadonlySet<string> = new Set();

/** A caller without credentials, where a route asks for none. */
export const anonymous: Verified = {
  principal: 'anonymous',
  scopes: nothing,
  claims: {},
  expiresAt: undefined,
  issuedAt: undefined,
};

/** The credentials do not hold. The message is for the log and holds no part of them. */
export class CredentialsRefused extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = 'CredentialsRefused';
  }
}
