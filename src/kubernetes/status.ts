/**
 * Writes verdicts to the status of the routes, and an Event for each refusal. Every replica gets the verdicts; only the leader
 * writes. A write contains the resourceVersion on which it is based, so it never overwrites a newer write of another controller.
 */
import { type Api, ApiFault } from './api.ts';
import { conditionsWith } from './conditions.ts';
import { refusalEvent } from './events.ts';
import { mcpRoute, pathOf } from './kinds.ts';
import { isRecord, refText } from './objects.ts';
import { isRefusal, type Verdict } from './verdict.ts';
import { backoffMs } from './backoff.ts';
import { pause } from './reflector.ts';

export interface StatusOptions {
  /** Name of the controller in status and events, as `example.com/name`; identical on every replica. */
  readonly controller: string;
  /** Identity of this replica. */
  readonly identity: string;
  readonly isLeader: () => boolean;
  /** Called once for each series of failures. */
  readonly onFault: (fault: ApiFault) => void;
  readonly resyncMs?: number;
}

export interface StatusWriter {
  /** Takes the current verdicts on all routes, which replace the previous ones. Returns at once. */
  reportStatus(verdicts: readonly Verdict[]): void;
  /** Call this when this replica starts to lead: the last report is written then. */
  onLead(): void;
  close(): Promise<void>;
}

/** How often conditions are checked: another controller may replace all conditions and remove ours. */
const defaultResyncMs = 300_000;
const conflictRetries = 5;

export function startStatus(api: Api, options: StatusOptions): StatusWriter {
  const ended = new AbortController();
  const version = mcpRoute.versions[0] ?? '';
  let verdicts: readonly Verdict[] = [];
  /** Keyed by uid: the verdicts already written. A changed one is written again. */
  const written = new Map<string, string>();
  let wake: (() => void) | undefined;
  let isDirty = false;

  const touch = (): void => {
    isDirty = true;
    wake?.();
  };

  const writeOne = async (verdict: Verdict): Promise<void> => {
    const { namespace, name } = verdict.ref;
    const path = `${pathOf({ kind: mcpRoute, namespace }, version)}/${encodeURIComponent(name)}`;
    for (let attempt = 0; attempt < conflictRetries; attempt++) {
      const route = await readOrNone(api, path);
      const metadata = isRecord(route?.['metadata']) ? route['metadata'] : {};
      // The route was replaced by another one of the same name, which gets its own verdict.
      if (route === undefined || metadata['uid'] !== verdict.uid) return;
      const status = isRecord(route['status']) ? route['status'] : {};
      const conditions = conditionsWith(status['conditions'], verdict, options.controller, secondTime());
      if (conditions === undefined) return;
      // The Event is created first: once the status is written, nothing is left to do for the verdict.
      if (isRefusal(verdict)) await announce(verdict);
      try {
        await api.request({
          method: 'PATCH',
          path: `${path}/status`,
          contentType: 'application/merge-patch+json',
          query: { fieldManager: options.controller.replaceAll('/', '-') },
          body: { metadata: { resourceVersion: metadata['resourceVersion'] }, status: { conditions } },
        });
        return;
      } catch (thrown) {
        if (!(thrown instanceof ApiFault) || thrown.status !== 409) throw thrown;
        await pause(backoffMs(attempt, Math.random(), { firstMs: 50, mostMs: 1000 }), ended.signal);
      }
    }
    throw new ApiFault(409, 'Conflict', `the status of ${refText(verdict.ref)} changes faster than it can be written`);
  };

  const announce = async (verdict: Verdict): Promise<void> => {
    try {
      await api.request(refusalEvent(verdict, options.controller, options.identity));
    } catch (thrown) {
      // The name depends only on the refusal: 409 means that an earlier leader created the Event. A forbidden Event must not
      // prevent the status.
      if (!(thrown instanceof ApiFault)) throw thrown;
      if (thrown.status !== 409) options.onFault(thrown);
    }
  };

  /** Returns the first failure. */
  const writeAll = async (): Promise<ApiFault | undefined> => {
    let first: ApiFault | undefined;
    const alive = new Set(verdicts.map(({ uid }) => uid));
    for (const uid of written.keys()) if (!alive.has(uid)) written.delete(uid);
    for (const verdict of verdicts) {
      if (ended.signal.aborted || !options.isLeader()) return first;
      const text = JSON.stringify(verdict);
      if (written.get(verdict.uid) === text) continue;
      try {
        await writeOne(verdict);
        written.set(verdict.uid, text);
      } catch (thrown) {
        first ??= thrown instanceof ApiFault ? thrown : new ApiFault(0, 'Unreachable', String(thrown));
      }
    }
    return first;
  };

  const run = async (): Promise<void> => {
    let attempt = 0;
    while (!ended.signal.aborted) {
      isDirty = false;
      const fault = options.isLeader() ? await writeAll() : undefined;
      if (fault !== undefined && attempt === 0) options.onFault(fault);
      attempt = fault === undefined ? 0 : attempt + 1;
      if (isDirty && fault === undefined) continue;
      const waitMs = fault === undefined ? (options.resyncMs ?? defaultResyncMs) : backoffMs(attempt, Math.random());
      const isWoken = await sleep(waitMs);
      if (!isWoken && fault === undefined) written.clear();
    }
  };

  /** Resolves with true if something was reported meanwhile. */
  const sleep = async (ms: number): Promise<boolean> => {
    const woken = new AbortController();
    wake = () => woken.abort();
    await pause(ms, AbortSignal.any([woken.signal, ended.signal]));
    wake = undefined;
    return woken.signal.aborted;
  };
  const running = run();

  return {
    reportStatus: (next) => {
      verdicts = next;
      touch();
    },
    onLead: () => {
      written.clear();
      touch();
    },
    close: async () => {
      ended.abort();
      await running;
    },
  };
}

async function readOrNone(api: Api, path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const answer = await api.request({ method: 'GET', path });
    return isRecord(answer) ? answer : undefined;
  } catch (thrown) {
    if (thrown instanceof ApiFault && thrown.status === 404) return undefined;
    throw thrown;
  }
}

/** Kubernetes Time: RFC 3339 in whole seconds. */
function secondTime(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
