/** `server/discover`: what all upstreams together offer a client of 2026-07-28 (protocol.md B4, D2). */
import { mergeDiscover } from '../aggregate/discover.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { modernRevision } from '../protocol/revisions.ts';
import type { Client } from './client.ts';
import type { RawHeaders } from './forward.ts';
import type { Link } from './upstream/adapter.ts';
import type { Upstream } from './upstream/upstream.ts';

const { tools, prompts, resources, completions, resourcesSubscribe, logging } = serverCapability;
const { toolsListChanged, promptsListChanged, resourcesListChanged } = serverCapability;

/** Changes of lists can always be told, as the gateway makes some itself; resources are watched in a session, or without where there are none. */
function offered({ capabilities, mirrors, sessionId }: Link): number {
  return (
    (capabilities &
      (tools |
        prompts |
        resources |
        completions |
        logging |
        (mirrors || sessionId !== undefined ? resourcesSubscribe : 0))) |
    (capabilities & tools ? toolsListChanged : 0) |
    (capabilities & prompts ? promptsListChanged : 0) |
    (capabilities & resources ? resourcesListChanged : 0)
  );
}

/** The result as JSON text. An upstream that is down offers nothing until it is back. */
export async function discover(
  upstreams: readonly Upstream[],
  client: Client,
  rawHeaders: RawHeaders,
  version: string,
): Promise<string> {
  const links = await linksOf(upstreams, client, rawHeaders);
  const inputs = links.flatMap((link) =>
    link === undefined
      ? []
      : [
          {
            upstream: link.upstream.config,
            serverCapabilityBits: offered(link),
            instructions: link.upstream.instructions,
            ttlMs: 0,
            cacheScope: 'private' as const,
          },
        ],
  );
  return mergeDiscover(inputs, { version, title: 'Manifold', supportedVersions: [modernRevision] });
}

/** A client without sessions has no handshake that would have opened them; those that fail are left out. */
export async function linksOf(
  upstreams: readonly Upstream[],
  client: Client,
  rawHeaders: RawHeaders,
): Promise<(Link | undefined)[]> {
  return await Promise.all(
    upstreams.map((upstream) => client.links.ensure(upstream, rawHeaders).catch(() => undefined)),
  );
}
