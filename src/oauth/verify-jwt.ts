/**
 * Verifies a JWT access token and returns the caller. RFC 9068 §4, RFC 8725. Keys and time are arguments; nothing is fetched
 * here.
 */
import { errors, jwtVerify, type JWTVerifyGetKey, type JWTVerifyResult } from 'jose';
import { maxTokenChars } from './presented.ts';
import { clockSkewSeconds, judgeClaims, judgeType, type TokenRules } from './token-rules.ts';
import { CredentialsRefused, type Verified } from './verified.ts';

/** Accepted signature algorithms. No symmetric one: anyone who knows a symmetric key can issue tokens. */
const defaultAlgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'] as const;

/** Maximum number of keys that are tried for a token without `kid` (optional by RFC 7515 §4.1.4). */
export const maxKeysTried = 8;

export interface JwtRules extends TokenRules {
  /** Default: `defaultAlgorithms`. */
  readonly algorithms?: readonly string[] | undefined;
}

/** Whether the token could be a JWT: three segments. Five segments would be an encrypted one, which is not supported. */
export function looksLikeJwt(token: string): boolean {
  return token.startsWith('ey') && token.split('.', 4).length === 3;
}

/** The `iss` of an unverified token: use it only to choose a verifier. */
export function claimedIssuer(token: string): string | undefined {
  if (token.length > maxTokenChars) return undefined;
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url').toString());
    const issuer = typeof payload === 'object' && payload !== null && 'iss' in payload ? payload.iss : undefined;
    return typeof issuer === 'string' ? issuer : undefined;
  } catch {
    return undefined;
  }
}

/** Throws `CredentialsRefused`, or the error of `keys` when keys are not available. */
export async function verifyJwt(
  token: string,
  keys: JWTVerifyGetKey,
  rules: JwtRules,
  nowSeconds: number,
): Promise<Verified> {
  if (token.length > maxTokenChars) throw new CredentialsRefused('longer than a token may be');
  if (!looksLikeJwt(token)) throw new CredentialsRefused('no signed JWT');
  const { payload, protectedHeader } = await verified(token, keys, {
    issuer: rules.issuer,
    algorithms: [...(rules.algorithms ?? defaultAlgorithms)],
    requiredClaims: ['exp'],
    clockTolerance: clockSkewSeconds,
    currentDate: new Date(nowSeconds * 1_000),
  });
  judgeType(protectedHeader.typ, rules);
  return judgeClaims(payload, rules, nowSeconds);
}

type Options = Parameters<typeof jwtVerify>[2];

async function verified(token: string, keys: JWTVerifyGetKey, options: Options): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keys, options);
  } catch (fault) {
    if (fault instanceof errors.JWKSMultipleMatchingKeys) return tried(token, fault, options);
    throw asRefusal(fault);
  }
}

/** Tries each possible key, because the token names none. */
async function tried(
  token: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  options: Options,
): Promise<JWTVerifyResult> {
  let count = 0;
  for await (const key of candidates) {
    if (++count > maxKeysTried) break;
    try {
      return await jwtVerify(token, key, options);
    } catch (fault) {
      if (!(fault instanceof errors.JWSSignatureVerificationFailed)) throw asRefusal(fault);
    }
  }
  throw new CredentialsRefused('signed by none of the keys');
}

/** Errors of jose are for the log; any other error is not about the token. */
function asRefusal(fault: unknown): unknown {
  return fault instanceof errors.JOSEError ? new CredentialsRefused(fault.code, fault) : fault;
}
