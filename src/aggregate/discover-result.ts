/**
 * The gateway's own answer to `server/discover`, made from what its upstreams are known to offer (2026-07-28 server/discover,
 * server/utilities/caching).
 */
import { modernServerCapabilitiesJson } from '../protocol/capabilities.ts';
import { metaKey } from '../protocol/modern.ts';
import { mergeHints } from './hints.ts';
import type { Part } from './hints.ts';
import { declared, mergeInstructions, nameOf } from './initialize-result.ts';
import type { InitializeInput, OwnName } from './initialize-result.ts';

/** An upstream of the session era, or one that is down, has no cache hints. */
export type DiscoverInput = InitializeInput & Part;

export interface DiscoveredIdentity extends OwnName {
  /** The modern revisions; older ones are negotiated by `initialize`. */
  readonly supportedVersions: readonly string[];
}

/**
 * The JSON text of a DiscoverResult. Inputs are in the order of the configuration; an upstream that is down has no capabilities.
 */
export function mergeDiscover(inputs: readonly DiscoverInput[], own: DiscoveredIdentity, nowMs: number): string {
  let bits = 0;
  for (const input of inputs) bits |= input.serverCapabilityBits;
  const { ttlMs, cacheScope } = mergeHints(inputs, nowMs);
  const instructions = mergeInstructions(inputs);
  return (
    `{"resultType":"complete","supportedVersions":${JSON.stringify(own.supportedVersions)},` +
    `"capabilities":${declared(modernServerCapabilitiesJson(bits), inputs)},` +
    (instructions === '' ? '' : `"instructions":${JSON.stringify(instructions)},`) +
    `"ttlMs":${ttlMs},"cacheScope":"${cacheScope}",` +
    `"_meta":{"${metaKey.serverInfo}":${nameOf(inputs, own)}}}`
  );
}
