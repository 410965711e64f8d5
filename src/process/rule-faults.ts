/**
 * Faults in the security of routes that are well formed but cannot be used: conditions that are not valid CEL for a caller, and
 * keys that verify nothing.
 */
import { compiled, reachOf } from '../clients/rules-gate.ts';
import { routeKey, type Config, type ConfigFault, type RouteConfig } from '../config/model.ts';
import { RuleFault } from '../oauth/rules.ts';
import { localKeys } from '../transport/authorization/key-sets.ts';

/** Ordered by route, as in the configuration. */
export function securityFaults({ routes }: Pick<Config, 'routes'>): readonly ConfigFault[] {
  return routes.flatMap((route) => faultsOf(route));
}

function faultsOf(route: RouteConfig): readonly ConfigFault[] {
  const { security, backendSelector, upstreams } = route;
  const { oauth } = security ?? {};
  const attempts: readonly (readonly [what: string, attempt: () => unknown])[] = [
    ['securityPolicy.authorization', () => compiled({ authorization: security?.authorization, upstreams })],
    ['backendSelector', () => reachOf(backendSelector)],
    ['securityPolicy.oauth.jwks', () => oauth?.keys.kind === 'local' && localKeys(JSON.parse(oauth.keys.text))],
  ];
  return attempts.flatMap(([what, attempt]) => {
    try {
      attempt();
      return [];
    } catch (fault) {
      const at = fault instanceof RuleFault ? `.rules[${fault.index}]` : '';
      const problem = fault instanceof Error ? fault.message : 'cannot be used';
      const remedy = fault instanceof RuleFault ? 'See docs/oauth.md for what a condition may use' : 'Give usable keys';
      return [{ path: `route ${routeKey(route)}: ${what}${at}`, problem, remedy }];
    }
  });
}
