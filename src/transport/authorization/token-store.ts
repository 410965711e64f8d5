/**
 * Where tokens of users for upstreams are kept: names → texts, encrypted with a key of the key ring, in a file of this machine
 * (token-store-file.ts) or in Redis (token-store-redis.ts). Whoever reads the store without the key ring learns nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyring } from '../../session/keyring.ts';
import { openedText, sealedText } from './sealed-text.ts';

/** Texts under names. Methods reject when the store cannot be reached. */
export interface RawStore {
  get(name: string): Promise<string | undefined>;
  /** `lifeMs`: it is gone after this time. */
  set(name: string, value: string, lifeMs?: number): Promise<void>;
  /** Sets it only where there is none. Whether it did. */
  add(name: string, value: string, lifeMs: number): Promise<boolean>;
  /** Takes it away where it has this value. */
  remove(name: string, value?: string): Promise<void>;
  close(): Promise<void>;
}

export interface TokenStore {
  get(name: readonly string[]): Promise<string | undefined>;
  set(name: readonly string[], value: string, lifeMs?: number): Promise<void>;
  remove(name: readonly string[]): Promise<void>;
  /** Whether this is the first time within `lifeMs`, on all replicas. */
  isFirst(name: readonly string[], lifeMs: number): Promise<boolean>;
  /** Runs `work` while no other replica does so under this name. */
  alone<T>(name: readonly string[], work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const label = 'token-store';
/** Whoever holds a lock for longer has died; a request to a token endpoint takes 5 s at most. */
const lockMs = 15_000;
const lockLookMs = 50;

/** Names are parts, such as principal and upstream: no two lists of parts are one name. `nowSeconds`: the clock of the key ring. */
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

/* A digest, as names of users are nobody's business either. */
function nameOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
