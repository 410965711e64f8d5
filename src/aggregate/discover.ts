/**
 * The gateway's own answer to `server/discover`, made of what its upstreams are known to offer (2026-07-28 server/discover;
 * protocol.md B4, D2, D11).
 */
import { modernServerCapabilitiesJson } from '../protocol/capabilities.ts';
import { metaKey } from '../protocol/modern.ts';
import { mergeInstructions, serverInfoJson } from './merge.ts';
import type { InitializeInput, OwnName } from './merge.ts';

export type CacheScope = 'public' | 'private';

export interface DiscoverInput extends InitializeInput {
  /** What is left of it, in ms; 0 for an upstream of the session era, and for one that is down. */
  readonly ttlMs: number;
  readonly cacheScope: CacheScope;
}

export interface DiscoveredIdentity extends OwnName {
  /** The modern ones; older revisions are negotiated by `initialize`. */
  readonly supportedVersions: readonly string[];
}

/**
 * The JSON text of a DiscoverResult. Inputs stand in the order of the configuration. It counts for as long as the shortest-lived
 * of them, and is public only when all are: without inputs it is private and stale at once.
 */
export function mergeDiscover(inputs: readonly DiscoverInput[], own: DiscoveredIdentity): string {
  let bits = 0;
  let ttlMs = inputs.length === 0 ? 0 : Number.MAX_SAFE_INTEGER;
  let cacheScope: CacheScope = inputs.length === 0 ? 'private' : 'public';
  for (const input of inputs) {
    bits |= input.serverCapabilityBits;
    ttlMs = Math.min(ttlMs, Math.floor(input.ttlMs));
    if (input.cacheScope === 'private') cacheScope = 'private';
  }
  const instructions = mergeInstructions(inputs);
  return (
    `{"resultType":"complete","supportedVersions":${JSON.stringify(own.supportedVersions)},` +
    `"capabilities":${modernServerCapabilitiesJson(bits)},` +
    (instructions === '' ? '' : `"instructions":${JSON.stringify(instructions)},`) +
    `"ttlMs":${Math.max(ttlMs, 0)},"cacheScope":"${cacheScope}",` +
    `"_meta":{"${metaKey.serverInfo}":${serverInfoJson(own)}}}`
  );
}
