/**
 * Who may use a route and what for, as the configuration says it: checked, complete, frozen, safe to clone to a worker. Keys of
 * clients and texts of JWKS stand in it; neither is ever printed.
 */

import type { UpstreamTls } from './upstream-tls.ts';

type Action = 'Allow' | 'Deny';

/** All that is absent is not asked for. Several that are present must all let a request pass. */
export interface RouteSecurity {
  readonly oauth?: OAuthConfig;
  readonly apiKeyAuth?: ApiKeyAuthConfig;
  readonly extAuth?: ExtAuthConfig;
  readonly authorization?: AuthorizationConfig;
  readonly revocation?: RevocationConfig;
  readonly egress?: EgressConfig;
}

/** Where authorization may ask beyond public addresses with https; see transport/egress/address-rules.ts. */
export interface EgressConfig {
  readonly allowLoopback?: boolean;
  readonly allowPrivate?: boolean;
  readonly allowPlainPrivate?: boolean;
}

/** What was issued before a moment (Unix seconds) no longer holds: for all, or for one principal. */
export interface RevocationConfig {
  readonly notBefore?: number;
  /** Without a moment nothing of the principal holds. */
  readonly principals: readonly { readonly iss: string; readonly sub: string; readonly notBefore?: number }[];
  /** Identifiers (`jti`) of single tokens. */
  readonly tokens: readonly string[];
}

/** Access tokens of one authorization server (2025-11-25 basic/authorization). */
export interface OAuthConfig {
  /** As the token's `iss` has it, to the letter. */
  readonly issuer: string;
  /** One of them must be in the token's `aud`; never empty: the resource where the file names none (RFC 8707 §2). */
  readonly audiences: readonly string[];
  readonly keys: JwksSource;
  readonly metadata: ProtectedResourceMetadata;
  /** Claims (a dotted path) that every upstream gets as a header (lower case). */
  readonly claimToHeaders: readonly { readonly claim: string; readonly header: string }[];
  readonly tokens?: TokenConfig;
  /** Further issuers, whose tokens are taken as well. */
  readonly furtherIssuers?: readonly FurtherIssuer[];
  /** Serves a copy of the metadata of the issuer, for clients of 2025-03-26. */
  readonly relaysServerMetadata?: boolean;
  /** Of several routes of a host its metadata stands at the root. */
  readonly isDefault?: boolean;
}

export interface FurtherIssuer {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys: JwksSource;
  readonly tokens?: TokenConfig;
}

/** How the tokens of one issuer are judged, beyond what an MCPRoute can say; see oauth/token-rules.ts. */
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
 * A token that the gateway gets for an upstream: of its own (RFC 6749 §4.4), or one for the caller, by exchange (RFC 8693) or by the
 * consent of the user (RFC 6749 §4.1). With consent `clientId` may be empty: then the gateway finds out how to be a client there.
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
  /** Client by client; the key is a secret. Keys are unique. */
  readonly credentials: readonly { readonly client: string; readonly key: string }[];
  /** Tried in this order; the first place that has a value decides. Names of headers are in lower case. */
  readonly extractFrom: readonly { readonly in: 'header' | 'query' | 'cookie'; readonly name: string }[];
  /** Header (lower case) in which upstreams are told the client. */
  readonly forwardClientIdHeader?: string;
  /** Whether the key is taken out of what upstreams get. */
  readonly sanitize: boolean;
}

/** Another server that decides on each request (Envoy ext_authz v3). */
export interface ExtAuthConfig {
  readonly protocol: 'grpc' | 'http';
  /** Base URLs of the servers, at least one. */
  readonly urls: readonly string[];
  /** How TLS is spoken there, by URL; gRPC only. */
  readonly tls?: ReadonlyMap<string, UpstreamTls>;
  /** Put in front of the path of the request; HTTP only. */
  readonly pathPrefix?: string;
  /** Stands instead of the path of the request; HTTP only. */
  readonly pathOverride?: string;
  /** Headers (lower case) of its answer that upstreams get; HTTP only. */
  readonly headersToBackend: readonly string[];
  /** Headers (lower case) of the request that it is shown; undefined: all with gRPC, those of the protocol with HTTP. */
  readonly headersToExtAuth?: readonly string[];
  /** How much of the body it is shown; undefined: none. */
  readonly maxBodyBytes?: number;
  readonly timeoutMs: number;
  readonly failOpen: boolean;
  /** HTTP status when it cannot be asked. */
  readonly statusOnError: number;
  /** Told to the server as they are; gRPC only. Values may be secrets. */
  readonly contextExtensions: readonly { readonly name: string; readonly value: string }[];
}

export interface AuthorizationConfig {
  readonly defaultAction: Action;
  /** The first one that matches decides. */
  readonly rules: readonly AuthorizationRule[];
  /** Of the settings; they come before `rules`. */
  readonly first?: readonly AuthorizationRule[];
  /** Kinds that the rules are for; absent: all. */
  readonly kinds?: readonly ('tool' | 'prompt' | 'resource')[];
  /** What a Deny rule does whose condition fails; absent: it denies. */
  readonly celErrorAction?: 'deny' | 'noMatch';
}

/** Matches when all of its parts do; a part that is absent matches all. */
export interface AuthorizationRule {
  readonly action: Action;
  /** The token has all of the scopes, and each claim as said. */
  readonly source?: { readonly scopes: readonly string[]; readonly claims: readonly ClaimMatch[] };
  /** Id of an upstream, and a tool by the upstream's own name. A rule that names things of any kind is about these alone. */
  readonly tools?: readonly { readonly upstream: string; readonly tool: string }[];
  /** The same for prompts, and for resources by their URI or template. Without a name: all of the upstream. */
  readonly prompts?: readonly { readonly upstream: string; readonly prompt?: string }[];
  readonly resources?: readonly { readonly upstream: string; readonly uri?: string }[];
  /** An expression over `request` that gives a boolean; its syntax has been checked. */
  readonly cel?: string;
}

/** `name` is a dotted path. `String`: the claim is one of the values. `StringArray`: it holds one of them. */
interface ClaimMatch {
  readonly name: string;
  readonly valueType: 'String' | 'StringArray';
  readonly values: readonly string[];
}

/** Which upstreams a session gets: asked of each, `request.mcp.backend` being its name. */
export interface BackendSelectorConfig {
  readonly defaultAction: Action;
  readonly rules: readonly { readonly action: Action; readonly cel?: string }[];
}
