/**
 * One list and watch: a local copy of the objects of one kind, in one namespace or all. It continues from the last
 * resourceVersion, lists again when that is too old (410 Gone, `Expired`), and keeps its copy while the server is unavailable.
 */
import { type Api, ApiFault, statusFault } from './api.ts';
import { type Backoff, backoffMs } from './backoff.ts';
import { apiVersionOf, pathOf, selectionOf, type Source } from './kinds.ts';
import { isRecord, type KubernetesObject, listOf, readObject, textOf } from './objects.ts';

export interface ReflectorLimits {
  /** A watch without any event for this long, not even a bookmark (usually one per minute), is half open. */
  readonly idleMs: number;
  /** How long the server is asked to keep a watch open, in seconds; up to half of it is added at random. */
  readonly watchSeconds: number;
  /** A kind that existed and is not found for this long has been removed; a server that is starting may not know it yet. */
  readonly absentAfterMs: number;
  /** How often a missing kind is requested again. */
  readonly absentRetryMs: number;
  readonly pageSize: number;
  readonly backoff: Backoff;
}

export const usualReflectorLimits: ReflectorLimits = {
  idleMs: 90_000,
  watchSeconds: 300,
  absentAfterMs: 30_000,
  absentRetryMs: 30_000,
  pageSize: 500,
  backoff: { firstMs: 500, mostMs: 30_000 },
};

export interface Reflector {
  readonly source: Source;
  /** Keyed by namespace and name. */
  readonly objects: ReadonlyMap<string, KubernetesObject>;
  /** Whether the objects are known: listed once, or the cluster lacks this optional kind. */
  isListed(): boolean;
  /** Whether the watch is open, or the kind is known to be missing. */
  isWatching(): boolean;
  /** Whether the cluster lacks this kind. */
  isAbsent(): boolean;
  /** `performance.now()` of the last data from the server. */
  heardAtMs(): number;
  /** Why it is not watching at the moment. */
  fault(): ApiFault | undefined;
  close(): Promise<void>;
}

