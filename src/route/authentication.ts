/** The security of a route: identifies callers, makes the headers that upstreams get about them, and words refusals. */
import { isDeepStrictEqual } from 'node:util';
import type { RouteConfig } from '../config/model.ts';
import type { EgressConfig, ExtAuthConfig, JwksSource, RouteSecurity, TokenConfig } from '../config/security.ts';
import { GatewayError } from '../errors.ts';
import type { ApiKeyAuth } from '../oauth/api-keys.ts';
import { challengesOf, type Challenges } from '../oauth/challenge.ts';
import { claimHeaders, imitates } from '../oauth/claim-headers.ts';
import { tokenInvalid, tokenMalformed } from '../oauth/faults.ts';
import { presentedToken } from '../oauth/presented.ts';
import type { ProtectedResource } from '../oauth/resource-metadata.ts';
import { cutOffs } from '../oauth/revocation.ts';
import type { Verified } from '../oauth/verified.ts';
import { authenticator, type Authenticator } from '../transport/authorization/authenticator.ts';
import type { HttpExtAuth } from '../transport/authorization/ext-auth.ts';
import type { GrpcExtAuth } from '../transport/authorization/ext-auth-grpc.ts';
import type { IssuerConfig } from '../transport/authorization/issuers.ts';
import { guardedEgress } from '../transport/egress/guarded-fetch.ts';
import type { Head } from '../transport/http/accept.ts';
import { callerOf, type Authenticate, type Caller, type RequestLine } from '../transport/http/caller.ts';

export interface RouteAuthentication {
  readonly authenticate: Authenticate;
  readonly challenges: Challenges | undefined;
  /** See `GatewayParts`. */
  readonly shownBodyBytes: number | undefined;
  /** See `GatewayParts`. */
  readonly refusalOf: ((fault: unknown) => unknown) | undefined;
  readonly credentialNames: ReadonlySet<string> | undefined;
  /** Whether no upstream ever gets a client header of this name (lower case). */
  readonly isWithheld: (name: string) => boolean;
  /** The access token with which a caller has authenticated. */
  readonly tokenOf: (caller: Caller) => string | undefined;
  /** Fetches the keys. If that fails, it is tried again with the first token. */
  warm(): void;
  close(): void;
}

const open: Omit<RouteAuthentication, 'authenticate'> = {
  challenges: undefined,
  shownBodyBytes: undefined,
  refusalOf: undefined,
  credentialNames: undefined,
  isWithheld: () => false,
  tokenOf: () => undefined,
  warm: () => {},
  close: () => {},
};

/**
 * `base` identifies the caller where the route itself requires no credential: anonymous, or by certificate. Throws for an invalid
 * configuration: local keys that cannot be read, or equal API keys.
 */
