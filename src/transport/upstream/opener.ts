/**
 * Which link serves which upstream for one client. The truth is what the client's token says; what has been opened or healed
 * since then is remembered here, on this replica only, and may be lost at any time (design.md §5).
 */
import { statedUntil } from '../../aggregate/hints.ts';
import { GatewayError, type ErrorCode } from '../../errors.ts';
import type { LegacyRevision, Revision } from '../../protocol/revisions.ts';
import type { Log } from '../../telemetry/log.ts';
import { countUpstreamSession, upstreamUp } from '../../telemetry/metrics.ts';
import { forwardedTo, type RawHeaders } from './credentials.ts';
import { blackoutMs } from '../http/limits.ts';
import type { Link, UpstreamAdapter } from './adapter.ts';
import { withDeadline } from '../http/deadline.ts';
import { linkOf } from './session.ts';
import type { Upstream } from './upstream.ts';

/** How long an upstream is taken to keep no sessions after a handshake without a session id, in ms. */
const sessionlessMs = 300_000;

/** What a client is to its upstreams: its facts, and the sessions its token holds. */
export interface LinkOwner {
  readonly revision: Revision;
  readonly clientCapabilities: number;
  /** The owner stands for several clients: a principal without sessions. */
  readonly shared: boolean;
  /** The session that the token holds for an upstream, by the upstream's hash. */
  sealed(
    hash: number,
  ):
    | { readonly sessionId: string | undefined; readonly revision: LegacyRevision; readonly capabilities: number }
    | undefined;
}

/** An upstream that gives such an answer is there. */
const refusals: ReadonlySet<string> = new Set<ErrorCode>([
  'upstream_refused',
  'upstream_busy',
  'upstream_unauthorized',
  'upstream_headers_refused',
  'upstream_revision_refused',
  'upstream_verb_refused',
]);

type Reason = 'initialize' | 'late' | 'healed' | 'refreshed' | 'probe';

/** The links of one owner. */
export class Links {
  readonly #owner: LinkOwner;
  readonly #opener: LinkOpener;
  readonly #links = new Map<Upstream, Link>();
  readonly #opening = new Map<Upstream, Promise<Link>>();
  /** Called when a session was opened that the token does not hold. */
  onOpened: (upstream: Upstream) => void = () => {};

  constructor(owner: LinkOwner, opener: LinkOpener) {
    this.#owner = owner;
    this.#opener = opener;
  }

