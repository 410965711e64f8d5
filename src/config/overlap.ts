/** Routes that cannot be told apart by any request. */
import type { Findings } from './findings.ts';
import type { RouteConfig } from './model.ts';
import { routeKey } from './model.ts';

/** Each is a fault, as is a key that two routes have. */
export function checkOverlap(routes: readonly RouteConfig[], findings: Findings): void {
  const keys = new Set<string>();
  const byMatch = new Map<string, RouteConfig[]>();
  for (const route of routes) {
    const key = routeKey(route);
    const tell = (problem: string, remedy: string): void =>
      void findings.faults.push({ path: `route ${key}`, problem, remedy });
    if (keys.has(key)) tell('another route has the same name', 'Rename one of them');
    keys.add(key);
    for (const match of matchesOf(route)) {
      const others = byMatch.get(match) ?? [];
      const other = others.find((one) => sharePort(one, route));
      if (other !== undefined && routeKey(other) !== key) {
        tell(
          `the route ${routeKey(other)} has the same path ${route.path}, host and headers`,
          'Give one of them another path, host name or header',
        );
        break;
      }
      byMatch.set(match, [...others, route]);
    }
  }
}

function matchesOf({ hosts, path, headers = [] }: RouteConfig): readonly string[] {
  const wanted = headers.map(({ name, kind, value }) => JSON.stringify([name, kind, value])).sort();
  return (hosts ?? ['']).map((host) => JSON.stringify([host, path, wanted]));
}

function sharePort({ ports: a }: RouteConfig, { ports: b }: RouteConfig): boolean {
  return a === undefined || b === undefined || a.some((port) => b.includes(port));
}
