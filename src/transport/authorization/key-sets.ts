/**
 * The keys that tokens are verified with: given, fetched from a URL, or found through the metadata of their issuer. Jose picks
 * the key; what is here bounds how often the issuer is asked and says when nobody can tell. RFC 7517 §5.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { ServerMetadata } from '../../oauth/server-metadata.ts';
import type { GuardedFetch } from '../egress/guarded-fetch.ts';
import { fetchJson } from './discovery.ts';
import { kept, type Kept } from './kept.ts';

export const maxKeySetBytes = 512 * 1024;
export const maxKeys = 100;
const defaultKeysFreshSeconds = 600;
/** How long keys stand in while the issuer fails. */
const keysStaleMs = 86_400_000;
/** After a failed fetch nobody asks again for this long. */
const keysCooldownMs = 10_000;
/** A token that names an unknown key makes the keys be fetched again, at most this often. */
const unknownKeyCooldownMs = 30_000;

export interface KeySet {
  /** For `jwtVerify`. Throws `Unavailable` when nobody can tell. */
  readonly key: JWTVerifyGetKey;
  /** Resolves once the keys are there. Throws `Unavailable`. */
  load(): Promise<void>;
}

/** Keys from the configuration. Throws when there is none that could verify a token. */
export function localKeys(document: unknown): KeySet {
  const key = createLocalJWKSet(usableKeys(document));
  return { key, load: () => Promise.resolve() };
}

export interface RemoteKeys {
  /** Where the keys are, or whose metadata says so. */
  readonly from: string | Kept<ServerMetadata>;
  readonly freshSeconds?: number | undefined;
}

export function remoteKeys(
  { from, freshSeconds }: RemoteKeys,
  fetch: GuardedFetch,
  now: () => number = Date.now,
): KeySet {
  const load = async (): Promise<JWTVerifyGetKey> =>
    createLocalJWKSet(usableKeys(await fetchJson(await urlOf(from), fetch, maxKeySetBytes)));
  const keys = kept(
    'the keys of the issuer',
    load,
    {
      freshMs: (freshSeconds ?? defaultKeysFreshSeconds) * 1_000,
      staleMs: keysStaleMs,
      cooldownMs: keysCooldownMs,
    },
    now,
  );
  return {
    async key(header, token) {
      const pick = await keys.get();
      try {
        return await pick(header, token);
      } catch (fault) {
        if (!(fault instanceof errors.JWKSNoMatchingKey)) throw fault;
        if (now() - (keys.fetchedAt ?? 0) < unknownKeyCooldownMs) throw fault;
        return (await keys.renew())(header, token);
      }
    },
    async load() {
      await keys.get();
    },
  };
}

async function urlOf(from: RemoteKeys['from']): Promise<string> {
  if (typeof from === 'string') return from;
  const { jwks_uri: url } = await from.get();
  if (url === undefined) throw new Error('the metadata names no keys (jwks_uri)');
  return url;
}

/** The keys that can verify a signature for everyone to see. Others are left out: encryption, symmetric, unknown kinds. */
function usableKeys(document: unknown): JSONWebKeySet {
  const listed: unknown =
    typeof document === 'object' && document !== null && 'keys' in document ? document.keys : undefined;
  if (!Array.isArray(listed)) throw new Error('no JSON Web Key Set');
  if (listed.length > maxKeys) throw new Error(`more than ${maxKeys} keys`);
  const usable = listed.filter(
    (key: unknown): key is JSONWebKeySet['keys'][number] =>
      typeof key === 'object' &&
      key !== null &&
      'kty' in key &&
      typeof key.kty === 'string' &&
      ['EC', 'RSA', 'OKP', 'AKP'].includes(key.kty) &&
      (!('use' in key) || key.use === 'sig'),
  );
  if (usable.length === 0) throw new Error('no key that verifies signatures');
  return { keys: usable };
}
