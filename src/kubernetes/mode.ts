/**
 * Cluster mode: watches the cluster, takes part in leader election and writes status. The meaning of the documents is decided by
 * the caller.
 */
import type { Log } from '../telemetry/log.ts';
import { type Api, openApi } from './api.ts';
import { type Election, startElection, type Timing } from './leader.ts';
import type { KubernetesObject } from './objects.ts';
import type { ReflectorLimits } from './reflector.ts';
import { startStatus } from './status.ts';
import type { Verdict } from './verdict.ts';
import { type WatchState, watchCluster } from './watch.ts';

export interface ModeOptions {
  readonly kubeconfig?: string;
  /** Default: the namespace of the pod or of the kubeconfig's context. */
  readonly namespaces?: readonly string[] | 'all';
  readonly selector?: string;
  readonly gatewayClass?: string;
  /** Identity of this replica, such as the name of its pod. */
  readonly identity: string;
  /** Name of the Lease; its namespace is that of the pod. Gateways with the same name are replicas. */
  readonly leaseName?: string;
  readonly controller?: string;
  readonly log: Log;
  /**
   * Handles the documents of the MCPRoute configuration. Faults are reported as verdicts to `reportStatus`; the function must not
   * throw.
   */
  readonly onDocuments: (documents: readonly KubernetesObject[]) => void;
  readonly limits?: ReflectorLimits;
  readonly timing?: Timing;
}

export interface ModeState extends WatchState {
  readonly isLeader: boolean;
}

export interface Mode {
  state(): ModeState;
  /** Reports the verdicts on all routes; replaces the previous report. */
  reportStatus(verdicts: readonly Verdict[]): void;
  close(): Promise<void>;
}

export const defaultController = 'mcp-manifold/controller';
const defaultLeaseName = 'manifold';

/** Throws `Error` if there is no cluster configuration. An API server that cannot be reached is not an error: it may return. */
export function startMode(options: ModeOptions): Mode {
  const api: Api = openApi(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig });
  const { identity, log } = options;
  const controller = options.controller ?? defaultController;
  let election: Election | undefined;

  const status = startStatus(api, {
    controller,
    identity,
    isLeader: () => election?.isLeader() ?? false,
    onFault: (fault) =>
      log.warn({ reason: fault.reason, status: fault.status }, `status not written: ${fault.message}`),
  });
  election = startElection(api, {
    namespace: api.namespace,
    name: options.leaseName ?? defaultLeaseName,
    identity,
    ...(options.timing === undefined ? {} : { timing: options.timing }),
    onLead: (isLeader) => {
      log.info({ identity }, isLeader ? 'this replica leads' : 'this replica leads no more');
      if (isLeader) status.onLead();
    },
    onFault: (fault) => log.warn({ reason: fault.reason, status: fault.status }, `no election: ${fault.message}`),
  });

  let told = '';
  const watch = watchCluster(api, {
    namespaces: options.namespaces ?? [api.namespace],
    ...(options.selector === undefined ? {} : { selector: options.selector }),
    ...(options.gatewayClass === undefined ? {} : { gatewayClass: options.gatewayClass }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    onChange: options.onDocuments,
    onState: () => {
      const { faults } = watch.state();
      const text = faults.join('; ');
      if (text === told) return;
      told = text;
      if (text === '') log.info('the cluster is watched');
      else log.warn({ faults }, 'the cluster is not watched in full');
    },
  });

  return {
    state: () => ({ ...watch.state(), isLeader: election.isLeader() }),
    reportStatus: (verdicts) => status.reportStatus(verdicts),
    close: async () => {
      await watch.close();
      await status.close();
      await election.close();
    },
  };
}

/**
 * The state of the watches as text, for `/readyz`. A gateway that was synchronized once continues to serve without the API
 * server.
 */
export function stateText({ isSynced, isConnected, lagMs, faults }: WatchState): string {
  const first = faults[0] === undefined ? '' : `: ${faults[0]}`;
  if (!isSynced) return `not ready: the configuration of the cluster is not known yet${first}`;
  if (isConnected) return 'ready: the cluster is watched';
  return `ready: the last known configuration is served, ${Math.round(lagMs / 1000)} s old${first}`;
}
