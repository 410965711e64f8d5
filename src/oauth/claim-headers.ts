/** Headers with claims of the caller for upstreams. MCPRoute v1beta1 `securityPolicy.oauth.claimToHeaders`. */
import { memberAt } from './claims.ts';

export interface ClaimHeader {
  /** Path of the claim; dots separate members, as in rules. */
  readonly claim: string;
  readonly header: string;
}

/** Maximum length of such a header value, in characters. */
export const maxClaimHeaderChars = 1_024;

/**
 * The headers for one caller: names and values alternate. A claim that is absent, too long, or not valid in a header gives none.
 * Lists and objects are sent as JSON in base64. The client's own headers of these names must not be forwarded: see `imitates`.
 */
export function claimHeaders(
  wanted: readonly ClaimHeader[],
  claims: Readonly<Record<string, unknown>>,
): readonly string[] {
  return wanted.flatMap(({ claim, header }) => {
    const value = textOf(memberAt(claims, claim.split('.')));
    const isSendable =
      value !== undefined &&
      value.length <= maxClaimHeaderChars &&
      /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);
    return isSendable ? [header.toLowerCase(), value] : [];
  });
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null) return undefined;
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

/**
 * Whether a header of the client could be mistaken for one of these: servers that turn headers into variables treat `x_user` and
 * `X-User` as equal.
 */
export function imitates(wanted: readonly ClaimHeader[], name: string): boolean {
  const plain = name.toLowerCase().replaceAll('_', '-');
  return wanted.some(({ header }) => header.toLowerCase().replaceAll('_', '-') === plain);
}