/** `onChange` is called after each change of the reflector's state, and once for a whole list. */
export function startReflector(api: Api, source: Source, limits: ReflectorLimits, onChange: () => void): Reflector {
  const objects = new Map<string, KubernetesObject>();
  const ended = new AbortController();
  const versions = source.kind.versions;
  let versionIndex = 0;
  let resourceVersion: string | undefined;
  let isListed = false;
  let isWatching = false;
  let isAbsent = false;
  let heardAtMs = performance.now();
  let notFoundSinceMs: number | undefined;
  let fault: ApiFault | undefined;

  const version = (): string => versions[versionIndex % versions.length] ?? '';
  const path = (): string => pathOf(source, version());
  const apiVersion = (): string => apiVersionOf(source.kind, version());

  const list = async (): Promise<void> => {
    const found = new Map<string, KubernetesObject>();
    let next: string | undefined;
    let listVersion: string | undefined;
    do {
      const answer = await api.request({
        method: 'GET',
        path: path(),
        query: {
          ...selectionOf(source),
          limit: String(limits.pageSize),
          ...(next === undefined ? {} : { continue: next }),
        },
      });
      const page = isRecord(answer) ? answer : {};
      const metadata = isRecord(page['metadata']) ? page['metadata'] : {};
      for (const item of listOf(page['items'])) {
        const object = readObject(item, apiVersion(), source.kind.kind);
        if (object !== undefined) found.set(keyOf(object), object);
      }
      listVersion = textOf(metadata['resourceVersion']);
      next = textOf(metadata['continue']);
    } while (next !== undefined && next !== '' && !ended.signal.aborted);
    objects.clear();
    for (const [key, object] of found) objects.set(key, object);
    resourceVersion = listVersion;
    isListed = true;
    isAbsent = false;
    notFoundSinceMs = undefined;
    heardAtMs = performance.now();
    onChange();
  };

  /** Throws the fault in an ERROR event. */
  const take = (event: unknown): void => {
    heardAtMs = performance.now();
    if (!isRecord(event)) return;
    const type = textOf(event['type']);
    if (type === 'ERROR') {
      const status = isRecord(event['object']) ? event['object'] : {};
      throw statusFault(Number(status['code'] ?? 500), status);
    }
    const object = readObject({ ...named(event['object']) }, apiVersion(), source.kind.kind);
    if (object === undefined) return;
    if (object.metadata.resourceVersion !== '') resourceVersion = object.metadata.resourceVersion;
    if (type === 'BOOKMARK') return;
    if (type === 'DELETED') objects.delete(keyOf(object));
    else objects.set(keyOf(object), object);
    onChange();
  };

  const watch = async (from: string): Promise<void> => {
    const seconds = Math.round(limits.watchSeconds * (1 + Math.random() / 2));
    try {
      await api.stream({
        path: path(),
        query: {
          ...selectionOf(source),
          resourceVersion: from,
          allowWatchBookmarks: 'true',
          timeoutSeconds: String(seconds),
        },
        signal: ended.signal,
        idleMs: limits.idleMs,
        onOpen: () => {
          heardAtMs = performance.now();
          isWatching = true;
          if (fault !== undefined) {
            fault = undefined;
            onChange();
          }
        },
        onEvent: take,
      });
    } finally {
      isWatching = false;
    }
  };

  /** Returns the wait before the next attempt, in ms. */
  const failed = (thrown: unknown, attempt: number): number => {
    const now = thrown instanceof ApiFault ? thrown : new ApiFault(0, 'Unreachable', String(thrown));
    const retryMs = Math.max(now.retryAfterMs ?? 0, backoffMs(attempt, Math.random(), limits.backoff));
    // The watch cannot continue from there. A new list can start at once.
    if (isExpired(now)) {
      resourceVersion = undefined;
      return attempt === 0 ? 0 : retryMs;
    }
    const wasFault = fault?.message;
    fault = now;
    if (now.status !== 404) {
      if (wasFault !== now.message) onChange();
      return retryMs;
    }
    resourceVersion = undefined;
    versionIndex++;
    if (versionIndex % versions.length !== 0) return 0;
    notFoundSinceMs ??= performance.now();
    if (isListed && performance.now() - notFoundSinceMs < limits.absentAfterMs) return retryMs;
    objects.clear();
    if (source.kind.isOptional) {
      isListed = true;
      isAbsent = true;
      fault = undefined;
      heardAtMs = performance.now();
    }
    onChange();
    return backoffMs(0, Math.random(), { firstMs: limits.absentRetryMs, mostMs: limits.absentRetryMs });
  };

  const run = async (): Promise<void> => {
    let attempt = 0;
    while (!ended.signal.aborted) {
      let waitMs: number;
      const startedMs = performance.now();
      try {
        if (resourceVersion === undefined) await list();
        await watch(resourceVersion ?? '0');
        // The server may end watches at any time; a watch that repeatedly ends at once is a failure.
        const wasShort = performance.now() - startedMs < 1000;
        attempt = wasShort ? attempt + 1 : 0;
        waitMs = wasShort ? backoffMs(attempt, Math.random(), limits.backoff) : 0;
      } catch (thrown) {
        if (ended.signal.aborted) return;
        // A watch that was open for a while and breaks counts as the first failure.
        if (performance.now() - startedMs > limits.backoff.mostMs) attempt = 0;
        waitMs = failed(thrown, attempt++);
      }
      if (waitMs > 0) await pause(waitMs, ended.signal);
    }
  };
  const running = run();

  return {
    source,
    objects,
    isListed: () => isListed,
    isWatching: () => isWatching || isAbsent,
    isAbsent: () => isAbsent,
    heardAtMs: () => heardAtMs,
    fault: () => fault,
    close: async () => {
      ended.abort();
      await running;
    },
  };
}

function isExpired({ status, reason }: ApiFault): boolean {
  return status === 410 || reason === 'Expired' || reason === 'Gone';
}

function keyOf({ metadata: { namespace, name } }: KubernetesObject): string {
  return `${namespace}/${name}`;
}

/** A bookmark has a resourceVersion but no name. */
function named(object: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(object) || !isRecord(object['metadata'])) return {};
  return { ...object, metadata: { name: '', ...object['metadata'] } };
}

/** Resolves after the time, or at once when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
