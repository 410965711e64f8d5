/**
 * What a configuration asks for and this version does not do yet. Serving all the same would open what the operator meant to
 * close, so each is a fault of `run`; `check` knows all of them.
 */
import type { Config, ConfigFault, RouteConfig, UpstreamTls } from '../config/model.ts';
import { routeKey } from '../config/model.ts';

/** By route, in the order of the configuration. */
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
  const { security, upstreams } = route;
  const check = security?.extAuth;
  const rows: readonly (readonly [string, boolean])[] = [
    ['extAuth over gRPC', check?.protocol === 'grpc'],
    ['bodyToExtAuth', check?.maxBodyBytes !== undefined],
    ['statusOnError other than 403 and 503', check !== undefined && ![403, 503].includes(check.statusOnError)],
    ['overrides of tools', upstreams.some((one) => one.overrides !== undefined)],
    ['TLS settings of a backend', upstreams.some(({ transport }) => transport.kind === 'http' && hasTls(transport))],
    [
      'a Unix socket',
      upstreams.some(({ transport }) => transport.kind === 'http' && transport.socketPath !== undefined),
    ],
  ];
  return rows.flatMap(([what, isAsked]) => (isAsked ? [what] : []));
}

/* A policy that says what holds anyway asks for nothing. */
function hasTls({ url, tls }: { readonly url: string; readonly tls?: UpstreamTls }): boolean {
  if (tls === undefined) return false;
  return Object.entries(tls).some(([name, value]) => name !== 'serverName' || value !== new URL(url).hostname);
}
