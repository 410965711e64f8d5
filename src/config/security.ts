/**
 * Who may use a route, and for what: validated, complete, frozen, and safe to clone to a worker. It contains keys of clients and
 * texts of JWKS; neither is ever printed.
 */

import type { UpstreamTls } from './upstream-tls.ts';

type Action = 'Allow' | 'Deny';

/** An absent member is not required. If several are present, a request must satisfy all of them. */
export interface RouteSecurity {
  readonly oauth?: OAuthConfig;
  readonly apiKeyAuth?: ApiKeyAuthConfig;
  readonly extAuth?: ExtAuthConfig;
  readonly authorization?: AuthorizationConfig;
  readonly revocation?: RevocationConfig;
  readonly egress?: EgressConfig;
}

/** Addresses that authorization may connect to, besides public ones with https; see transport/egress/address-rules.ts. */
export interface EgressConfig {
  readonly allowLoopback?: boolean;
  readonly allowPrivate?: boolean;
  readonly allowPlainPrivate?: boolean;
}

/** Credentials issued before a time (Unix seconds) are invalid: for all principals, or for one. */
export interface RevocationConfig {
  readonly notBefore?: number;
  /** Without a time, all credentials of the principal are invalid. */
  readonly principals: readonly { readonly iss: string; readonly sub: string; readonly notBefore?: number }[];
  /** Identifiers (`jti`) of single tokens. */
  readonly tokens: readonly string[];
}

/** Access tokens of one authorization server (2025-11-25 basic/authorization). */
export interface OAuthConfig {
  /** Exactly the `iss` of the tokens. */
  readonly issuer: string;
  /** The `aud` of a token must contain one of them; never empty: the resource if the file names none (RFC 8707 §2). */
  readonly audiences: readonly string[];
  readonly keys: JwksSource;
  readonly metadata: ProtectedResourceMetadata;
  /** Claims (a dotted path) that every upstream gets as a header (lower case). */
  readonly claimToHeaders: readonly { readonly claim: string; readonly header: string }[];
  readonly tokens?: TokenConfig;
  /** Further issuers, whose tokens are accepted as well. */
  readonly furtherIssuers?: readonly FurtherIssuer[];
  /** Serves a copy of the metadata of the issuer, for clients of 2025-03-26. */
  readonly relaysServerMetadata?: boolean;
  /** If several routes share a host, the metadata of this one is at the root. */
  readonly isDefault?: boolean;
}

export interface FurtherIssuer {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys: JwksSource;
  readonly tokens?: TokenConfig;
}

/** How the tokens of one issuer are checked, in addition to the fields of an MCPRoute; see oauth/token-rules.ts. */
export interface TokenConfig {
  readonly allowAnyAudience?: boolean;
  readonly audienceClaims?: readonly string[];
  readonly allowClientAudience?: boolean;
  readonly requireAtJwt?: boolean;
  readonly maxTokenAgeSeconds?: number;
  readonly impliedScopes?: Readonly<Record<string, readonly string[]>>;
  readonly bindClaim?: string;
  readonly introspection?: IntrospectionConfig;
}

/** RFC 7662. */
interface IntrospectionConfig extends OAuthClientIdentity {
  readonly endpoint?: string;
  readonly always?: boolean;
  readonly allowMissingAudience?: boolean;
}

/** The gateway as a client of an authorization server (RFC 6749 §2.3). The secret is never printed. */
export interface OAuthClientIdentity {
  readonly clientId: string;
  readonly credential:
    | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
    /** RFC 7523 §2.2. A private key as PEM; `algorithm` as in RFC 7518 §3.1. */
    | {
        readonly method: 'private_key_jwt';
        readonly privateKey: string;
        readonly algorithm: string;
        readonly kid?: string;
      }
    | { readonly method: 'none' };
}

/**
 * A token that the gateway gets for an upstream: its own (RFC 6749 §4.4), or one for the caller, by token exchange (RFC 8693) or
 * by the consent of the user (RFC 6749 §4.1). With consent `clientId` may be empty: then the gateway registers itself.
 */
