/**
 * Faults in the security of routes that are well formed but cannot be used: conditions that are not valid CEL for a caller, and
 * keys that verify nothing.
 */
import { routeKey, type Config, type ConfigFault, type RouteConfig } from '../config/model.ts';
import { celCondition } from '../oauth/cel.ts';
import { localKeys } from '../transport/authorization/key-sets.ts';

/** Ordered by route, as in the configuration. */
export function securityFaults({ routes }: Pick<Config, 'routes'>): readonly ConfigFault[] {
  return routes.flatMap((route) => faultsOf(route));
}

function faultsOf(route: RouteConfig): readonly ConfigFault[] {
  const { security, backendSelector } = route;
  const { oauth, authorization } = security ?? {};
  const conditions = [
    ...conditionsOf('security.authorization', authorization?.first),
    ...conditionsOf('securityPolicy.authorization', authorization?.rules),
    ...conditionsOf('backendSelector', backendSelector?.rules),
  ];
  const attempts: readonly (readonly [what: string, remedy: string, attempt: () => unknown])[] = [
    ...conditions.map(
      ([what, cel]) => [what, 'See docs/oauth.md for what a condition may use', () => celCondition(cel)] as const,
    ),
    [
      'securityPolicy.oauth.jwks',
      'Give usable keys',
      () => oauth?.keys.kind === 'local' && localKeys(JSON.parse(oauth.keys.text)),
    ],
  ];
  return attempts.flatMap(([what, remedy, attempt]) => {
    try {
      attempt();
      return [];
    } catch (fault) {
      const problem = fault instanceof Error ? fault.message : 'cannot be used';
      return [{ path: `route ${routeKey(route)}: ${what}`, problem, remedy }];
    }
  });
}

function conditionsOf(
  what: string,
  rules: readonly { readonly cel?: string }[] = [],
): readonly (readonly [place: string, cel: string])[] {
  return rules.flatMap(({ cel }, at) => (cel === undefined ? [] : [[`${what}.rules[${at}]`, cel] as const]));
}
