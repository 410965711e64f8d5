/**
 * The claims that make an access token valid for a resource, beyond its signature and its times (RFC 9068 §4, RFC 8707 §2; MCP
 * 2025-11-25 basic/authorization §Token Handling). The same rules apply to the claims of a JWT and to those of an introspection
 * response.
 */
import { scopesOf, withImplied, type ImpliedScopes } from './scopes.ts';
import { CredentialsRefused, type Verified } from './verified.ts';

/** Maximum difference between the clocks of issuer and gateway, in seconds. */
export const clockSkewSeconds = 60;

export interface TokenRules {
  /** Compared exactly. */
  readonly issuer: string;
  /** The token must contain one of them. Empty only together with `allowAnyAudience`. */
  readonly audiences: readonly string[];
  /** Accepts tokens for any audience: tokens for other services are then valid here. Default false. */
  readonly allowAnyAudience?: boolean | undefined;
  /** Claims that contain the audience. Default `aud`; `azp` for issuers that do not support resource indicators. */
  readonly audienceClaims?: readonly string[] | undefined;
  /** Accepts a token whose only audience is its own client. Default false: such a token is an ID token. */
  readonly allowClientAudience?: boolean | undefined;
  /** Accepts only `typ: at+jwt` (RFC 9068 §4). Default false. */
  readonly requireAtJwt?: boolean | undefined;
  /** Maximum age since `iat`, which is then required. */
  readonly maxTokenAgeSeconds?: number | undefined;
  readonly impliedScopes?: ImpliedScopes | undefined;
  /** A claim that sessions are bound to besides the subject: `client_id`, `azp`, a tenant. */
  readonly bindClaim?: string | undefined;
}

/** The `typ` headers of access tokens, and the general one that many issuers use instead. */
const accessTokenTypes = new Set(['at+jwt', 'application/at+jwt']);

/** Throws `CredentialsRefused` for the `typ` of another kind of token. RFC 9068 §4; RFC 8725 §3.11. */
export function judgeType(typ: unknown, { requireAtJwt }: TokenRules): void {
  const type = typeof typ === 'string' ? typ.toLowerCase() : typ;
  if (typeof type === 'string' && accessTokenTypes.has(type)) return;
  if (requireAtJwt === true) throw new CredentialsRefused('typ is not at+jwt');
  if (type !== undefined && type !== 'jwt') throw new CredentialsRefused('typ is not that of an access token');
}

/**
 * The caller in claims whose signature, `iss`, `exp` and `nbf` have been verified. `nowSeconds` is used for the age. Throws
 * `CredentialsRefused`.
 */
export function judgeClaims(
  claims: Readonly<Record<string, unknown>>,
  rules: TokenRules,
  nowSeconds: number,
): Verified {
  // The token is bound to a key, and the proof of possession is not checked here (RFC 9449 §7.1, RFC 8705 §3).
  if (claims['cnf'] !== undefined) throw new CredentialsRefused('the token is bound to a key (cnf)');
  const granted = scopesOf(claims);
  judgeKind(claims, granted);
  judgeAudience(claims, rules);
  const issuedAt = secondsOf(claims['iat']);
  if (rules.maxTokenAgeSeconds !== undefined) {
    if (issuedAt === undefined) throw new CredentialsRefused('iat is missing');
    if (issuedAt + rules.maxTokenAgeSeconds + clockSkewSeconds < nowSeconds) throw new CredentialsRefused('too old');
  }
  const sub = textOf(claims['sub']) ?? textOf(claims['client_id']);
  if (sub === undefined) throw new CredentialsRefused('neither sub nor client_id');
  const { scope: _scope, scp: _scp, ...others } = claims;
  return {
    principal: { iss: rules.issuer, sub, bind: boundBy(claims, rules.bindClaim) },
    scopes: withImplied(granted, rules.impliedScopes),
    claims: others,
    expiresAt: secondsOf(claims['exp']),
    issuedAt,
  };
}

/** ID tokens and refresh tokens are signed with the same keys, but are not access tokens. */
function judgeKind(claims: Readonly<Record<string, unknown>>, granted: readonly string[]): void {
  const isLogin = claims['nonce'] !== undefined || claims['at_hash'] !== undefined || claims['c_hash'] !== undefined;
  if (isLogin && granted.length === 0) throw new CredentialsRefused('an ID token');
  // Keycloak puts the kind of a token in a claim, because all its tokens have the same header.
  const kind = claims['typ'];
  if (kind === 'ID' || kind === 'Refresh' || kind === 'Offline' || kind === 'Logout') {
    throw new CredentialsRefused('an ID or refresh token');
  }
}

function judgeAudience(claims: Readonly<Record<string, unknown>>, rules: TokenRules): void {
  const audience = listOf(claims['aud']);
  const client = textOf(claims['azp']) ?? textOf(claims['client_id']);
  if (rules.allowClientAudience !== true && audience.length === 1 && audience[0] === client) {
    throw new CredentialsRefused('the only audience is the client');
  }
  if (rules.allowAnyAudience === true) return;
  const named = (rules.audienceClaims ?? ['aud']).flatMap((claim) => listOf(claims[claim]));
  if (!named.some((one) => rules.audiences.includes(one))) throw new CredentialsRefused('for another audience');
}

function boundBy(claims: Readonly<Record<string, unknown>>, bindClaim: string | undefined): string {
  if (bindClaim === undefined) return '';
  const bind = textOf(claims[bindClaim]);
  if (bind === undefined) throw new CredentialsRefused(`the claim ${bindClaim} is missing`);
  return bind;
}

function listOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function secondsOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
