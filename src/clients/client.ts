/**
 * One client as this replica sees it: what its token says, its links to the upstreams, and what is under way for it here.
 * Clients without a session share the `Client` of their principal. Nothing in it is truth: another replica starts from the token.
 */
import { clientCapability } from '../protocol/capabilities.ts';
import { defaultLogLevel, type LogLevel } from '../protocol/log-levels.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { OpenSession } from '../session/token.ts';
import { sessionLabel } from '../telemetry/log.ts';
import type { Wording } from '../transport/downstream/wording.ts';
import type { Said } from '../transport/upstream/said.ts';
import { Links, type LinkOpener, type LinkOwner } from '../transport/upstream/opener.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Wishes, WishingSession } from './wishes.ts';

/** A request under way on this replica. */
export interface InFlight {
  readonly upstream: Upstream;
  /** The id it has at the upstream, as raw JSON. */
  readonly upstreamId: string;
  /** The way back of its answer. */
  readonly relay: { takeBack(): void };
  /** Where closing cancels it, what another replica knows it by: the session and the request's id. */
  readonly closable: string | undefined;
}

export class Client implements LinkOwner {
  readonly session: OpenSession;
  /** What it speaks; upstreams of another revision are spoken to in theirs. */
  readonly revision: Revision;
  /** How it is answered. */
  readonly wording: Wording;
  readonly clientCapabilities: number;
  /** It stands for every client of its principal that keeps no session. */
  readonly shared: boolean;
  readonly links: Links;
  /** As other replicas know it. */
  readonly known: WishingSession;
  readonly #wishes: Wishes;
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
  getStreams = 0;

  /** `itself` where the session does not tell: a client of 2026-07-28 has none of its own. */
  constructor(
    session: OpenSession,
    shared: boolean,
    opener: LinkOpener,
    wording: Wording,
    wishes: Wishes,
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
    this.shared = shared;
    this.known = { jti: session.claims.jti.toString('base64url'), expiresAt: session.claims.expiresAt };
    this.#wishes = wishes;
    // Clients without a session of their own have one of their principal, whatever they speak and can do.
    const shown = `${this.revision} ${this.clientCapabilities}`;
    this.#audience = `${session.claims.principal.toString('base64url')} ${shown}`;
    this.#ownAudience = `${this.known.jti} ${shown}`;
    this.label = sessionLabel(session.claims.jti);
    this.links = new Links(this, opener);
  }

  sealed(hash: number): ReturnType<LinkOwner['sealed']> {
    return this.session.upstream(hash);
  }

  /**
   * Whom this client may share an upstream's lists with. A session of its own may list what no other does, so only lists of
   * upstreams without sessions are shared: with those of the same principal of whom the upstreams were told the same.
   */
  audienceOf(upstream: Upstream): string {
    const link = this.links.peek(upstream);
    return link !== undefined && link.sessionId === undefined ? this.#audience : this.#ownAudience;
  }

  /** Whom this client may share a list with that is merged of all these. */
  audienceOfAll(upstreams: readonly Upstream[]): string {
    return upstreams.every((upstream) => this.audienceOf(upstream) === this.#audience)
      ? this.#audience
      : this.#ownAudience;
  }

  /** Of the log messages that come with its calls, for upstreams that are told so with each. */
  get logLevel(): LogLevel {
    return this.#wishes.levelOf(this.known.jti) ?? defaultLogLevel;
  }

  /** What it watches at an upstream that keeps no sessions, by the upstream's own URIs. */
  watchedAt(upstream: Upstream): readonly string[] {
    return this.#wishes.watchedBy(this.known.jti, upstream.hash);
  }
}
