/** A store in Redis, for the replicas of several machines. */
import { Redis } from 'ioredis';
import type { RawStore } from './token-store.ts';

const prefix = 'manifold:';
const commandTimeoutMs = 5_000;

/* Only the owner of a lock may release it. */
const removeOwn = `if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end return 0`;

/**
 * `url`: `redis://` or `rediss://` (TLS), with user, password and database number. `onFault` gets the faults of the connection.
 */
export function redisStore(url: string, onFault: (fault: Error) => void): RawStore {
  const redis = new Redis(url, {
    commandTimeout: commandTimeoutMs,
    connectTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 2,
    // A command that waited for a connection would delay a call for long.
    enableOfflineQueue: true,
    keyPrefix: prefix,
  });
  redis.on('error', onFault);
  return {
    get: async (name) => (await redis.get(name)) ?? undefined,
    set: async (name, value, lifeMs) => {
      if (lifeMs === undefined) await redis.set(name, value);
      else await redis.set(name, value, 'PX', lifeMs);
    },
    add: async (name, value, lifeMs) => (await redis.set(name, value, 'PX', lifeMs, 'NX')) === 'OK',
    remove: async (name, value) => {
      if (value === undefined) await redis.del(name);
      else await redis.eval(removeOwn, 1, name, value);
    },
    close: async () => redis.disconnect(),
  };
}
