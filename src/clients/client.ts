/**
 * One client as this replica sees it: the content of its token, its upstream sessions, and its requests under way here.
 * Clients without a session share the `Client` of their principal. It is a cache: another replica starts from the token.
 */
import { clientCapability } from '../protocol/capabilities.ts';
import { defaultLogLevel, type LogLevel } from '../protocol/log-levels.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { OpenSession } from '../session/token.ts';
import { sessionLabel } from '../telemetry/log.ts';
import type { Wording } from '../transport/downstream/wording.ts';
import type { Said } from '../protocol/said.ts';
import { ClientSessions, type SessionsOwner } from '../transport/upstream/client-sessions.ts';
import type { SessionOpener } from '../transport/upstream/opener.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import { sharingOf } from '../transport/upstream/sharing.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { WatchedAs } from './watched-as.ts';
import type { Wishes, WishingSession } from './wishes.ts';

/** A request in progress on this replica. */
export interface InFlight {
  readonly session: UpstreamSession;
  /** The id it has at the upstream, as raw JSON. */
  readonly upstreamId: string;
  /** The client has cancelled it. */
  takeBack(): void;
}

/** What a client needs from its route. */
export interface ClientSurroundings {
  readonly opener: SessionOpener;
  readonly wishes: Wishes;
  /** An upstream session was opened that the client's token does not contain. */
  readonly onOpened: (client: Client, upstream: Upstream) => void;
}

export class Client implements SessionsOwner {
  readonly session: OpenSession;
  /** The revision that the client speaks; an upstream is called in its own revision. */
  readonly revision: Revision;
  /** How its answers are written in its era. */
  readonly wording: Wording;
  readonly clientCapabilities: number;
  /** It represents every client of its principal that has no session. */
  readonly isShared: boolean;
  readonly principalId: string;
  readonly sessions: ClientSessions;
  readonly watchedAs = new WatchedAs();
  /** Its identity, identical on every replica. */
  readonly known: WishingSession;
  readonly #around: ClientSurroundings;
  readonly #audience: string;
  readonly #ownAudience: string;
  /** Keyed by the client's own request id, as raw JSON. */
  readonly inFlight = new Map<string, InFlight>();
  /** Client capabilities that upstreams of 2026-07-28 get for a client of the session era. */
  readonly said: Said;
  /** Identifies the session in the log. */
  readonly label: string;
  /** Used since the last eviction (registry.ts). */
  isWanted = false;
  /** Number of open GET streams on this replica. */
  openStreams = 0;

  /** `itself` is used where the session lacks the facts: a client of 2026-07-28 has no session of its own. */
  constructor(
    session: OpenSession,
    principalId: string,
    isShared: boolean,
    wording: Wording,
    around: ClientSurroundings,
    itself: { readonly revision: Revision; readonly capabilities: number } = {
      revision: session.claims.revision,
      capabilities: session.claims.clientCapabilities,
    },
  ) {
    this.session = session;
    this.revision = itself.revision;
    this.wording = wording;
    this.clientCapabilities = itself.capabilities;
    this.said = {
      capabilities: itself.capabilities & (wording.askable | clientCapability.ui),
      clientInfo: undefined,
      logLevel: undefined,
      itself: false,
    };
    this.isShared = isShared;
    this.principalId = principalId;
    this.known = { jti: session.claims.jti.toString('base64url'), expiresAt: session.claims.expiresAt };
    this.#around = around;
    // Clients without a session use the identity of their principal, for all revisions and capabilities.
    const shown = `${this.revision} ${this.clientCapabilities}`;
    this.#audience = `${session.claims.principal.toString('base64url')} ${shown}`;
    this.#ownAudience = `${this.known.jti} ${shown}`;
    this.label = sessionLabel(session.claims.jti);
    this.sessions = new ClientSessions(this, around.opener);
  }

  sealed(hash: number): ReturnType<SessionsOwner['sealed']> {
    return this.session.upstream(hash);
  }

  /**
   * The cache key of an upstream's lists for this client. A session may have its own list, so only lists of upstreams without
   * sessions are shared: among clients of the same principal for which the upstream got the same capabilities and headers.
   */
  audienceOf(upstream: Upstream): string {
    const session = this.sessions.peek(upstream);
    const keepsSession = session === undefined || session.keepsSession;
    return sharingOf(upstream.config, keepsSession, this.principalId) === 'session'
      ? this.#ownAudience
      : this.#audience;
  }

  /** The cache key of a list that is merged from all these upstreams. */
  audienceOfAll(upstreams: Iterable<Upstream>): string {
    for (const upstream of upstreams) if (this.audienceOf(upstream) !== this.#audience) return this.#ownAudience;
    return this.#audience;
  }

  opened(upstream: Upstream): void {
    this.#around.onOpened(this, upstream);
  }

  /** Log level, sent with each call to upstreams without sessions. */
  get logLevel(): LogLevel {
    return this.#around.wishes.levelOf(this.known.jti) ?? defaultLogLevel;
  }

  /** The resources it watches at an upstream without sessions, by the upstream's own URIs. */
  watchedAt(upstream: Upstream): readonly string[] {
    return this.#around.wishes.watchedBy(this.known.jti, upstream.hash);
  }
}
