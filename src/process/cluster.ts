/**
 * `--kubernetes`: the routes come from the cluster and follow its changes. Results go to the status of each route, and the state
 * to `/readyz`.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { ConfigError, type Config, type ConfigFault, type RouteConfig } from '../config/model.ts';
import { type Mode, startMode, stateText } from '../kubernetes/mode.ts';
import { routeReader } from '../kubernetes/routes.ts';
import type { Log } from '../telemetry/log.ts';
import { countReload, reportCluster } from '../telemetry/metrics.ts';
import type { CommandIo } from './io.ts';
import type { KubernetesOptions, RunOptions } from './options.ts';
import { withoutItself } from './own-address.ts';
import type { Readiness } from './readiness.ts';
import { securityFaults } from './rule-faults.ts';
import { UsageError } from './usage.ts';

export interface Cluster {
  /** The first configuration of the cluster; it may take long to arrive. */
  readonly first: Promise<Config>;
  /** Calls `apply` with each configuration later than `served`. */
  follow(served: Config, apply: (config: Config) => void): void;
  readiness(): Readiness;
  /** Stops watching and releases the Lease. The served routes stay. */
  close(): Promise<void>;
}

export interface ClusterContext {
  readonly io: CommandIo;
  readonly log: Log;
}

/** Throws `UsageError` if there is no cluster configuration. An API server that is unavailable is not an error: it may return. */
export function startCluster(kubernetes: KubernetesOptions, options: RunOptions, context: ClusterContext): Cluster {
  const { io, log } = context;
  const reader = routeReader({
    env: io.env,
    naming: options.naming,
    refusals: (route) => [...securityFaults({ routes: [route] }), ...loops(route, options)],
  });
  const { namespaces, selector, gatewayClass } = kubernetes;
  const first = Promise.withResolvers<Config>();
  let latest: Config | undefined;
  let apply = (config: Config): void => first.resolve(config);
  try {
    const mode: Mode = startMode({
      ...(namespaces === undefined ? {} : { namespaces }),
      ...(selector === undefined ? {} : { selector }),
      ...(gatewayClass === undefined ? {} : { gatewayClass }),
      identity: identityOf(io),
      leaseName: leaseName(options.gatewayName),
      log,
      onDocuments: (documents) => {
        const { routes, verdicts, warnings } = reader.read(documents);
        for (const warning of warnings) log.warn({ warning }, 'configuration');
        latest = { routes, warnings: [] };
        apply(latest);
        const refused = verdicts.filter(({ programmed }) => !programmed);
        countReload(refused.length === 0);
        const names = refused.map(({ ref: { namespace, name }, message }) => `${namespace}/${name}: ${message}`);
        if (names.length === 0) log.info({ routes: routes.length }, 'configuration of the cluster taken');
        else log.error({ routes: routes.length, refused: names }, 'routes of the cluster are refused');
        mode.reportStatus(verdicts);
      },
    });
    reportCluster(() => {
      const { lagMs, isConnected, isLeader } = mode.state();
      return { lagSeconds: lagMs / 1000, isConnected, isLeader };
    });
    return {
      first: first.promise,
      follow: (served, next) => {
        apply = next;
        if (latest !== undefined && latest !== served) next(latest);
      },
      readiness: () => {
        const state = mode.state();
        return { isReady: state.isSynced, text: stateText(state) };
      },
      close: () => mode.close(),
    };
  } catch (fault) {
    throw new UsageError(`--kubernetes: ${fault instanceof Error ? fault.message : 'no cluster is configured'}`, 'run');
  }
}

/* A backend that is this gateway would cause endless calls. */
function loops(route: RouteConfig, options: RunOptions): readonly ConfigFault[] {
  try {
    withoutItself({ routes: [route], warnings: [] }, 'the cluster', options, true);
    return [];
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault;
    return fault.faults;
  }
}

/* A pod has a unique name. Elsewhere two processes of one machine must not use the same identity. */
function identityOf({ env }: CommandIo): string {
  const pod = env['POD_NAME'];
  return pod === undefined || pod === '' ? `${hostname()}-${randomBytes(4).toString('hex')}` : pod;
}

/* Gateways of the same name are replicas. The name of a Kubernetes object is a DNS name (RFC 1123). */
function leaseName(gatewayName: string): string {
  const name = gatewayName
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63);
  return name === '' ? 'manifold' : name;
}