export interface UpstreamGrant extends OAuthClientIdentity {
  readonly kind: 'clientCredentials' | 'tokenExchange' | 'userConsent';
  readonly issuer: string;
  readonly tokenEndpoint?: string;
  /** RFC 8707. */
  readonly resource?: string;
  readonly audience?: string;
  readonly scopes?: readonly string[];
  readonly egress?: EgressConfig;
  /** With `tokenExchange`: the kind of the caller's token (RFC 8693 §3); an access token when absent. */
  readonly subjectTokenType?: string;
  /** With `userConsent`: the server is asked without `resource`, as it refuses that. */
  readonly omitsResource?: boolean;
  /** With `userConsent`: the server has PKCE with S256, and does not say so. */
  readonly assumesPkce?: boolean;
  /** With `tokenExchange`: the authorization server of the upstream, for which the issuer gives an assertion (ID-JAG). */
  readonly assertedAt?: OAuthClientIdentity & { readonly issuer: string; readonly tokenEndpoint?: string };
}

export type JwksSource =
  /** From the metadata of the issuer. */
  | { readonly kind: 'discovered' }
  | { readonly kind: 'remote'; readonly url: string; readonly cacheMs: number }
  /** A JWK Set (RFC 7517 §5) as text. */
  | { readonly kind: 'local'; readonly text: string };

/** RFC 9728 §2. */
interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly resourceName?: string;
  readonly scopesSupported: readonly string[];
  readonly resourceSigningAlgValuesSupported?: readonly string[];
  readonly resourceDocumentation?: string;
  readonly resourcePolicyUri?: string;
}

export interface ApiKeyAuthConfig {
  /** One entry per client; the key is a secret. Keys are unique. */
  readonly credentials: readonly { readonly client: string; readonly key: string }[];
  /** Tried in this order; the first one with a value is used. Names of headers are in lower case. */
  readonly extractFrom: readonly { readonly in: 'header' | 'query' | 'cookie'; readonly name: string }[];
  /** Header (lower case) that tells upstreams the client id. */
  readonly forwardClientIdHeader?: string;
  /** Whether the key is removed from the headers that upstreams get. */
  readonly sanitize: boolean;
}

/** An external authorization server (Envoy ext_authz v3). */
export interface ExtAuthConfig {
  readonly protocol: 'grpc' | 'http';
  /** Base URLs of the servers, at least one. */
  readonly urls: readonly string[];
  /** TLS settings by URL; gRPC only. */
  readonly tls?: ReadonlyMap<string, UpstreamTls>;
  /** Prefix of the path of the request; HTTP only. */
  readonly pathPrefix?: string;
  /** Replaces the path of the request; HTTP only. */
  readonly pathOverride?: string;
  /** Headers (lower case) of the answer that upstreams get; HTTP only. */
  readonly headersToBackend: readonly string[];
  /** Headers (lower case) of the request that the server gets; undefined: all with gRPC, those of the protocol with HTTP. */
  readonly headersToExtAuth?: readonly string[];
  /** How many bytes of the body the server gets; undefined: none. */
  readonly maxBodyBytes?: number;
  readonly timeoutMs: number;
  readonly failOpen: boolean;
  /** HTTP status if the server is unavailable. */
  readonly statusOnError: number;
  /** Sent to the server unchanged; gRPC only. Values may be secrets. */
  readonly contextExtensions: readonly { readonly name: string; readonly value: string }[];
}

export interface AuthorizationConfig {
  readonly defaultAction: Action;
  /** The first one that matches decides. */
  readonly rules: readonly AuthorizationRule[];
  /** Kinds that the rules apply to; absent: all. */
  readonly kinds?: readonly ('tool' | 'prompt' | 'resource')[];
  /** The effect of a Deny rule whose condition fails; absent: it denies. */
  readonly celErrorAction?: 'deny' | 'noMatch';
}

/** Matches if all its parts match; an absent part always matches. */
interface AuthorizationRule {
  readonly action: Action;
  /** The token must have all of the scopes, and all of the claims. */
  readonly source?: { readonly scopes: readonly string[]; readonly claims: readonly ClaimMatch[] };
  /** Id of an upstream, and a tool by the upstream's own name. */
  readonly tools?: readonly { readonly upstream: string; readonly tool: string }[];
  /** An expression over `request` that returns a boolean; its syntax has been validated. */
  readonly cel?: string;
}

/** `name` is a dotted path. `String`: the claim equals one of the values. `StringArray`: it contains one of them. */
interface ClaimMatch {
  readonly name: string;
  readonly valueType: 'String' | 'StringArray';
  readonly values: readonly string[];
}

/** Which upstreams a session includes: evaluated for each, with its name as `request.mcp.backend`. */
export interface BackendSelectorConfig {
  readonly defaultAction: Action;
  readonly rules: readonly { readonly action: Action; readonly cel?: string }[];
}
