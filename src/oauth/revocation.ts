/**
 * Cut-offs: credentials and sessions issued before a moment no longer hold, for everyone, on one route or for one principal. The
 * means of an operator without a store of what was issued: one line in the configuration ends what has leaked.
 */
import type { Identity } from './verified.ts';

export interface CutOffs {
  /** Unix seconds. What was issued before does not hold; what was issued in that second does. */
  readonly notBefore?: number | undefined;
  readonly routes?: readonly { readonly route: string; readonly notBefore: number }[] | undefined;
  readonly principals?:
    | readonly { readonly iss: string; readonly sub: string; readonly notBefore: number }[]
    | undefined;
}

/**
 * Whether something issued at `issuedAt` (Unix seconds; undefined: nobody knows) is cut off. What has no date is cut off by any
 * cut-off that applies, as it could be from before.
 */
export type IsCutOff = (route: string, principal: Identity, issuedAt: number | undefined) => boolean;

export function cutOffs({ notBefore, routes, principals }: CutOffs): IsCutOff {
  const byRoute = latest((routes ?? []).map((one) => [one.route, one.notBefore]));
  const byPrincipal = latest((principals ?? []).map((one) => [principalKey(one.iss, one.sub), one.notBefore]));
  if (notBefore === undefined && byRoute.size === 0 && byPrincipal.size === 0) return () => false;
  return (route, principal, issuedAt) => {
    const own = principal === 'anonymous' ? undefined : byPrincipal.get(principalKey(principal.iss, principal.sub));
    const from = Math.max(notBefore ?? -Infinity, byRoute.get(route) ?? -Infinity, own ?? -Infinity);
    return from !== -Infinity && (issuedAt === undefined || issuedAt < from);
  };
}

function principalKey(iss: string, sub: string): string {
  return JSON.stringify([iss, sub]);
}

/** Of several moments for the same thing the latest counts. */
function latest(entries: readonly (readonly [string, number])[]): ReadonlyMap<string, number> {
  const moments = new Map<string, number>();
  for (const [key, moment] of entries) moments.set(key, Math.max(moment, moments.get(key) ?? -Infinity));
  return moments;
}
