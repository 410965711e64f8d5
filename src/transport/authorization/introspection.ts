/** Opaque tokens, which only their issuer can read: introspection with a short cache. RFC 7662. */
import type { OAuthClientIdentity } from '../../config/security.ts';
import { tokenIntrospection, type Configuration } from 'openid-client';
import { maxTokenChars } from '../../oauth/presented.ts';
import type { ServerMetadata } from '../../oauth/server-metadata.ts';
import { clockSkewSeconds, judgeClaims, type TokenRules } from '../../oauth/token-rules.ts';
import { CredentialsRefused, type Verified } from '../../oauth/verified.ts';
import type { Egress } from '../egress/guarded-fetch.ts';
import { Unavailable, type Kept } from './kept.ts';
import { oauthClient } from './oauth-client.ts';

/** How long the answer "active" is cached. */
export const activeForSeconds = 30;

export interface Introspection extends OAuthClientIdentity {
  /** Default: the endpoint in the metadata of the issuer. */
  readonly endpoint?: string | undefined;
  /** Accepts tokens without an audience in the answer. Default false. */
  readonly allowMissingAudience?: boolean | undefined;
}

/** Resolves with the caller. Throws `CredentialsRefused`, or `Unavailable` if the server does not answer. */
export type Introspect = (token: string, nowSeconds: number) => Promise<Verified>;

export function introspector(
  config: Introspection,
  rules: TokenRules,
  metadata: Kept<ServerMetadata>,
  egress: Egress,
): Introspect {
  let client: { readonly endpoint: string; readonly made: Promise<Configuration> } | undefined;

  const current = async (): Promise<Configuration> => {
    const endpoint = config.endpoint ?? (await metadata.get()).introspection_endpoint;
    if (endpoint === undefined) throw new Error('the metadata names no introspection endpoint');
    if (client?.endpoint !== endpoint) {
      const server = { issuer: rules.issuer, introspection_endpoint: endpoint };
      client = { endpoint, made: oauthClient(server, config, egress) };
    }
    return client.made;
  };
  return async (token, nowSeconds) => {
    if (token.length > maxTokenChars) throw new CredentialsRefused('longer than a token may be');
    let told: Readonly<Record<string, unknown>> & { readonly active: boolean };
    try {
      told = await tokenIntrospection(await current(), token, { token_type_hint: 'access_token' });
    } catch (fault) {
      throw fault instanceof Unavailable ? fault : new Unavailable('introspection', fault);
    }
    return judgeTold(told, rules, config.allowMissingAudience === true, nowSeconds);
  };
}

/** RFC 7662 §2.2 and §4: the answer is checked like the claims of a JWT. */
function judgeTold(
  told: Readonly<Record<string, unknown>> & { readonly active: boolean },
  rules: TokenRules,
  allowMissingAudience: boolean,
  nowSeconds: number,
): Verified {
  if (!told.active) throw new CredentialsRefused('not active');
  const { active: _active, token_type: type, iss, exp, nbf, ...claims } = told;
  if (iss !== undefined && iss !== rules.issuer) throw new CredentialsRefused('of another issuer');
  if (typeof type === 'string' && !['bearer', 'access_token'].includes(type.toLowerCase())) {
    throw new CredentialsRefused('no bearer token');
  }
  if (typeof exp === 'number' && exp + clockSkewSeconds <= nowSeconds) throw new CredentialsRefused('expired');
  if (typeof nbf === 'number' && nbf > nowSeconds + clockSkewSeconds) throw new CredentialsRefused('not valid yet');
  const isUntold = allowMissingAudience && claims['aud'] === undefined;
  return judgeClaims(
    { ...claims, iss: rules.issuer, ...(typeof exp === 'number' ? { exp } : {}) },
    isUntold ? { ...rules, allowAnyAudience: true } : rules,
    nowSeconds,
  );
}
