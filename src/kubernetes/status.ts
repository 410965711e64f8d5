/**
 * Writes verdicts on the routes, and an Event for each refusal. Every replica is told the verdicts; only the leader writes. A write
 * names the resourceVersion it was worked out from, so that it never undoes what another controller has just written.
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
  /** Names this kind of controller in status and events, as `example.com/name`; identical on every replica. */
  readonly controller: string;
  /** Of this replica. */
  readonly identity: string;
  readonly isLeader: () => boolean;
  /** Called once for each run of failures. */
  readonly onFault: (fault: ApiFault) => void;
  readonly resyncMs?: number;
}

export interface StatusWriter {
  /** All routes as they stand now; replaces what was reported before. Returns at once. */
  reportStatus(verdicts: readonly Verdict[]): void;
  /** To be called when this replica begins to lead: what was reported before is written now. */
  onLead(): void;
  close(): Promise<void>;
}

/** How often conditions are checked: another controller that replaces all conditions removes ours. */
const defaultResyncMs = 300_000;
const conflictRetries = 5;

export function startStatus(api: Api, options: StatusOptions): StatusWriter {
  const ended = new AbortController();
  const version = mcpRoute.versions[0] ?? '';
  let verdicts: readonly Verdict[] = [];
  /** By uid, what is known to stand; what changes is written again. */
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
      // Another route of that name has a verdict of its own to come.
      if (route === undefined || metadata['uid'] !== verdict.uid) return;
      const status = isRecord(route['status']) ? route['status'] : {};
      const conditions = conditionsWith(status['conditions'], verdict, options.controller, secondTime());
      if (conditions === undefined) return;
      // Before the status, which is what tells that there is nothing more to do.
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
      // The name is made of the refusal: 409 is the word of a former leader. Status matters more than an Event that is not allowed.
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

  /** Resolves with true when something was reported meanwhile. */
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