export function authenticationOf(
  { security, backendSelector, path, name }: RouteConfig,
  base: (head: Head) => Caller,
  onRefused: (fault: GatewayError) => void,
): RouteAuthentication {
  if (security === undefined && backendSelector === undefined) return { ...open, authenticate: base };
  const { oauth, apiKeyAuth, extAuth, revocation } = security ?? {};
  const egress = guardedEgress(egressOf(security ?? {}));
  const resource = security === undefined ? undefined : protectedResource(security);
  const challenges = resource === undefined ? undefined : challengesOf(resource);
  const told = toldOf(security ?? {});
  const isCutOff = cutOffs({
    notBefore: revocation?.notBefore,
    principals: revocation?.principals.map(({ iss, sub, notBefore = Infinity }) => ({ iss, sub, notBefore })),
  });
  const revoked = new Set(revocation?.tokens);
  const known: Authenticator = authenticator(
    {
      oauth: resource === undefined || oauth === undefined ? undefined : { resource, issuers: issuersOf(oauth) },
      apiKeys: apiKeyAuth === undefined ? undefined : apiKeysOf(apiKeyAuth),
      extAuth: extAuth === undefined ? undefined : checkOf(extAuth, egressOf(security ?? {})),
      isShownBody: extAuth?.maxBodyBytes !== undefined,
    },
    egress,
  );
  /** The headers about a caller, made once for each verified token. */
  const toldBy = new WeakMap<Verified, readonly string[]>();
  const callerFor = (verified: Verified, head: Head, http: NonNullable<Caller['http']>): Caller => {
    const jti = verified.claims['jti'];
    if (isCutOff(name, verified.principal, verified.issuedAt) || (typeof jti === 'string' && revoked.has(jti)))
      throw tokenInvalid(challenges?.invalid ?? 'ApiKey realm="mcp"', 'revoked');
    let headers = toldBy.get(verified);
    if (headers === undefined) {
      headers = [...(verified.forwarded ?? []), ...claimHeaders(oauth?.claimToHeaders ?? [], verified.claims)];
      toldBy.set(verified, headers);
    }
    const caller = callerOf(verified, head, headers, http);
    if (verified.principal !== 'anonymous') return caller;
    const { principal, principalId, expiresAt } = base(head);
    return { ...caller, principal, principalId, expiresAt };
  };
  const authenticate = (head: Head, { method = 'GET', url = path, body }: RequestLine): Caller | Promise<Caller> => {
    try {
      const { rawHeaders, host } = head;
      const verified = known.authenticate({ rawHeaders, method, path: url, host, body });
      const http = { method, path: url };
      if (!(verified instanceof Promise)) return callerFor(verified, head, http);
      return verified.then((one) => callerFor(one, head, http)).catch(refused);
    } catch (fault) {
      return refused(fault);
    }
  };
  const refused = (fault: unknown): never => {
    if (fault instanceof GatewayError) onRefused(fault);
    throw fault;
  };
  const keyHeaders = (apiKeyAuth?.extractFrom ?? [])
    .filter((place) => place.in === 'header')
    .map((place) => place.name);
  const withheld = new Set(keyHeaders.filter((one) => apiKeyAuth?.sanitize === true || one !== 'authorization'));
  return {
    authenticate,
    challenges,
    shownBodyBytes: extAuth?.maxBodyBytes,
    refusalOf: challenges === undefined ? undefined : (fault) => malformed(fault, challenges),
    credentialNames: new Set(keyHeaders),
    isWithheld: (header) => withheld.has(header) || imitates(told, header),
    tokenOf: ({ principal, rawHeaders }) => {
      if (oauth === undefined || principal === 'anonymous') return undefined;
      const presented = presentedToken({ rawHeaders, path });
      return presented.kind === 'bearer' ? presented.token : undefined;
    },
    warm: () => void known.ready().catch(() => {}),
    close: () => {
      known.close();
      void egress.close();
    },
  };
}

/**
 * Whether two configurations authenticate the same callers in the same way, so that one can replace the other without
 * interruption.
 */
export function isSecuredAlike(one: RouteConfig, other: RouteConfig): boolean {
  return (
    isDeepStrictEqual(one.security, other.security) && isDeepStrictEqual(one.backendSelector, other.backendSelector)
  );
}

/** The protected resource of a route that accepts access tokens (RFC 9728 §2). */
export function protectedResource({ oauth }: RouteSecurity): ProtectedResource | undefined {
  if (oauth === undefined) return undefined;
  const { metadata, issuer, furtherIssuers = [] } = oauth;
  return {
    resource: metadata.resource,
    authorizationServers: [issuer, ...furtherIssuers.map((further) => further.issuer)],
    scopesSupported: metadata.scopesSupported,
    resourceName: metadata.resourceName,
    signingAlgorithms: metadata.resourceSigningAlgValuesSupported,
    documentation: metadata.resourceDocumentation,
    policyUri: metadata.resourcePolicyUri,
  };
}

/** Headers that upstreams get about the caller: a client header must not be mistaken for one of them. */
function toldOf({
  oauth,
  apiKeyAuth,
  extAuth,
}: RouteSecurity): readonly { readonly claim: string; readonly header: string }[] {
  const others = [apiKeyAuth?.forwardClientIdHeader, ...(extAuth?.headersToBackend ?? [])];
  return [
    ...(oauth?.claimToHeaders ?? []),
    ...others.flatMap((header) => (header === undefined ? [] : [{ claim: '', header }])),
  ];
}

