/** The ports of the routes: with `--port` all on that one, else the ports of their Gateway listeners. */
import { Findings } from '../config/findings.ts';
import { checkOverlap } from '../config/overlap.ts';
import { ConfigError, type Config, type RouteConfig } from '../config/model.ts';
import type { RunOptions } from './options.ts';

type PortOptions = Pick<RunOptions, 'port' | 'isPortGiven'>;

/** The ports of one route, at least one. */
export function portsOf({ ports }: Pick<RouteConfig, 'ports'>, { port, isPortGiven }: PortOptions): readonly number[] {
  return isPortGiven || ports === undefined || ports.length === 0 ? [port] : ports;
}

/** The ports of all routes, in order, at least one. Replicas use the first one among themselves. */
export function allPorts({ routes }: Pick<Config, 'routes'>, options: PortOptions): readonly number[] {
  const all = new Set(routes.flatMap((route) => portsOf(route, options)));
  return all.size === 0 ? [options.port] : [...all];
}

/** Throws `ConfigError` for routes that differ only by their ports, because they cannot be served on one port. */
export function checkOnePort({ routes }: Config, source: string, { isPortGiven }: PortOptions): void {
  if (!isPortGiven) return;
  const findings = new Findings();
  checkOverlap(
    routes.map(({ ports: _ports, ...route }) => route),
    findings,
  );
  const { faults } = findings;
  if (faults.length > 0)
    throw new ConfigError(
      source,
      faults.map((fault) => ({ ...fault, remedy: `${fault.remedy}, or leave out --port` })),
    );
}
