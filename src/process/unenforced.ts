/**
 * Settings that this version cannot enforce. Serving them anyway would open what the operator wanted to close, so `run` refuses
 * them; `check` knows all of them.
 */
import type { Config, ConfigFault, RouteConfig } from '../config/model.ts';
import { routeKey } from '../config/model.ts';

/** Ordered by route, as in the configuration. */
export function unenforced({ routes }: Config): readonly ConfigFault[] {
  return routes.flatMap((route) =>
    asked(route).map((what) => ({
      path: `route ${routeKey(route)}`,
      problem: `${what} cannot be enforced by this version`,
      remedy: 'Take it out; nothing is served without it by accident',
    })),
  );
}

function asked(route: RouteConfig): readonly string[] {
  const check = route.security?.extAuth;
  const rows: readonly (readonly [string, boolean])[] = [
    ['bodyToExtAuth', check?.maxBodyBytes !== undefined],
    ['statusOnError other than 403 and 503', check !== undefined && ![403, 503].includes(check.statusOnError)],
  ];
  return rows.flatMap(([what, isAsked]) => (isAsked ? [what] : []));
}
