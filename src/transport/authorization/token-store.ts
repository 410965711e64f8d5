/**
 * The store for tokens of users for upstreams: names → texts, encrypted with a key of the key ring, in a file of this machine
 * (token-store-file.ts) or in Redis (token-store-redis.ts). Without the key ring the store reveals nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyring } from '../../session/keyring.ts';
import { openedText, sealedText } from './sealed-text.ts';

/** Texts under names. Methods reject if the store is unavailable. */
export interface RawStore {
  get(name: string): Promise<string | undefined>;
  /** `lifeMs`: time to live. */
  set(name: string, value: string, lifeMs?: number): Promise<void>;
  /** Sets the value only if there is none. Returns whether it did. */
  add(name: string, value: string, lifeMs: number): Promise<boolean>;
  /** Removes the entry; with `value`, only if it has this value. */
  remove(name: string, value?: string): Promise<void>;
  close(): Promise<void>;
}

export interface TokenStore {
  get(name: readonly string[]): Promise<string | undefined>;
  set(name: readonly string[], value: string, lifeMs?: number): Promise<void>;
  remove(name: readonly string[]): Promise<void>;
  /** Whether this is the first time within `lifeMs`, on all replicas. */
  isFirst(name: readonly string[], lifeMs: number): Promise<boolean>;
  /** Runs `work` while no other replica runs one under the same name. */
  alone<T>(name: readonly string[], work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const label = 'token-store';
/** A lock older than this belongs to a process that has died; a request to a token endpoint takes at most 5 s. */
const lockMs = 15_000;
const lockLookMs = 50;

/**
 * Names are lists of parts, such as principal and upstream; different lists are different names. `nowSeconds`: the clock of the
 * key ring.
 */
export function tokenStore(raw: RawStore, keyring: Keyring, nowSeconds: () => number): TokenStore {
  const alone: TokenStore['alone'] = async (name, work) => {
    const lock = `lock:${nameOf(name)}`;
    const owner = randomBytes(16).toString('base64url');
    while (!(await raw.add(lock, owner, lockMs))) await sleep(lockLookMs);
    try {
      return await work();
    } finally {
      await raw.remove(lock, owner);
    }
  };
  return {
    async get(parts) {
      const name = nameOf(parts);
      const sealed = await raw.get(name);
      return sealed === undefined ? undefined : openedText(sealed, name, keyring.deriveAccepted(label, nowSeconds()));
    },
    set: (parts, value, lifeMs) => {
      const name = nameOf(parts);
      return raw.set(name, sealedText(value, name, keyring.derive(label, nowSeconds())), lifeMs);
    },
    remove: (parts) => raw.remove(nameOf(parts)),
    isFirst: (parts, lifeMs) => raw.add(`once:${nameOf(parts)}`, '1', lifeMs),
    alone,
    close: () => raw.close(),
  };
}

/* A digest, because names of users are private. */
function nameOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
