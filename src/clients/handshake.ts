/**
 * `initialize`: opens a session at every upstream in parallel, with a deadline, and merges them into one answer and one token. It
 * succeeds if one upstream does; the others join later (2025-11-25 basic/lifecycle §Initialization).
 */
import { ConsentRequired, GatewayError } from '../errors.ts';
import { mergeInitialize } from '../aggregate/initialize-result.ts';
import { clientCapability, clientTasks, serverCapability, serverTasks } from '../protocol/capabilities.ts';
import { clientBits } from '../protocol/declared.ts';
import type { Message } from '../protocol/envelope.ts';
import { maxClientInfoBytes } from '../protocol/limits.ts';
import { answeredRevision, hasTasks, isLegacyRevision, negotiate, type LegacyRevision } from '../protocol/revisions.ts';
import { rawOf, textOf } from '../protocol/scan.ts';
import { unreadIn } from '../protocol/unread.ts';
import type { SealedUpstream } from '../session/claims.ts';
import { consentFault } from './faults.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { ClientWords, UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { SessionOpener } from '../transport/upstream/opener.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';

const s = serverCapability;
const lists = s.tools | s.toolsListChanged | s.prompts | s.promptsListChanged | s.resources | s.resourcesListChanged;

/** What the client sent in `initialize`. */
export interface ClientGreeting {
  readonly revision: LegacyRevision;
  /**
   * The negotiated revision (2025-11-25 basic/lifecycle §Version Negotiation). It may be an older one that is handled in the same
   * way.
   */
  readonly answered: string;
  readonly capabilities: number;
  /** What only this request says, so that sessions which are opened later do not know it. */
  readonly words?: ClientWords;
}

/** Throws `params_invalid` without a protocol version, or if the capabilities are not an object. */
export function readGreeting(message: Message): ClientGreeting {
  const version = message.params?.member('protocolVersion');
  const capabilities = message.params?.member('capabilities');
  if (version?.kind !== 'string') throw new GatewayError('params_invalid', 'initialize without protocolVersion');
  if (capabilities !== undefined && capabilities.kind !== 'object')
    throw new GatewayError('params_invalid', 'capabilities is no object');
  const asked = textOf(message.bytes, version);
  const revision = negotiate(asked);
  const declared = clientBits(capabilities) & carriedFromClients(revision);
  const info = message.params?.member('clientInfo');
  const isInfo = info?.kind === 'object' && info.end - info.start <= maxClientInfoBytes;
  const words = {
    clientInfo: isInfo ? rawOf(message.bytes, info) : undefined,
    unread: unreadIn(message.bytes, capabilities),
  };
  return { revision, answered: answeredRevision(asked), capabilities: declared, words };
}

/**
 * Upstreams get the capabilities that the client declared and the gateway supports. Listing tasks is left out: a server would see
 * tasks that other servers started at the client, and a client would see tasks that other clients started at a server.
 */
function carriedFromClients(revision: LegacyRevision): number {
  return hasTasks(revision) ? ~clientCapability.tasksList : ~clientTasks;
}

export interface Opening {
  readonly upstream: Upstream;
  readonly session: UpstreamSession | undefined;
  /** It is starting, and joins when it is ready. */
  readonly isStarting?: boolean;
}

/**
 * One opening per upstream that the caller may use, in the order of the configuration. Throws `upstreams_all_down` when none
 * succeeds.
 */
export async function openAll(
  upstreams: Upstreams,
  greeting: ClientGreeting,
  opener: SessionOpener,
  caller: Caller,
  reaches: (upstream: Upstream) => boolean = () => true,
): Promise<Opening[]> {
  const { revision, capabilities: clientCapabilities, words } = greeting;
  const owner = { revision, clientCapabilities, words, isShared: false, principalId: caller.principalId };
  const selected = upstreams.all.filter((upstream) => reaches(upstream));
  let consent: ConsentRequired | undefined;
  const openings = await Promise.all(
    selected.map(async (upstream): Promise<Opening> => {
      try {
        return {
          upstream,
          session: opener.sessionless(upstream, owner) ?? (await opener.open(upstream, owner, 'initialize', caller)),
        };
      } catch (fault) {
        const isStarting = fault instanceof GatewayError && fault.code === 'upstream_starting';
        if (fault instanceof ConsentRequired) consent ??= fault;
        return { upstream, session: undefined, isStarting };
      }
    }),
  );
  const isDown = openings.every(({ session, isStarting }) => session === undefined && isStarting !== true);
  // The client gets the URL where the user can give permission, because nothing else would show it.
  if (isDown && consent !== undefined) throw consentFault(consent.linkFor(undefined), owner);
  // A caller that may use none of the upstreams gets an empty session.
  if (isDown && selected.length > 0) throw new GatewayError('upstreams_all_down', `${selected.length} tried`);
  return openings;
}

/** The result of `initialize` as JSON text. */
export function initializeResult(
  openings: readonly Opening[],
  { revision, answered }: Pick<ClientGreeting, 'revision' | 'answered'>,
  version: string,
): string {
  return mergeInitialize(
    openings.map(({ upstream, session }) => ({
      upstream: upstream.config,
      // Lists and their changes are always offered, so an upstream that is down may join later with any of them.
      serverCapabilityBits: session === undefined ? lists : withListChanged(deliverable(session, revision)),
      ...(session?.instructions === undefined ? {} : { instructions: session.instructions }),
      serverInfo: session?.serverInfo,
      experimental: session?.experimental,
      extensions: session?.extensions,
    })),
    { protocolVersion: answered, version, title: 'Manifold' },
  );
}

/** Tasks are offered where both sides know the same kind of task (docs/adr/0006-both-eras.md). */
function deliverable(session: UpstreamSession, revision: LegacyRevision): number {
  return session.capabilities & ~(hasTasks(revision) && hasTasks(session.revision) ? s.tasksList : serverTasks);
}

function withListChanged(bits: number): number {
  return (
    bits |
    (bits & s.tools ? s.toolsListChanged : 0) |
    (bits & s.prompts ? s.promptsListChanged : 0) |
    (bits & s.resources ? s.resourcesListChanged : 0)
  );
}

/** The part of the token about each upstream that answered. */
export function sealedUpstreams(openings: readonly Opening[]): SealedUpstream[] {
  return openings.flatMap(({ upstream: { hash }, session }) => {
    // An upstream of 2026-07-28 has no session id for the token.
    if (session === undefined || !isLegacyRevision(session.revision)) return [];
    return [{ hash, capabilities: session.capabilities, revision: session.revision, sessionId: session.sessionId }];
  });
}

/** Ends the sessions that were opened for a client that has left. */
export async function endAll(openings: readonly Opening[], adapter: UpstreamAdapter, caller: Caller): Promise<void> {
  const begun = openings.flatMap(({ session }) => (session === undefined || session.isShared ? [] : [session]));
  await Promise.all(begun.map((session) => adapter.end({ session, caller })));
}
