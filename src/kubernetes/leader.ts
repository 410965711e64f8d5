/**
 * Leader election: only the leader writes status and events. The holder of the Lease leads and renews it while the process runs.
 * Another replica takes the Lease when it was not renewed for its duration (coordination.k8s.io/v1). Each replica measures that
 * time with its own clock, from the moment it sees a change, because the clocks of machines differ.
 */
import { type Api, ApiFault } from './api.ts';
import { isRecord, textOf } from './objects.ts';
import { pause } from './reflector.ts';

export interface Timing {
  /** A Lease that has not changed for this long may be taken. */
  readonly durationMs: number;
  /** A leader that could not renew for this long stops leading; shorter than the duration, so that two never lead. */
  readonly renewWithinMs: number;
  readonly retryMs: number;
}

const usualTiming: Timing = { durationMs: 15_000, renewWithinMs: 10_000, retryMs: 2000 };

export interface ElectionOptions {
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Identity of this replica, such as the name of its pod; it must be unique. */
  readonly identity: string;
  readonly timing?: Timing;
  /** Called when this replica starts or stops leading. */
  readonly onLead: (isLeader: boolean) => void;
  /** Called once for each series of failures. */
  readonly onFault: (fault: ApiFault) => void;
}

export interface Election {
  /** True only while no other replica can have taken the Lease. */
  isLeader(): boolean;
  /** Releases the Lease, so that another replica need not wait. */
  close(): Promise<void>;
}

interface Lease {
  readonly holder: string;
  readonly resourceVersion: string;
  readonly transitions: number;
  readonly acquireTime: string | undefined;
}

export function startElection(api: Api, options: ElectionOptions): Election {
  const { namespace, name, identity, onLead, onFault } = options;
  const timing = options.timing ?? usualTiming;
  const ended = new AbortController();
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  const path = `${collection}/${encodeURIComponent(name)}`;
  let renewedAtMs: number | undefined;
  let seenVersion: string | undefined;
  let seenAtMs = 0;
  let wasLeader = false;
  let wasFault = false;

  const isLeader = (): boolean => renewedAtMs !== undefined && performance.now() - renewedAtMs < timing.renewWithinMs;

  const tell = (): void => {
    if (isLeader() === wasLeader) return;
    wasLeader = !wasLeader;
    onLead(wasLeader);
  };

  const write = async (lease: Lease | undefined, holder: string): Promise<void> => {
    // Taken before the request: the server may have renewed the Lease long before the answer arrives.
    const atMs = performance.now();
    const now = microTime();
    const isNew = lease === undefined || lease.holder !== holder;
    const answer = await api.request({
      method: lease === undefined ? 'POST' : 'PUT',
      path: lease === undefined ? collection : path,
      body: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace, ...(lease === undefined ? {} : { resourceVersion: lease.resourceVersion }) },
        spec: {
          holderIdentity: holder,
          leaseDurationSeconds: holder === '' ? 1 : Math.ceil(timing.durationMs / 1000),
          acquireTime: isNew ? now : (lease.acquireTime ?? now),
          renewTime: now,
          leaseTransitions: lease === undefined ? 0 : lease.transitions + (isNew && holder !== '' ? 1 : 0),
        },
      },
    });
    seenVersion = readLease(answer).resourceVersion;
    seenAtMs = performance.now();
    renewedAtMs = holder === identity ? atMs : undefined;
  };

  const attempt = async (): Promise<void> => {
    const lease = await readOrNone(api, path);
    if (lease === undefined) return await write(undefined, identity);
    if (lease.resourceVersion !== seenVersion) {
      seenVersion = lease.resourceVersion;
      seenAtMs = performance.now();
    }
    const isFree =
      lease.holder === '' || lease.holder === identity || performance.now() - seenAtMs >= timing.durationMs;
    if (isFree) await write(lease, identity);
    else renewedAtMs = undefined;
  };

  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      try {
        await attempt();
        wasFault = false;
      } catch (thrown) {
        const fault = thrown instanceof ApiFault ? thrown : new ApiFault(0, 'Unreachable', String(thrown));
        // Another replica was faster, which is normal in an election.
        if (fault.status !== 409 && !wasFault) onFault(fault);
        wasFault = fault.status !== 409;
      }
      tell();
      await pause(timing.retryMs * (0.8 + 0.4 * Math.random()), ended.signal);
      tell();
    }
  };
  const running = run();

  return {
    isLeader,
    close: async () => {
      ended.abort();
      await running;
      if (!isLeader()) return;
      try {
        const lease = await readOrNone(api, path);
        if (lease?.holder === identity) await write(lease, '');
      } catch {
        // The Lease expires by itself.
      }
      renewedAtMs = undefined;
      tell();
    },
  };
}

async function readOrNone(api: Api, path: string): Promise<Lease | undefined> {
  try {
    return readLease(await api.request({ method: 'GET', path }));
  } catch (thrown) {
    if (thrown instanceof ApiFault && thrown.status === 404) return undefined;
    throw thrown;
  }
}

function readLease(answer: unknown): Lease {
  const lease = isRecord(answer) ? answer : {};
  const metadata = isRecord(lease['metadata']) ? lease['metadata'] : {};
  const spec = isRecord(lease['spec']) ? lease['spec'] : {};
  return {
    holder: textOf(spec['holderIdentity']) ?? '',
    resourceVersion: textOf(metadata['resourceVersion']) ?? '',
    transitions: Number(spec['leaseTransitions'] ?? 0),
    acquireTime: textOf(spec['acquireTime']),
  };
}

/** Kubernetes MicroTime: RFC 3339 with six decimal digits. */
export function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
