/**
 * The keys that verify tokens: configured, fetched from a URL, or found in the metadata of their issuer. jose selects the key;
 * this file limits the requests to the issuer and reports when keys are unavailable. RFC 7517 §5.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { ServerMetadata } from '../../oauth/server-metadata.ts';
import type { GuardedFetch } from '../egress/guarded-fetch.ts';
import { fetchJson } from './discovery.ts';
import { kept, type Kept } from './kept.ts';

export const maxKeySetBytes = 512 * 1024;
export const maxKeys = 100;
const defaultKeysFreshSeconds = 600;
/** How long cached keys are used while the issuer fails. */
const keysStaleMs = 86_400_000;
/** After a failed fetch there is no new one for this long. */
const keysCooldownMs = 10_000;
/** A token with an unknown key causes a new fetch, at most this often. */
const unknownKeyCooldownMs = 30_000;

export interface KeySet {
  /** For `jwtVerify`. Throws `Unavailable` if no keys are available. */
  readonly key: JWTVerifyGetKey;
  /** Resolves when the keys have been loaded. Throws `Unavailable`. */
  load(): Promise<void>;
}

/** Keys from the configuration. Throws if none of them can verify a token. */
export function localKeys(document: unknown): KeySet {
  const key = createLocalJWKSet(usableKeys(document));
  return { key, load: () => Promise.resolve() };
}

export interface RemoteKeys {
  /** The URL of the keys, or the metadata that contains it. */
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

/** The keys that can verify a public-key signature. Others are left out: encryption keys, symmetric keys, unknown kinds. */
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
