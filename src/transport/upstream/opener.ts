/**
 * Opens sessions at upstreams and keeps what each handshake shows: whether the upstream is up, its capabilities, and the one
 * session object that serves all clients of an upstream without sessions.
 */
import { statedUntil } from '../../aggregate/hints.ts';
import { GatewayError, type ErrorCode } from '../../errors.ts';
import { newestLegacy, type Revision } from '../../protocol/revisions.ts';
import type { Log } from '../../telemetry/log.ts';
import { countUpstreamSession, upstreamUp } from '../../telemetry/metrics.ts';
import { nobody, type Caller } from '../http/caller.ts';
import { withDeadline } from '../http/deadline.ts';
import { blackoutMs, startingPollMs } from '../http/limits.ts';
import type { ClientWords, UpstreamAdapter } from './adapter.ts';
import { UpstreamSession } from './session.ts';
import { mayPool, tellsOfHealth } from './sharing.ts';
import type { Upstream } from './upstream.ts';

/** How long an upstream counts as one without sessions after a handshake without a session id, in ms. */
const sessionlessMs = 300_000;

/** An upstream that gives such an answer is available. */
const refusals: ReadonlySet<string> = new Set<ErrorCode>([
  'upstream_refused',
  'upstream_busy',
  'upstream_unauthorized',
  'consent_required',
  'upstream_headers_refused',
  'upstream_revision_refused',
  'upstream_verb_refused',
]);

/** The gateway's own limits refused the request, so the upstream did not get it. */
const unasked: ReadonlySet<string> = new Set<ErrorCode>(['upstream_open', 'upstream_queue_full']);

/** For whom a session is opened. */
export interface SessionOwner {
  readonly revision: Revision;
  /** Bits (protocol/capabilities.ts). */
  readonly clientCapabilities: number;
  readonly words?: ClientWords | undefined;
  /** The owner stands for several clients: a principal without sessions. */
  readonly isShared: boolean;
  /** See `Caller`. */
  readonly principalId: string;
}

export type OpeningReason = 'initialize' | 'late' | 'healed' | 'refreshed' | 'probe';

/** The owner of a probe, which serves no client. */
export const watcher: SessionOwner = {
  revision: newestLegacy,
  clientCapabilities: 0,
  isShared: false,
  principalId: '',
};

export interface OpenerParts {
  readonly adapter: UpstreamAdapter;
  readonly deadlineMs: number;
  readonly log: Log;
  /** In ms. */
  readonly now: () => number;
  /** Called when an upstream that was down answers again. */
  readonly onReturn: (upstream: Upstream) => void;
  /** Called with a session that its owner no longer uses. */
  readonly onLeft: (session: UpstreamSession) => void;
}

export class SessionOpener {
  readonly #parts: OpenerParts;
  /** Sessions of upstreams that keep none, by revision and principal: each serves every such client. */
  readonly #sessionless = new Map<
    Upstream,
    Map<string, { readonly session: UpstreamSession; readonly until: number }>
  >();

  readonly #starting = new Set<Upstream>();

  constructor(parts: OpenerParts) {
    this.#parts = parts;
  }

  sessionless(upstream: Upstream, { revision, principalId }: SessionOwner): UpstreamSession | undefined {
    const known = this.#sessionless.get(upstream)?.get(revision + principalId);
    return known !== undefined && known.until > this.#parts.now() ? known.session : undefined;
  }

  /** The upstream has sessions after all. */
  forget(upstream: Upstream): void {
    this.#sessionless.delete(upstream);
  }

  left(session: UpstreamSession): void {
    this.#parts.onLeft(session);
  }

  /** Throws `upstream_*` faults. `probe` asks even during a blackout. */
  async open(upstream: Upstream, owner: SessionOwner, reason: OpeningReason, caller: Caller): Promise<UpstreamSession> {
    const { adapter, deadlineMs, now } = this.#parts;
    if (reason !== 'probe' && upstream.blackoutUntil > now())
      throw new GatewayError('upstream_unreachable', 'no answer a moment ago');
    try {
      const { revision, clientCapabilities: capabilities, words, isShared } = owner;
      const opened = await withDeadline(
        adapter.open(upstream, { revision, capabilities, words, caller, isShared }, deadlineMs),
        deadlineMs,
        // Nobody else would end it later.
        (late) => void adapter.end({ session: new UpstreamSession(upstream, late, false), caller: nobody }),
      );
      countUpstreamSession(upstream.config.id, reason, 'ok');
      const { stated } = opened;
      const session = new UpstreamSession(
        upstream,
        opened,
        owner.isShared || opened.sessionId === undefined,
        stated === undefined ? undefined : { statedUntil: statedUntil(stated, now()), isPublic: stated.isPublic },
      );
      if (!session.keepsSession) this.#keepSessionless(owner, session);
      upstream.capabilities = opened.capabilities;
      upstream.serverInfo = opened.serverInfo;
      upstream.contact.opened(opened.revision);
      this.#returned(upstream);
      return session;
    } catch (fault) {
      const code = fault instanceof GatewayError ? fault.code : 'internal';
      countUpstreamSession(upstream.config.id, reason, code);
      upstream.contact.failed(code);
      // It is there and says so: nothing is held against it, and it is asked again soon.
      if (code === 'upstream_starting') {
        this.#awaitStart(upstream);
        throw fault;
      }
      if (unasked.has(code) || !tellsOfHealth(upstream.config, caller === nobody)) throw fault;
      if (code === 'upstream_timeout') upstream.blackoutUntil = now() + blackoutMs;
      // A refusal concerns the request, not other clients' requests; an invalid answer is a fault of the upstream.
      if (!refusals.has(code)) this.#lost(upstream, fault);
      throw fault;
    }
  }

  /** Asks a starting server repeatedly; its start is reported like the return of one that was down. */
  #awaitStart(upstream: Upstream): void {
    if (this.#starting.has(upstream)) return;
    this.#starting.add(upstream);
    const ask = async (): Promise<void> => {
      try {
        const session = await this.open(upstream, watcher, 'probe', nobody);
        this.#starting.delete(upstream);
        void this.#parts.adapter.end({ session, caller: nobody });
        this.#parts.onReturn(upstream);
      } catch (fault) {
        const isStarting = fault instanceof GatewayError && fault.code === 'upstream_starting';
        if (isStarting && !upstream.isClosed) setTimeout(() => void ask(), startingPollMs).unref();
        else this.#starting.delete(upstream);
      }
    };
    setTimeout(() => void ask(), startingPollMs).unref();
  }

  #keepSessionless({ revision, principalId }: SessionOwner, session: UpstreamSession): void {
    const { upstream } = session;
    if (!mayPool(upstream.config)) return;
    const known = this.#sessionless.get(upstream) ?? new Map();
    known.set(revision + principalId, { session, until: this.#parts.now() + sessionlessMs });
    this.#sessionless.set(upstream, known);
  }

  #lost(upstream: Upstream, fault: unknown): void {
    upstreamUp.set({ upstream: upstream.config.id }, 0);
    this.#sessionless.delete(upstream);
    if (upstream.down) return;
    upstream.down = true;
    this.#parts.log.warn({ upstream: upstream.config.id, fault: String(fault) }, 'upstream is down');
  }

  #returned(upstream: Upstream): void {
    upstreamUp.set({ upstream: upstream.config.id }, 1);
    upstream.blackoutUntil = 0;
    if (!upstream.down) return;
    upstream.down = false;
    upstream.mayStreamAgain();
    this.#parts.log.info({ upstream: upstream.config.id }, 'upstream is back');
    this.#parts.onReturn(upstream);
  }
}
