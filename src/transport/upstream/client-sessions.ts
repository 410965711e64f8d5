/**
 * The upstream sessions of one client. The client's token is authoritative. Sessions opened or replaced later are remembered only
 * on this replica, and may be lost at any time.
 */
import { GatewayError } from '../../errors.ts';
import type { LegacyRevision } from '../../protocol/revisions.ts';
import type { Caller } from '../http/caller.ts';
import type { OpeningReason, SessionOpener, SessionOwner } from './opener.ts';
import { UpstreamSession } from './session.ts';
import type { Upstream } from './upstream.ts';

/** The owner of the sessions: facts about the client, and the sessions in its token. */
export interface SessionsOwner extends SessionOwner {
  /** The session that the token holds for an upstream, by the upstream's hash. */
  sealed(
    hash: number,
  ):
    | { readonly sessionId: string | undefined; readonly revision: LegacyRevision; readonly capabilities: number }
    | undefined;
  /** A session was opened that the token does not contain. */
  opened(upstream: Upstream): void;
}

export class ClientSessions {
  readonly #owner: SessionsOwner;
  readonly #opener: SessionOpener;
  readonly #sessions = new Map<Upstream, UpstreamSession>();
  readonly #opening = new Map<Upstream, Promise<UpstreamSession>>();

  constructor(owner: SessionsOwner, opener: SessionOpener) {
    this.#owner = owner;
    this.#opener = opener;
  }

  /** The session to use; undefined if one must be opened. Sends nothing. */
  peek(upstream: Upstream): UpstreamSession | undefined {
    const known = this.#sessions.get(upstream);
    if (known !== undefined) return known;
    // The session in the token is lost, and its replacement is being opened.
    if (this.#opening.has(upstream)) return undefined;
    const free = this.#opener.sessionless(upstream, this.#owner);
    if (free !== undefined) return free;
    const sealed = this.#owner.sealed(upstream.hash);
    if (sealed === undefined) return undefined;
    const session = new UpstreamSession(upstream, sealed, this.#owner.isShared || sealed.sessionId === undefined);
    this.#sessions.set(upstream, session);
    return session;
  }

  /** Like `peek`, but opens a session if there is none. Throws `upstream_*` faults. */
  async ensure(upstream: Upstream, caller: Caller): Promise<UpstreamSession> {
    return this.peek(upstream) ?? (await this.#open(upstream, 'late', caller));
  }

  /** A new session instead of `lost`; concurrent calls wait for the same one. Throws `upstream_*` faults. */
  async renew(lost: UpstreamSession, caller: Caller): Promise<UpstreamSession> {
    const { upstream } = lost;
    const current = this.#sessions.get(upstream);
    if (current !== undefined && current !== lost) return current;
    // An upstream without sessions that no longer supports the revision has lost no state.
    if (upstream.config.onSessionLoss === 'error' && !lost.isToldOfClient)
      throw new GatewayError('upstream_session_lost', 'configured not to be opened anew');
    if (!lost.keepsSession) this.#opener.forget(upstream);
    this.#sessions.delete(upstream);
    this.#opener.left(lost);
    return await this.#open(upstream, 'healed', caller);
  }

  /**
   * Requests the upstream's capabilities again. Returns the old session if it does not answer; `session` stays in use meanwhile.
   */
  async refresh(session: UpstreamSession, caller: Caller): Promise<UpstreamSession> {
    this.#sessions.set(session.upstream, session);
    return await this.#open(session.upstream, 'refreshed', caller).catch(() => session);
  }

  /** Every session in use or sealed in the token, for broadcasts and for the end of the client's session. */
  all(upstreams: Iterable<Upstream>): UpstreamSession[] {
    return Array.from(upstreams, (upstream) => this.peek(upstream)).filter((session) => session !== undefined);
  }

  /** Removes the sessions opened here and returns them, so that they can be ended. */
  release(): UpstreamSession[] {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) this.#opener.left(session);
    return sessions;
  }

  #open(upstream: Upstream, reason: OpeningReason, caller: Caller): Promise<UpstreamSession> {
    const underWay = this.#opening.get(upstream);
    if (underWay !== undefined) return underWay;
    const opening = this.#opener
      .open(upstream, this.#owner, reason, caller)
      .then((session) => {
        this.#sessions.set(upstream, session);
        this.#owner.opened(upstream);
        return session;
      })
      .finally(() => this.#opening.delete(upstream));
    this.#opening.set(upstream, opening);
    return opening;
  }
}
