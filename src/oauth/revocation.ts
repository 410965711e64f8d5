/**
 * Cut-off times: credentials and sessions issued before them are no longer valid; for everyone, for one route or for one
 * principal. Issued tokens are not stored, so this is how an operator revokes leaked ones: with one line in the configuration.
 */
import type { Identity } from './verified.ts';

export interface CutOffs {
  /** Unix seconds. What was issued earlier is invalid; what was issued in this second is valid. */
  readonly notBefore?: number | undefined;
  readonly routes?: readonly { readonly route: string; readonly notBefore: number }[] | undefined;
  readonly principals?:
    | readonly { readonly iss: string; readonly sub: string; readonly notBefore: number }[]
    | undefined;
}

/**
 * Whether something issued at `issuedAt` (Unix seconds; undefined if unknown) is cut off. If the time is unknown, every
 * applicable cut-off applies, because it could have been issued earlier.
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

/** If there are several times for the same key, the latest is used. */
function latest(entries: readonly (readonly [string, number])[]): ReadonlyMap<string, number> {
  const moments = new Map<string, number>();
  for (const [key, moment] of entries) moments.set(key, Math.max(moment, moments.get(key) ?? -Infinity));
  return moments;
}
