/** `server/discover`: what all upstreams together offer a client of 2026-07-28 (protocol.md B4, D2). */
import { mergeDiscover } from '../aggregate/discover.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { modernRevision } from '../protocol/revisions.ts';
import type { Client } from './client.ts';
import type { RawHeaders } from './forward.ts';
import type { Upstream } from './upstream/upstream.ts';

/* Subscriptions and log messages are not carried to these clients yet, so they are not offered. */
const offered =
  serverCapability.tools | serverCapability.prompts | serverCapability.resources | serverCapability.completions;

/** The result as JSON text. An upstream that is down offers nothing until it is back. */
export async function discover(
  upstreams: readonly Upstream[],
  client: Client,
  rawHeaders: RawHeaders,
  version: string,
): Promise<string> {
  const links = await Promise.all(
    upstreams.map((upstream) => client.links.ensure(upstream, rawHeaders).catch(() => undefined)),
  );
  const inputs = links.flatMap((link) =>
    link === undefined
      ? []
      : [
          {
            upstream: link.upstream.config,
            serverCapabilityBits: link.capabilities & offered,
            instructions: link.upstream.instructions,
            ttlMs: 0,
            cacheScope: 'private' as const,
          },
        ],
  );
  return mergeDiscover(inputs, { version, title: 'Manifold', supportedVersions: [modernRevision] });
}
