/**
 * The credentials of the gateway for an upstream: a fixed key, its own token (client credentials, RFC 6749 §4.4), or a token for
 * the caller, exchanged for the caller's token (RFC 8693). The caller's own token is for the gateway only and is never forwarded
 * (MCP 2025-11-25 basic/authorization §Access Token Privilege Restriction).
 */
import type { OAuthClientIdentity } from '../../config/security.ts';
import {
  clientCredentialsGrant,
  genericGrantRequest,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
  type Configuration,
} from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { staticCredential, type StaticKey, type UpstreamCredential } from '../../oauth/static-key.ts';
import { tokenDigest } from '../../oauth/verified-tokens.ts';
import type { Egress } from '../egress/guarded-fetch.ts';
import { discovered } from './discovery.ts';
import { heldTokens, type Granted, type HeldTokens } from './held-tokens.ts';
import { oauthClient } from './oauth-client.ts';

interface Grant extends OAuthClientIdentity {
  readonly issuer: string;
  /** Default: the endpoint in the metadata of the issuer. */
  readonly tokenEndpoint?: string | undefined;
  /** The upstream's resource identifier (RFC 8707). */
  readonly resource?: string | undefined;
  /** For servers that do not support `resource`. */
  readonly audience?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}

export type UpstreamAuth =
  | ({ readonly kind: 'static' } & StaticKey)
  | ({ readonly kind: 'clientCredentials' } & Grant)
  | ({
      readonly kind: 'tokenExchange';
      /** Default: an access token (RFC 8693 §3). */
      readonly subjectTokenType?: string | undefined;
      /**
       * The authorization server of the upstream, where the issuer gives no token for the upstream itself but an assertion for that
       * server: ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant, MCP Enterprise-Managed Authorization).
       */
      readonly assertedAt?: (OAuthClientIdentity & Pick<Grant, 'issuer' | 'tokenEndpoint'>) | undefined;
    } & Grant);

export interface UpstreamCredentials {
  /** Who may share what the upstream answers with these credentials. */
  readonly sharing: 'everyone' | 'principal';
  /**
   * The credential to send, synchronously if it is cached. `subjectToken`: the verified access token of the caller, if it has
   * one. Throws `GatewayError` `upstream_unauthorized` or `upstream_unreachable`, for this upstream only.
   */
  for(subjectToken: string | undefined): UpstreamCredential | Promise<UpstreamCredential>;
  /** The upstream refused it. Whether asking `for` again, once, makes sense; not for a token that is younger than `leastAgeMs`. */
  refused(subjectToken: string | undefined, credential: UpstreamCredential, leastAgeMs?: number): boolean;
}

/** Throws if a fixed key is not valid in a header. `now` in milliseconds. */
export function upstreamCredentials(auth: UpstreamAuth, egress: Egress, now?: () => number): UpstreamCredentials {
  if (auth.kind === 'static') {
    const credential = staticCredential(auth);
    return { sharing: 'everyone', for: () => credential, refused: () => false };
  }
  const client = tokenClient(auth, egress, now);
  const held = heldTokens(now);
  if (auth.kind === 'clientCredentials') return ofGateway(auth, client, held);
  const { assertedAt } = auth;
  return ofCaller(auth, client, held, assertedAt && { ...assertedAt, client: tokenClient(assertedAt, egress, now) });
}

function ofGateway(auth: Grant, client: () => Promise<Configuration>, held: HeldTokens): UpstreamCredentials {
  const load = async (): Promise<Granted> =>
    granted(await clientCredentialsGrant(await client(), parametersOf(auth)), auth);
  return {
    sharing: 'everyone',
    for: () => bearer(held.get('', asFault(load))),
    refused: (_token, credential, leastAgeMs) => drop(held, '', credential, leastAgeMs),
  };
}

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const byAssertion = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const idJag = 'urn:ietf:params:oauth:token-type:id-jag';