  /** The link to use now, without any traffic, or undefined when one has to be opened. */
  peek(upstream: Upstream): Link | undefined {
    const known = this.#links.get(upstream);
    if (known !== undefined) return known;
    // What the token holds has been found lost while another session is being opened in its place.
    if (this.#opening.has(upstream)) return undefined;
    const free = this.#opener.sessionless(upstream, this.#owner.revision);
    if (free !== undefined) return free;
    const sealed = this.#owner.sealed(upstream.hash);
    if (sealed === undefined) return undefined;
    const link = linkOf(upstream, sealed, this.#owner.shared || sealed.sessionId === undefined);
    this.#links.set(upstream, link);
    return link;
  }

  /** As `peek`, opening a session where there is none. Throws `upstream_*` faults. */
  async ensure(upstream: Upstream, rawHeaders: RawHeaders): Promise<Link> {
    return this.peek(upstream) ?? (await this.#open(upstream, 'late', rawHeaders));
  }

  /** A new session in the place of `lost`; calls that come meanwhile wait for the same one. Throws `upstream_*` faults. */
  async renew(upstream: Upstream, lost: Link, rawHeaders: RawHeaders): Promise<Link> {
    const current = this.#links.get(upstream);
    if (current !== undefined && current !== lost) return current;
    // An upstream without sessions that no longer speaks its revision has lost no state.
    if (upstream.config.onSessionLoss === 'error' && !lost.mirrors)
      throw new GatewayError('upstream_session_lost', 'configured not to be opened anew');
    if (lost.sessionId === undefined) this.#opener.forget(upstream);
    this.#links.delete(upstream);
    this.#opener.onLeft(lost);
    return await this.#open(upstream, 'healed', rawHeaders);
  }

  /** What the upstream says of itself by now; where it does not answer, what it said before. The link stays in use meanwhile. */
  async refresh(upstream: Upstream, link: Link, rawHeaders: RawHeaders): Promise<Link> {
    this.#links.set(upstream, link);
    return await this.#open(upstream, 'refreshed', rawHeaders).catch(() => link);
  }

  /** Every link in use or sealed in the token, for broadcasts and for the end of the session. */
  all(upstreams: readonly Upstream[]): Link[] {
    return upstreams.map((upstream) => this.peek(upstream)).filter((link) => link !== undefined);
  }

  /** Forgets what was opened here and gives it, so that it can be ended. */
  release(): Link[] {
    const links = [...this.#links.values()];
    this.#links.clear();
    for (const link of links) this.#opener.onLeft(link);
    return links;
  }

  #open(upstream: Upstream, reason: Reason, rawHeaders: RawHeaders): Promise<Link> {
    const underWay = this.#opening.get(upstream);
    if (underWay !== undefined) return underWay;
    const opening = this.#opener
      .open(upstream, this.#owner, reason, rawHeaders)
      .then((link) => {
        this.#links.set(upstream, link);
        this.onOpened(upstream);
        return link;
      })
      .finally(() => this.#opening.delete(upstream));
    this.#opening.set(upstream, opening);
    return opening;
  }
}

/** Opens sessions and keeps what each handshake teaches about an upstream. */
export class LinkOpener {
  readonly #adapter: UpstreamAdapter;
  readonly #deadlineMs: number;
  readonly #log: Log;
  readonly #now: () => number;
  /** Links of upstreams that keep no sessions, by revision: each serves every client. */
  readonly #sessionless = new Map<Upstream, Map<Revision, { readonly link: Link; readonly until: number }>>();
  /** Called when an upstream that was down answers again. */
  onReturn: (upstream: Upstream) => void = () => {};
  /** Called with a link that its owner uses no more. */
  onLeft: (link: Link) => void = () => {};

  constructor(adapter: UpstreamAdapter, deadlineMs: number, log: Log, now: () => number) {
    this.#adapter = adapter;
    this.#deadlineMs = deadlineMs;
    this.#log = log;
    this.#now = now;
  }

  sessionless(upstream: Upstream, revision: Revision): Link | undefined {
    const known = this.#sessionless.get(upstream)?.get(revision);
    return known !== undefined && known.until > this.#now() ? known.link : undefined;
  }

  /** It turned out to keep sessions after all. */
  forget(upstream: Upstream): void {
    this.#sessionless.delete(upstream);
  }

  /** Throws `upstream_*` faults. `probe` asks even during a blackout. */
  async open(
    upstream: Upstream,
    owner: Pick<LinkOwner, 'revision' | 'clientCapabilities' | 'shared'>,
    reason: Reason,
    rawHeaders: RawHeaders,
  ): Promise<Link> {
    if (reason !== 'probe' && upstream.blackoutUntil > this.#now())
      throw new GatewayError('upstream_unreachable', 'no answer a moment ago');
    try {
      const opened = await withDeadline(
        this.#adapter.open(
          upstream,
          {
            revision: owner.revision,
            capabilities: owner.clientCapabilities,
            forwarded: forwardedTo(upstream.config, rawHeaders),
          },
          this.#deadlineMs,
        ),
        this.#deadlineMs,
        // Nobody is left to end it later.
        (late) => void this.#adapter.end(linkOf(upstream, late, false)),
      );
      countUpstreamSession(upstream.config.id, reason, 'ok');
      const { stated, instructions } = opened;
      const link: Link = {
        ...linkOf(upstream, opened, owner.shared || opened.sessionId === undefined),
        ...(instructions !== undefined && { instructions }),
        ...(stated !== undefined && {
          stated: { statedUntil: statedUntil(stated, this.#now()), isPublic: stated.isPublic },
        }),
      };
      if (link.sessionId === undefined) this.#keepSessionless(upstream, owner.revision, link);
      upstream.capabilities = opened.capabilities;
      this.#returned(upstream);
      return link;
    } catch (fault) {
      const code = fault instanceof GatewayError ? fault.code : 'internal';
      countUpstreamSession(upstream.config.id, reason, code);
      if (code === 'upstream_timeout') upstream.blackoutUntil = this.#now() + blackoutMs;
      // A refusal says something of the request, and nothing of other clients' requests; nonsense is the upstream's own.
      if (!refusals.has(code)) this.#lost(upstream, fault);
      throw fault;
    }
  }

  #keepSessionless(upstream: Upstream, revision: Revision, link: Link): void {
    // What one caller's headers made an upstream say of itself is not for others (security.md T7).
    if (upstream.config.forwardHeaders.length > 0) return;
    const byRevision = this.#sessionless.get(upstream) ?? new Map();
    byRevision.set(revision, { link, until: this.#now() + sessionlessMs });
    this.#sessionless.set(upstream, byRevision);
  }

  #lost(upstream: Upstream, fault: unknown): void {
    upstreamUp.set({ upstream: upstream.config.id }, 0);
    this.#sessionless.delete(upstream);
    if (upstream.down) return;
    upstream.down = true;
    this.#log.warn({ upstream: upstream.config.id, fault: String(fault) }, 'upstream is down');
  }

  #returned(upstream: Upstream): void {
    upstreamUp.set({ upstream: upstream.config.id }, 1);
    upstream.blackoutUntil = 0;
    if (!upstream.down) return;
    upstream.down = false;
    upstream.mayStreamAgain();
    this.#log.info({ upstream: upstream.config.id }, 'upstream is back');
    this.onReturn(upstream);
  }
}
