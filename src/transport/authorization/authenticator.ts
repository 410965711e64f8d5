/**
 * Authenticates the caller of a route by the headers of a request: access tokens of several issuers, opaque tokens, API keys, and
 * an external service. Returns the caller, or a fault with the challenge. A route requires its credentials on every request (MCP
 * 2025-11-25 basic/authorization §Access Token Usage).
 */
import { challengesOf, type Challenges } from '../../oauth/challenge.ts';
import { apiKeyReader, type ApiKeyAuth } from '../../oauth/api-keys.ts';
import { authorizationUnavailable, tokenInvalid, tokenMalformed, tokenMissing } from '../../oauth/faults.ts';
import { presentedToken } from '../../oauth/presented.ts';
import type { ProtectedResource } from '../../oauth/resource-metadata.ts';
import { tokenDigest, VerifiedTokens } from '../../oauth/verified-tokens.ts';
import { anonymous, CredentialsRefused, type RequestHead, type Verified } from '../../oauth/verified.ts';
import type { Egress } from '../egress/guarded-fetch.ts';
import { httpExtAuth, type ExtAuth, type HttpExtAuth } from './ext-auth.ts';
import type { GrpcCheck, GrpcExtAuth } from './ext-auth-grpc.ts';
import { tokenVerifier, type IssuerConfig } from './issuers.ts';
import { Unavailable } from './kept.ts';

export interface AuthenticationMethods {
  /** Accepts access tokens of these issuers. */
  readonly oauth?: { readonly resource: ProtectedResource; readonly issuers: readonly IssuerConfig[] } | undefined;
  readonly apiKeys?: ApiKeyAuth | undefined;
  /** Over HTTP, or over gRPC. */
  readonly extAuth?: HttpExtAuth | { readonly grpc: GrpcExtAuth } | undefined;
  /** That service is shown bodies: it is asked about a POST when its body is there, and not before. */
  readonly isShownBody?: boolean | undefined;
}

export interface Authenticator {
  /**
   * Throws, or rejects with, `GatewayError`: 400, 401, 403 or 503, with its header fields. Synchronous if the token was verified
   * recently. Where a service is shown bodies, a POST without one has only shown its credentials: call it again with the body.
   */
  readonly authenticate: (head: RequestHead) => Verified | Promise<Verified>;
  /** For `denied` of oauth/faults.ts. Undefined if the route accepts no access tokens. */
  readonly challenges: Challenges | undefined;
  /** Resolves when the keys of every issuer have been fetched once. Rejects with `Unavailable`. */
  ready(): Promise<void>;
  /** Closes the connections that it has opened. */
  close(): void;
}

/** RFC 9110 §11.6.1: a 401 names a scheme. No scheme is registered for API keys. */
const apiKeyChallenge = 'ApiKey realm="mcp"';

/** Throws for an invalid configuration: local keys that cannot be read, or equal API keys. `now` in milliseconds. */
export function authenticator(
  { oauth, apiKeys, extAuth, isShownBody = false }: AuthenticationMethods,
  egress: Egress,
  now: () => number = Date.now,
): Authenticator {
  const challenges = oauth === undefined ? undefined : challengesOf(oauth.resource);
  const tokens =
    oauth === undefined || challenges === undefined
      ? undefined
      : tokenReader(tokenVerifier(oauth.issuers, oauth.resource.resource, egress, now), challenges, now);
  const readKey = apiKeys === undefined ? undefined : apiKeyReader(apiKeys);
  const challenge = challenges?.invalid ?? 'Bearer';
  const grpc = extAuth !== undefined && 'grpc' in extAuth ? grpcCheck(extAuth.grpc, challenge) : undefined;
  const ask = extAuth === undefined || 'grpc' in extAuth ? grpc?.ask : httpExtAuth(extAuth, egress.fetch, challenge);

  const byKey = (head: RequestHead): Verified => {
    if (readKey === undefined) return anonymous;
    let found: Verified | undefined;
    try {
      found = readKey(head);
    } catch (fault) {
      throw tokenInvalid(apiKeyChallenge, fault instanceof Error ? fault.message : 'an API key');
    }
    if (found === undefined) throw tokenMissing(apiKeyChallenge);
    return found;
  };
  /** A request must satisfy all methods of a route: the token identifies the caller, and the key adds its forwarded headers. */
  const verify = (head: RequestHead): Verified | Promise<Verified> => {
    const client = byKey(head);
    if (tokens === undefined) return client;
    const caller = tokens(head);
    if (client.forwarded === undefined) return caller;
    const both = (verified: Verified): Verified => ({ ...verified, forwarded: client.forwarded });
    return caller instanceof Promise ? caller.then(both) : both(caller);
  };
  return {
    authenticate: ask === undefined ? verify : asked(ask, verify, isShownBody),
    challenges,
    ready: async () => {
      await tokens?.ready();
    },
    close: () => grpc?.close(),
  };
}