function ofCaller(
  auth: Extract<UpstreamAuth, { kind: 'tokenExchange' }>,
  client: () => Promise<Configuration>,
  held: HeldTokens,
  asserted?: { readonly issuer: string; readonly client: () => Promise<Configuration> },
): UpstreamCredentials {
  return {
    sharing: 'principal',
    for(subjectToken) {
      if (subjectToken === undefined)
        throw new GatewayError('upstream_unauthorized', 'the caller has no token to exchange');
      const load = async (): Promise<Granted> => {
        const parameters = {
          ...parametersOf(auth),
          ...(asserted !== undefined && { audience: asserted.issuer }),
          subject_token: subjectToken,
          subject_token_type: auth.subjectTokenType ?? accessToken,
          requested_token_type: asserted === undefined ? accessToken : idJag,
        };
        const answer = await genericGrantRequest(await client(), exchange, parameters);
        if (asserted === undefined) return granted(answer, auth);
        if (answer['issued_token_type'] !== idJag)
          throw new GatewayError('upstream_unauthorized', 'the issuer gives something else than an ID-JAG');
        // RFC 7523 §2.1. What it is for, and with which scopes, stands in the assertion.
        const { scope } = parametersOf(auth);
        const request = { assertion: answer.access_token, ...(scope !== undefined && { scope }) };
        return granted(await genericGrantRequest(await asserted.client(), byAssertion, request), auth);
      };
      return bearer(held.get(tokenDigest(subjectToken), asFault(load)));
    },
    refused: (subjectToken, credential, leastAgeMs) =>
      subjectToken !== undefined && drop(held, tokenDigest(subjectToken), credential, leastAgeMs),
  };
}

function parametersOf({ resource, audience, scopes }: Grant): Record<string, string> {
  return {
    ...(resource === undefined ? {} : { resource }),
    ...(audience === undefined ? {} : { audience }),
    ...(scopes === undefined || scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  };
}

interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in?: number | undefined;
  readonly scope?: string | undefined;
}

/** A token has at most the requested scopes: a server that grants more is misconfigured. RFC 8693 §2.2.1. */
function granted(
  { access_token: token, token_type: type, expires_in: seconds, scope }: TokenAnswer,
  { scopes }: Grant,
): Granted {
  if (type.toLowerCase() !== 'bearer')
    throw new GatewayError('upstream_unauthorized', 'a token of another type than Bearer');
  if (!/^[\x21-\x7e]+$/.test(token)) throw new GatewayError('upstream_unauthorized', 'a token that no header may have');
  if (scope !== undefined && scopes !== undefined && scopes.length > 0) {
    const wider = scope.split(' ').find((one) => one !== '' && !scopes.includes(one));
    if (wider !== undefined) throw new GatewayError('upstream_unauthorized', 'a token with more scopes than asked for');
  }
  return { token, lifeMs: seconds === undefined ? undefined : seconds * 1_000 };
}

/** The client at the token endpoint, made again when that moves. */
function tokenClient(
  auth: OAuthClientIdentity & Pick<Grant, 'issuer' | 'tokenEndpoint'>,
  egress: Egress,
  now?: () => number,
): () => Promise<Configuration> {
  const metadata = discovered(auth.issuer, egress.fetch, now);
  let made: { readonly endpoint: string; readonly client: Promise<Configuration> } | undefined;
  return async () => {
    const endpoint = auth.tokenEndpoint ?? (await metadata.get()).token_endpoint;
    if (endpoint === undefined) throw new Error('the metadata names no token endpoint');
    if (made?.endpoint !== endpoint) {
      made = { endpoint, client: oauthClient({ issuer: auth.issuer, token_endpoint: endpoint }, auth, egress) };
    }
    return made.client;
  };
}

/**
 * A refusal by the server concerns these credentials; any other failure means that the server is unavailable. The server's
 * message is only logged.
 */
function asFault(load: () => Promise<Granted>): () => Promise<Granted> {
  return async () => {
    try {
      return await load();
    } catch (fault) {
      if (fault instanceof GatewayError) throw fault;
      const isAnswer = fault instanceof ResponseBodyError || fault instanceof WWWAuthenticateChallengeError;
      if (isAnswer && fault.status < 500) {
        throw new GatewayError('upstream_unauthorized', 'refused by the token server', { cause: fault });
      }
      throw new GatewayError('upstream_unreachable', 'the token server', { cause: fault });
    }
  };
}

function bearer(token: string | Promise<string>): UpstreamCredential | Promise<UpstreamCredential> {
  return typeof token === 'string' ? credentialOf(token) : token.then(credentialOf);
}

function credentialOf(token: string): UpstreamCredential {
  return { headers: ['authorization', `Bearer ${token}`] };
}

function drop(held: HeldTokens, key: string, { headers }: UpstreamCredential, leastAgeMs?: number): boolean {
  return held.drop(key, headers[1]!.slice('Bearer '.length), leastAgeMs);
}
