/** The issuers of a route: finds the issuer of a token and verifies the token. */
import { CredentialsRefused, type Verified } from '../../oauth/verified.ts';
import { verifiedForSeconds } from '../../oauth/verified-tokens.ts';
import { claimedIssuer, looksLikeJwt, verifyJwt, type JwtRules } from '../../oauth/verify-jwt.ts';
import type { Egress } from '../egress/guarded-fetch.ts';
import { discovered } from './discovery.ts';
import { activeForSeconds, introspector, type Introspect, type Introspection } from './introspection.ts';
import { Unavailable } from './kept.ts';
import { localKeys, remoteKeys, type KeySet } from './key-sets.ts';

export interface IssuerConfig extends Omit<JwtRules, 'audiences'> {
  /** Default: the resource itself, as the specification requires. */
  readonly audiences?: readonly string[] | undefined;
  /** Default: those in the metadata of the issuer. `local`: a JSON Web Key Set. */
  readonly keys?:
    | { readonly kind: 'remote'; readonly url: string; readonly freshSeconds?: number | undefined }
    | { readonly kind: 'local'; readonly document: unknown }
    | undefined;
  /** For opaque tokens; `always`: for JWTs too, so that a revoked one becomes invalid. */
  readonly introspection?: (Introspection & { readonly always?: boolean | undefined }) | undefined;
}

export interface TokenVerifier {
  /** Throws `CredentialsRefused`, or `Unavailable`. `keptSeconds`: how long the result may be cached. */
  verify(token: string, nowSeconds: number): Promise<{ readonly verified: Verified; readonly keptSeconds: number }>;
  /** Fetches all keys. */
  ready(): Promise<void>;
}

interface Issuer {
  readonly rules: JwtRules;
  readonly keys: KeySet | undefined;
  readonly introspect: Introspect | undefined;
}

export function tokenVerifier(
  configs: readonly IssuerConfig[],
  resource: string,
  egress: Egress,
  now: () => number,
): TokenVerifier {
  const issuers = new Map(configs.map((config) => [config.issuer, issuerOf(config, resource, egress, now)]));
  const asked = [...issuers.values()].filter(({ introspect }) => introspect !== undefined);

  const verify: TokenVerifier['verify'] = async (token, nowSeconds) => {
    if (!looksLikeJwt(token)) {
      return { verified: await toldByOne(asked, token, nowSeconds), keptSeconds: activeForSeconds };
    }
    const issuer = issuers.get(claimedIssuer(token) ?? '');
    if (issuer === undefined) throw new CredentialsRefused('of no issuer of this route');
    const { rules, keys, introspect } = issuer;
    if (keys === undefined && introspect !== undefined) {
      return { verified: await introspect(token, nowSeconds), keptSeconds: activeForSeconds };
    }
    if (keys === undefined) throw new CredentialsRefused('of an issuer without keys');
    return { verified: await verifyJwt(token, keys.key, rules, nowSeconds), keptSeconds: verifiedForSeconds };
  };
  return {
    verify,
    async ready() {
      await Promise.all([...issuers.values()].map(async ({ keys }) => keys?.load()));
    },
  };
}

function issuerOf(config: IssuerConfig, resource: string, egress: Egress, now: () => number): Issuer {
  const { keys, introspection, ...others } = config;
  const audiences = config.audiences === undefined || config.audiences.length === 0 ? [resource] : config.audiences;
  const rules: JwtRules = { ...others, audiences };
  const metadata = discovered(config.issuer, egress.fetch, now);
  const keySet =
    introspection?.always === true
      ? undefined
      : keys?.kind === 'local'
        ? localKeys(keys.document)
        : remoteKeys({ from: keys?.url ?? metadata, freshSeconds: keys?.freshSeconds }, egress.fetch, now);
  return {
    rules,
    keys: keySet,
    introspect: introspection === undefined ? undefined : introspector(introspection, rules, metadata, egress),
  };
}

/**
 * An opaque token names no issuer: the issuers with introspection are tried in order, until one knows it. If one does not answer,
 * the owner of the token remains unknown.
 */
async function toldByOne(issuers: readonly Issuer[], token: string, nowSeconds: number): Promise<Verified> {
  let open: Unavailable | undefined;
  let refusal = new CredentialsRefused('opaque, and nobody to ask');
  for (const { introspect } of issuers) {
    try {
      return await introspect!(token, nowSeconds);
    } catch (fault) {
      if (fault instanceof CredentialsRefused) refusal = fault;
      else if (fault instanceof Unavailable) open ??= fault;
      else throw fault;
    }
  }
  throw open ?? refusal;
}
