/** `server/discover`: what all upstreams together offer a client of 2026-07-28 (protocol.md B4, D2). */
import { mergeDiscover } from '../aggregate/discover-result.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { modernRevision } from '../protocol/revisions.ts';
import type { Call } from '../clients/call.ts';
import type { Client } from '../clients/client.ts';
import type { RawHeaders } from '../transport/upstream/credentials.ts';
import type { Link } from '../transport/upstream/adapter.ts';
import { takesTasks } from '../transport/upstream/tasks-across.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

const { tools, prompts, resources, completions, logging, resourcesSubscribe, tasksExtension, ui } = serverCapability;
const { toolsListChanged, promptsListChanged, resourcesListChanged } = serverCapability;

/** Changes of lists can always be told, as the gateway makes some itself; resources are watched in a session, or without where there are none. */
function offered(link: Link): number {
  const { capabilities, mirrors, sessionId } = link;
  const watched = mirrors || sessionId !== undefined ? resourcesSubscribe : 0;
  return (
    (capabilities & (tools | prompts | resources | completions | logging | ui | tasksExtension | watched)) |
    (takesTasks(link) ? tasksExtension : 0) |
    (capabilities & tools ? toolsListChanged : 0) |
    (capabilities & prompts ? promptsListChanged : 0) |
    (capabilities & resources ? resourcesListChanged : 0)
  );
}

/** The result as JSON text. An upstream that is down offers nothing until it is back. */
export async function discover(
  upstreams: readonly Upstream[],
  { client, rawHeaders, startedMs }: Pick<Call, 'client' | 'rawHeaders' | 'startedMs'>,
  version: string,
): Promise<string> {
  const links = await linksOf(upstreams, client, rawHeaders);
  const current = await Promise.all(
    links.map(async (link) =>
      isOld(link, startedMs) ? await client.links.refresh(link.upstream, link, rawHeaders) : link,
    ),
  );
  const inputs = current.map((link, at) => {
    const { config } = upstreams[at]!;
    // What one caller's headers made an upstream say is not for others.
    const isPublic = config.forwardHeaders.length === 0 && link?.stated?.isPublic === true;
    return {
      upstream: config,
      serverCapabilityBits: link === undefined ? 0 : offered(link),
      instructions: link?.instructions,
      statedUntil: link?.stated?.statedUntil ?? -Infinity,
      isPublic,
    };
  });
  return mergeDiscover(inputs, { version, title: 'Manifold', supportedVersions: [modernRevision] }, performance.now());
}

/** What no longer counts by its upstream's own word is asked for again. */
function isOld(link: Link | undefined, nowMs: number): link is Link {
  return link?.stated !== undefined && link.stated.statedUntil <= nowMs;
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
