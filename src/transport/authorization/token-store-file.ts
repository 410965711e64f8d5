/**
 * A store in one file of this machine, shared by its processes. Each change reads the file, writes another one and renames it,
 * under a lock file, so that a process that dies during a change loses no data. For several machines use Redis.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawStore } from './token-store.ts';

/** Above this the oldest entries are evicted. */
const maxEntries = 10_000;
/**
 * A lock file that is older than this is of a process that has died, in ms. One that has only stood still that long finds its lock taken
 * when it goes on, and begins again.
 */
const staleLockMs = 10_000;
const lockLookMs = 20;
/** Only its owner can read it. The names in it are digests and the values are sealed, but it is still private data. */
const mode = 0o600;

/** In insertion order; `until`: Unix time in ms. */
type Entries = Map<string, { readonly value: string; readonly until?: number }>;

/** Throws if the file exists and is not such a store. `maximum`: number of entries. */
export async function fileStore(path: string, maximum = maxEntries): Promise<RawStore> {
  await readEntries(path);
  /** Changes of this process run one after the other. */
  let last: Promise<unknown> = Promise.resolve();

  const change = <T>(edit: (entries: Entries) => T): Promise<T> => {
    const done = last.then(() => locked(path, edit, maximum));
    last = done.catch(() => {});
    return done;
  };
  return {
    get: async (name) => alive(await readEntries(path), name),
    set: (name, value, lifeMs) => change((entries) => put(entries, name, value, lifeMs)),
    add: (name, value, lifeMs) =>
      change((entries) => {
        if (alive(entries, name) !== undefined) return false;
        put(entries, name, value, lifeMs);
        return true;
      }),
    remove: (name, value) =>
      change((entries) => {
        if (value === undefined || entries.get(name)?.value === value) entries.delete(name);
      }),
    close: async () => void (await last),
  };
}

function put(entries: Entries, name: string, value: string, lifeMs: number | undefined): void {
  entries.delete(name);
  entries.set(name, { value, ...(lifeMs !== undefined && { until: Date.now() + lifeMs }) });
}

function alive(entries: Entries, name: string): string | undefined {
  const entry = entries.get(name);
  return entry === undefined || (entry.until !== undefined && entry.until <= Date.now()) ? undefined : entry.value;
}

async function locked<T>(path: string, edit: (entries: Entries) => T, maximum: number): Promise<T> {
  const lock = `${path}.lock`;
  const owner = randomBytes(12).toString('hex');
  const holds = async (): Promise<boolean> => (await readFile(lock, 'utf8').catch(() => '')) === owner;
  const next = `${path}.${owner}`;
  for (;;) {
    await take(lock, owner);
    try {
      const entries = await readEntries(path);
      const result = edit(entries);
      const now = Date.now();
      for (const [name, { until }] of entries) if (until !== undefined && until <= now) entries.delete(name);
      for (const name of entries.keys()) {
        if (entries.size <= maximum) break;
        entries.delete(name);
      }
      await writeFile(next, JSON.stringify({ format: 1, entries: [...entries] }), { mode });
      if (await holds()) {
        await rename(next, path);
        return result;
      }
      await unlink(next);
    } finally {
      if (await holds()) await unlink(lock).catch(() => {});
    }
  }
}

async function take(lock: string, owner: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(lock, owner, { flag: 'wx', mode });
      return;
    } catch (fault) {
      if (codeOf(fault) !== 'EEXIST') throw fault;
    }
    const since = await stat(lock).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (since !== undefined && Date.now() - since > staleLockMs) await unlink(lock).catch(() => {});
    else await sleep(lockLookMs);
  }
}

async function readEntries(path: string): Promise<Entries> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (fault) {
    if (codeOf(fault) === 'ENOENT') return new Map();
    throw fault;
  }
  try {
    const { format, entries } = JSON.parse(text) as { format?: unknown; entries?: [string, { value: string }][] };
    if (format === 1 && Array.isArray(entries)) return new Map(entries);
  } catch {
    // Reported below.
  }
  throw new Error(`${path} is no token store`);
}

function codeOf(fault: unknown): unknown {
  return fault instanceof Error && 'code' in fault ? fault.code : undefined;
}
