/**
 * One client as this replica sees it: what its token says, its sessions at the upstreams, and what is under way for it here.
 * Clients without a session share the `Client` of their principal. Nothing in it is truth: another replica starts from the token.
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
import type { Wishes, WishingSession } from './wishes.ts';

/** A request under way on this replica. */
export interface InFlight {
  readonly session: UpstreamSession;
  /** The id it has at the upstream, as raw JSON. */
  readonly upstreamId: string;
  /** The client has cancelled it. */
  takeBack(): void;
}

/** What a client needs of the route it belongs to. */
export interface ClientSurroundings {
  readonly opener: SessionOpener;
  readonly wishes: Wishes;
  /** A session was opened that the client's token does not hold. */
  readonly onOpened: (client: Client, upstream: Upstream) => void;
}

export class Client implements SessionsOwner {
  readonly session: OpenSession;
  /** What it speaks; upstreams of another revision get requests in their own. */
  readonly revision: Revision;
  /** How it is answered. */
  readonly wording: Wording;
  readonly clientCapabilities: number;
  /** It stands for every client of its principal that keeps no session. */
  readonly isShared: boolean;
  readonly principalId: string;
  readonly sessions: ClientSessions;
  /** As other replicas know it. */
  readonly known: WishingSession;
  readonly #around: ClientSurroundings;
  readonly #audience: string;
  readonly #ownAudience: string;
  /** By the client's own request id, as raw JSON. */
  readonly inFlight = new Map<string, InFlight>();
  /** What upstreams of 2026-07-28 are told of a client that does not say so itself: what it can be asked by requests, and show. */
  readonly said: Said;
  /** Names the session in the log. */
  readonly label: string;
  /** It was asked for since room was last made (clients.ts). */
  isWanted = false;
  /** Streams opened by GET on this replica. */
  openStreams = 0;

  /** `itself` where the session does not tell: a client of 2026-07-28 has none of its own. */
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
    // Clients without a session of their own have one of their principal, whatever they speak and can do.
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
   * Whom this client may share an upstream's lists with. A session of its own may list what no other does, so only lists of
   * upstreams without sessions are shared: with those of the same principal of whom the upstreams were told the same.
   */
  audienceOf(upstream: Upstream): string {
    const session = this.sessions.peek(upstream);
    const keepsSession = session === undefined || session.keepsSession;
    return sharingOf(upstream.config, keepsSession, this.principalId) === 'session'
      ? this.#ownAudience
      : this.#audience;
  }

  /** Whom this client may share a list with that is merged of all these. */
  audienceOfAll(upstreams: Iterable<Upstream>): string {
    for (const upstream of upstreams) if (this.audienceOf(upstream) !== this.#audience) return this.#ownAudience;
    return this.#audience;
  }

  opened(upstream: Upstream): void {
    this.#around.onOpened(this, upstream);
  }

  /** Of the log messages that come with its calls, for upstreams that are told so with each. */
  get logLevel(): LogLevel {
    return this.#around.wishes.levelOf(this.known.jti) ?? defaultLogLevel;
  }

  /** What it watches at an upstream that keeps no sessions, by the upstream's own URIs. */
  watchedAt(upstream: Upstream): readonly string[] {
    return this.#around.wishes.watchedBy(this.known.jti, upstream.hash);
  }
}
