/** Fetches and caches the metadata of authorization servers. RFC 8414 §3, OpenID Connect Discovery 1.0 §4. */
import { authorizationUnavailable } from '../../oauth/faults.ts';
import { believedMetadata, metadataCandidates, type ServerMetadata } from '../../oauth/server-metadata.ts';
import type { GuardedFetch } from '../egress/guarded-fetch.ts';
import { kept, type Kept } from './kept.ts';

/** How long metadata is cached. A server that moves its endpoints is noticed after this time. */
const metadataFreshMs = 600_000;
/** How long cached metadata is used while the server fails. */
const metadataStaleMs = 86_400_000;
const metadataCooldownMs = 10_000;

/** The metadata of one issuer. Faults are `Unavailable`. */
export function discovered(issuer: string, fetch: GuardedFetch, now?: () => number): Kept<ServerMetadata> {
  const times = { freshMs: metadataFreshMs, staleMs: metadataStaleMs, cooldownMs: metadataCooldownMs };
  return kept(`the metadata of ${issuer}`, () => fetchMetadata(issuer, fetch), times, now);
}

async function fetchMetadata(issuer: string, fetch: GuardedFetch): Promise<ServerMetadata> {
  let last: unknown;
  for (const url of metadataCandidates(issuer)) {
    try {
      const metadata = believedMetadata(await fetchJson(url, fetch), issuer);
      if (metadata !== undefined) return metadata;
      last = new Error(`${url} is not about this issuer`);
    } catch (fault) {
      last = fault;
    }
  }
  throw last;
}

/**
 * Copies of the metadata of some issuers, as JSON text, for clients of 2025-03-26 that look for it at the resource. If an issuer
 * cannot be reached, rejects with the fault for 503. An issuer that is not among `issuers` is a programming error.
 */
export function relayedMetadata(
  issuers: readonly string[],
  fetch: GuardedFetch,
  now?: () => number,
): (issuer: string) => Promise<string> {
  const servers = new Map(issuers.map((issuer) => [issuer, discovered(issuer, fetch, now)]));
  return async (issuer) => {
    const server = servers.get(issuer);
    if (server === undefined) throw new Error('an issuer of no route');
    try {
      return JSON.stringify(await server.get());
    } catch (fault) {
      throw authorizationUnavailable('metadata to relay', fault);
    }
  };
}

/** Fetches a JSON document. Throws if it is not JSON, or the status is not 200. */
export async function fetchJson(url: string, fetch: GuardedFetch, maxBytes?: number): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'GET',
    headers: { accept: 'application/json' },
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  if (answer.status !== 200) throw new Error(`${url} answered with status ${answer.status}`);
  return answer.json();
}