function asked(ask: ExtAuth, verify: (head: RequestHead) => Verified | Promise<Verified>, isShownBody: boolean) {
  return async (head: RequestHead): Promise<Verified> => {
    const verified = await verify(head);
    const isBodyToCome = isShownBody && head.method === 'POST' && head.body === undefined;
    return isBodyToCome ? verified : ask(head, verified);
  };
}

type TokenReader = ((head: RequestHead) => Verified | Promise<Verified>) & { ready(): Promise<void> };

function tokenReader(
  verifier: ReturnType<typeof tokenVerifier>,
  challenges: Challenges,
  now: () => number,
): TokenReader {
  const known = new VerifiedTokens();
  const refused = new VerifiedTokens(maxRefusedTokens);
  /** Tokens that are being verified: a concurrent request with the same token waits for the same result. */
  const underWay = new Map<string, Promise<Verified>>();

  const judge = async (token: string, digest: string): Promise<Verified> => {
    try {
      const { verified, keptSeconds } = await verifier.verify(token, Math.floor(now() / 1_000));
      known.set(digest, verified, Math.floor(now() / 1_000), keptSeconds);
      return verified;
    } catch (fault) {
      if (fault instanceof CredentialsRefused) {
        refused.set(digest, anonymous, Math.floor(now() / 1_000), refusedForSeconds);
        throw tokenInvalid(challenges.invalid, fault.message, fault);
      }
      if (fault instanceof Unavailable) throw authorizationUnavailable(fault.message, fault);
      throw fault;
    } finally {
      underWay.delete(digest);
    }
  };
  const read = (head: RequestHead): Verified | Promise<Verified> => {
    const presented = presentedToken(head);
    if (presented.kind === 'none') throw tokenMissing(challenges.missing);
    if (presented.kind === 'malformed') throw tokenMalformed(challenges.malformed, presented.reason);
    const { token } = presented;
    const digest = tokenDigest(token);
    const seconds = Math.floor(now() / 1_000);
    const verified = known.get(digest, seconds);
    if (verified !== undefined) return verified;
    if (refused.get(digest, seconds) !== undefined) throw tokenInvalid(challenges.invalid, 'refused a moment ago');
    let judged = underWay.get(digest);
    if (judged === undefined) {
      judged = judge(token, digest);
      underWay.set(digest, judged);
    }
    return judged;
  };
  return Object.assign(read, { ready: () => verifier.ready() });
}

/** A refused token is not verified again for this long. */
const refusedForSeconds = 5;
export const maxRefusedTokens = 1_000;

/* The library of gRPC is large and most processes need none, so it is loaded for the first route that does. */
function grpcCheck(config: GrpcExtAuth, challenge: string): GrpcCheck {
  const loaded = import('./ext-auth-grpc.ts').then(({ grpcExtAuth }) => grpcExtAuth(config, challenge));
  // Each request that asks gets the reason.
  loaded.catch(() => {});
  return {
    ask: async (head, verified) => await (await loaded).ask(head, verified),
    close: () => void loaded.then((check) => check.close()).catch(() => {}),
  };
}
