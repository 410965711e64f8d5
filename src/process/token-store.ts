/** Opens the token store of `--token-store`. */
import type { Keyring } from '../session/keyring.ts';
import type { Log } from '../telemetry/log.ts';
import { fileStore } from '../transport/authorization/token-store-file.ts';
import { tokenStore, type RawStore, type TokenStore } from '../transport/authorization/token-store.ts';
import { UsageError } from './usage.ts';

/** Throws `UsageError` for a file that is not a token store. The URL may contain a password and is never shown. */
export async function openTokenStore(
  place: string | undefined,
  keyring: Keyring,
  nowSeconds: () => number,
  log: Log,
): Promise<TokenStore | undefined> {
  if (place === undefined) return undefined;
  return tokenStore(await rawStore(place, log), keyring, nowSeconds);
}

async function rawStore(place: string, log: Log): Promise<RawStore> {
  if (/^rediss?:\/\//.test(place)) {
    const { redisStore } = await import('../transport/authorization/token-store-redis.ts');
    return redisStore(place, ({ message }) => log.error({ fault: message }, 'the store of tokens cannot be reached'));
  }
  try {
    return await fileStore(place);
  } catch (fault) {
    throw new UsageError(`--token-store: ${fault instanceof Error ? fault.message : String(fault)}`, 'run');
  }
}
