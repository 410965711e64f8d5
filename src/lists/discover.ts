/** `server/discover`: what all upstreams offer together (2026-07-28 server/discover). */
import { mergeDiscover } from '../aggregate/discover-result.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { modernRevision } from '../protocol/revisions.ts';
import type { Call } from '../clients/call.ts';
import type { Client } from '../clients/client.ts';
import type { Gate } from '../clients/gate.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import { mayBePublic } from '../transport/upstream/sharing.ts';
import { takesTasks } from '../transport/upstream/tasks-across.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';

const { tools, prompts, resources, completions, logging, resourcesSubscribe, tasksExtension, ui } = serverCapability;
const { toolsListChanged, promptsListChanged, resourcesListChanged } = serverCapability;

/**
 * `listChanged` is always offered, because the gateway itself can change lists. Resources are watched in a session of the
 * upstream, or without one if the upstream keeps none.
 */
function offered(session: UpstreamSession): number {
  const { capabilities, streamKind, keepsSession } = session;
  const watched = streamKind === 'subscription' || keepsSession ? resourcesSubscribe : 0;
  return (
    (capabilities & (tools | prompts | resources | completions | logging | ui | tasksExtension | watched)) |
    (takesTasks(session) ? tasksExtension : 0) |
    (capabilities & tools ? toolsListChanged : 0) |
    (capabilities & prompts ? promptsListChanged : 0) |
    (capabilities & resources ? resourcesListChanged : 0)
  );
}

/** The result as JSON text. An upstream that is down offers nothing until it returns. */
export async function discover(
  upstreams: Upstreams,
  { client, caller, startedMs }: Pick<Call, 'client' | 'caller' | 'startedMs'>,
  version: string,
  gate: Gate,
): Promise<string> {
  const sessions = await sessionsOf(upstreams, client, caller, gate);
  const current = await Promise.all(
    sessions.map(async (session) =>
      isOld(session, startedMs) ? await client.sessions.refresh(session, caller) : session,
    ),
  );
  const inputs = current.map((session, at) => {
    const config = upstreams.configs[at]!;
    const isPublic = mayBePublic(config, caller.principalId) && session?.stated?.isPublic === true;
    return {
      upstream: config,
      serverCapabilityBits: session === undefined ? 0 : offered(session),
      instructions: session?.instructions,
      serverInfo: session?.serverInfo,
      experimental: session?.experimental,
      extensions: session?.extensions,
      statedUntil: session?.stated?.statedUntil ?? -Infinity,
      isPublic,
    };
  });
  return mergeDiscover(inputs, { version, title: 'Manifold', supportedVersions: [modernRevision] }, performance.now());
}

/** Asks again when the time to live that the upstream gave has passed. */
function isOld(session: UpstreamSession | undefined, nowMs: number): session is UpstreamSession {
  return session?.stated !== undefined && session.stated.statedUntil <= nowMs;
}

/**
 * Opens upstream sessions: for a client without a session, no handshake has opened them. Upstreams that fail, or that the caller
 * may not use, are left out.
 */
export async function sessionsOf(
  upstreams: Upstreams,
  client: Client,
  caller: Caller,
  gate: Gate,
): Promise<(UpstreamSession | undefined)[]> {
  return await Promise.all(
    upstreams.all.map(async (upstream) =>
      gate.reaches(caller, upstream) ? client.sessions.ensure(upstream, caller).catch(() => undefined) : undefined,
    ),
  );
}
