/** Claims that upstreams get as headers. MCPRoute v1beta1 `securityPolicy.oauth.claimToHeaders`. */
import { memberAt } from './claims.ts';

export interface ClaimHeader {
  /** With dots for members, as in rules. */
  readonly claim: string;
  readonly header: string;
}

/** Longest value of such a header, in characters. */
export const maxClaimHeaderChars = 1_024;

/**
 * The headers for one caller, names and values in turn. A claim that is absent, too long, or holds what no header may have gives no
 * header. Lists and objects are JSON in base64. The client's own headers of these names must not go on: see `imitates`.
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
 * Whether a header of the client could pass for one of these: servers that write headers as variables read `x_user` and
 * `X-User` as the same.
 */
export function imitates(wanted: readonly ClaimHeader[], name: string): boolean {
  const plain = name.toLowerCase().replaceAll('_', '-');
  return wanted.some(({ header }) => header.toLowerCase().replaceAll('_', '-') === plain);
}