/** Whether upstreams get data of the caller besides the forwarded headers. */
export function tellsOfCaller(security: RouteSecurity | undefined): boolean {
  // Over gRPC the service chooses the headers in each answer.
  return security !== undefined && (toldOf(security).length > 0 || security.extAuth?.protocol === 'grpc');
}

/** Two `Authorization` headers are refused before they are read; the answer has the challenge of the route. */
function malformed(fault: unknown, challenges: Challenges): unknown {
  const isRepeated =
    fault instanceof GatewayError && fault.code === 'header_repeated' && fault.about === 'authorization';
  return isRepeated ? tokenMalformed(challenges.malformed, 'more than one Authorization header') : fault;
}

function issuersOf({
  issuer,
  audiences,
  keys,
  tokens,
  furtherIssuers = [],
}: NonNullable<RouteSecurity['oauth']>): readonly IssuerConfig[] {
  return [{ issuer, audiences, keys, tokens }, ...furtherIssuers].map((one) => ({
    ...judgedBy(one.tokens),
    issuer: one.issuer,
    audiences: one.audiences,
    keys: keysOf(one.keys),
  }));
}

function judgedBy(tokens: TokenConfig | undefined): Omit<IssuerConfig, 'issuer' | 'audiences' | 'keys'> {
  return tokens ?? {};
}

function keysOf(keys: JwksSource): IssuerConfig['keys'] {
  switch (keys.kind) {
    case 'discovered':
      return undefined;
    case 'remote':
      return { kind: 'remote', url: keys.url, freshSeconds: Math.ceil(keys.cacheMs / 1_000) };
    case 'local':
      return { kind: 'local', document: JSON.parse(keys.text) };
  }
}

function apiKeysOf({
  credentials,
  extractFrom,
  forwardClientIdHeader,
}: NonNullable<RouteSecurity['apiKeyAuth']>): ApiKeyAuth {
  return {
    credentials: credentials.map(({ client, key }) => ({ clientId: client, key })),
    extractFrom: extractFrom.map(({ in: place, name }) =>
      place === 'header' ? { headers: [name] } : place === 'query' ? { params: [name] } : { cookies: [name] },
    ),
    forwardClientIdHeader,
  };
}

function checkOf(config: ExtAuthConfig, egress: EgressConfig): HttpExtAuth | { readonly grpc: GrpcExtAuth } {
  return config.protocol === 'grpc' ? { grpc: { ...config, egress } } : httpExtAuthOf(config);
}

function httpExtAuthOf(config: ExtAuthConfig): HttpExtAuth {
  const { urls, pathPrefix, pathOverride, headersToExtAuth, headersToBackend, failOpen, timeoutMs, statusOnError } =
    config;
  return {
    urls: urls.map((url) => url.replace(/\/$/, '') + (pathPrefix ?? '')),
    pathOverride,
    headersToExtAuth,
    headersToBackend,
    failOpen,
    timeoutMs,
    statusOnError,
  };
}

/**
 * The destinations that authorization may connect to. An address of this machine, or of a private network, is allowed if the
 * configuration names it. A host name is checked by its addresses, and needs the setting.
 */
export function egressOf({ egress, oauth, extAuth }: RouteSecurity): EgressConfig {
  const named = [
    oauth?.issuer,
    oauth?.keys.kind === 'remote' ? oauth.keys.url : undefined,
    oauth?.tokens?.introspection?.endpoint,
    ...(oauth?.furtherIssuers ?? []).flatMap(({ issuer, keys, tokens }) => [
      issuer,
      keys.kind === 'remote' ? keys.url : undefined,
      tokens?.introspection?.endpoint,
    ]),
    ...(extAuth?.urls ?? []),
  ];
  return opened(egress ?? {}, named);
}

/** The settings, with loopback allowed if one of the addresses is on loopback. */
export function opened(egress: EgressConfig, addresses: readonly (string | undefined)[]): EgressConfig {
  const isOnThisMachine = addresses.some((address) => address !== undefined && isLoopbackUrl(address));
  return isOnThisMachine ? { ...egress, allowLoopback: true } : egress;
}

function isLoopbackUrl(address: string): boolean {
  const host = URL.parse(address)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
