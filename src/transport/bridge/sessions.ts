/**
 * The sessions of one bridge: finds a session by its id, and ends sessions that are idle or whose seat is needed.
 */
import type { ServerResponse } from 'node:http';
import { errorBody, GatewayError } from '../../errors.ts';
import type { Message } from '../../protocol/envelope.ts';
import { respondFault, respondJson, respondWorded } from '../http/respond.ts';
import { Wheel } from '../http/wheel.ts';
import { BridgedUpstream, type BridgedSpec } from './bridged-upstream.ts';
import { readOffer, type Greeting, type Offer } from './greetings.ts';
import type { BridgeLimits } from './limits.ts';
import { Seats } from './seats.ts';
import type { BridgeLog } from './running-server.ts';
import { BridgeSession, type ServersOfSession } from './session.ts';

const sweepMaxMs = 30_000;
const sweepMinMs = 50;
/** Seconds after which a client may try again while a server is starting. */
const retryAfterSeconds = 1;

/** The caller for whom the gateway opens a session. */
export interface BridgeCaller {
  /** Sessions with the same principal may share a server, where the upstream is `shared`. */
  readonly principal: string;
  /** No other client will use this session. */
  readonly isOneClients: boolean;
}

export class BridgeSessions {
  readonly #log: BridgeLog;
  readonly #limits: BridgeLimits;
  readonly #wheel = new Wheel();
  readonly #seats: Seats;
  readonly #onDropped: (upstream: string, method: string) => void;
  readonly #upstreams: BridgedUpstream[] = [];
  /** Keyed by session id; only sessions that are still usable. */
  readonly #sessions = new Map<string, { readonly session: BridgeSession; readonly upstream: BridgedUpstream }>();
  readonly #sweep: NodeJS.Timeout;

  constructor(log: BridgeLog, limits: BridgeLimits, onDropped: (upstream: string, method: string) => void) {
    this.#log = log;
    this.#limits = limits;
    this.#onDropped = onDropped;
    this.#seats = new Seats(limits.maxProcesses, () => this.#evict());
    const everyMs = Math.max(
      sweepMinMs,
      Math.min(sweepMaxMs, limits.idleMs / 4, limits.goneMs / 4, limits.spareIdleMs / 4),
    );
    this.#sweep = setInterval(() => this.#endIdle(), everyMs).unref();
  }

  add(spec: BridgedSpec): BridgedUpstream {
    const { upstream, ...deps } = {
      upstream: spec,
      log: this.#log,
      limits: this.#limits,
      seats: this.#seats,
      onDropped: this.#onDropped,
    };
    const added = new BridgedUpstream(upstream, deps);
    this.#upstreams.push(added);
    return added;
  }

  /** Ends all sessions and servers of an upstream. Never rejects. */
  async remove(upstream: BridgedUpstream): Promise<void> {
    const at = this.#upstreams.indexOf(upstream);
    if (at !== -1) this.#upstreams.splice(at, 1);
    const own = [...this.#sessions.values()].filter((each) => each.upstream === upstream);
    await Promise.allSettled(own.map(({ session }) => session.end('no longer configured')));
    await Promise.allSettled([upstream.close()]);
  }

  /**
   * Answers `initialize` and opens a session. While the server is starting, the answer is HTTP 503 with `Retry-After` and a
   * JSON-RPC error with `starting` in its data. Every other fault is a JSON-RPC error.
   */
  async open(
    upstream: BridgedUpstream,
    initialize: Message,
    { principal, isOneClients }: BridgeCaller,
    response: ServerResponse,
  ): Promise<void> {
    const offer = readOffer(initialize);
    try {
      const { greeting, isLikely } = upstream.shared
        ? { greeting: await upstream.greetTogether(offer, principal), isLikely: false }
        : await upstream.greet(offer);
      if (response.closed) return;
      const session = this.#begin(upstream, offer, { principal, isOneClients }, greeting, isLikely);
      const body = `{"jsonrpc":"2.0","id":${initialize.id ?? 'null'},"result":${greeting.result}}`;
      respondJson(response, body, session.id);
    } catch (fault) {
      const code = fault instanceof GatewayError ? fault.code : 'internal';
      if (code === 'upstream_starting') {
        response.setHeader('Retry-After', String(retryAfterSeconds));
        respondWorded(response, { body: errorBody(fault, initialize.id), status: 503 }, code);
        return;
      }
      if (fault instanceof GatewayError)
        this.#log.warn({ upstream: upstream.name, fault: fault.message }, 'session refused');
      respondFault(response, fault, initialize.id);
    }
  }

  /**
   * Finds the session and keeps it in use until the response ends. Throws `session_unreadable` if the session is unknown or has
   * ended.
   */
  known(upstream: BridgedUpstream, id: string, response: ServerResponse): BridgeSession {
    const known = this.#sessions.get(id);
    if (known?.upstream !== upstream) throw new GatewayError('session_unreadable', 'not a session of this bridge');
    use(known.session, response);
    return known.session;
  }

  /** Prevents further starts, ends all servers and waits until they have ended. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closing = this.#seats.close();
    await Promise.all([...this.#sessions.values()].map(({ session }) => session.end('the gateway is closing')));
    await Promise.all(this.#upstreams.map((upstream) => upstream.close()));
    await closing;
  }

  #begin(
    upstream: BridgedUpstream,
    offer: Offer,
    { principal, isOneClients }: BridgeCaller,
    greeting: Greeting,
    isLikely: boolean,
  ): BridgeSession {
    if (this.#sessions.size >= this.#limits.maxSessions) this.#endOldest();
    const isShared = upstream.shared;
    const servers: ServersOfSession = {
      isShared,
      own: (heir) => upstream.own(offer, heir),
      release: (own) => upstream.release(own),
      together: () => (isShared ? upstream.together(offer, principal) : upstream.lister(offer)),
    };
    const session = new BridgeSession({
      upstream: upstream.name,
      log: this.#log,
      tolerated: upstream.tolerated,
      limits: this.#limits,
      wheel: this.#wheel,
      servers,
      greeting,
      isLikely,
      isOneClients,
      onDropped: (method) => this.#onDropped(upstream.name, method),
      onOver: (ended) => this.#sessions.delete(ended.id),
    });
    this.#sessions.set(session.id, { session, upstream });
    return session;
  }

  /** Frees the seat that was idle for longest: that of a spare server, else that of an idle session. */
  #evict(): boolean {
    const spared = this.#upstreams
      .map((upstream) => ({ upstream, sinceMs: upstream.spareSince() }))
      .filter((each): each is { upstream: BridgedUpstream; sinceMs: number } => each.sinceMs !== undefined)
      .sort((one, other) => one.sinceMs - other.sinceMs)[0];
    if (spared !== undefined) {
      spared.upstream.endSpare();
      return true;
    }
    const idle = this.#idlest((session) => session.hasServer && !session.isStarting);
    void idle?.end('making room for another');
    return idle !== undefined;
  }

  #endOldest(): void {
    const idle = this.#idlest((session) => !session.hasServer) ?? this.#idlest((session) => !session.isStarting);
    if (idle === undefined) throw new GatewayError('upstream_refused', 'every session is in use');
    void idle.end('making room for another');
  }

  #idlest(isMeant: (session: BridgeSession) => boolean): BridgeSession | undefined {
    let idlest: BridgeSession | undefined;
    for (const { session } of this.#sessions.values()) {
      if (session.exchanges > 0 || !isMeant(session)) continue;
      if (idlest === undefined || session.lastUsedMs < idlest.lastUsedMs) idlest = session;
    }
    return idlest;
  }

  #endIdle(): void {
    const now = performance.now();
    const { idleMs, goneMs, spareIdleMs } = this.#limits;
    for (const { session, upstream } of this.#sessions.values()) {
      const isGone = session.hasServer && session.hasLeftStream;
      if (session.exchanges > 0 || now - session.lastUsedMs < (isGone ? Math.min(goneMs, idleMs) : idleMs)) continue;
      this.#log.info({ upstream: upstream.name }, 'idle session ended');
      void session.end('idle');
    }
    for (const upstream of this.#upstreams) upstream.endIdle(now - spareIdleMs);
  }
}

function use(session: BridgeSession, response: ServerResponse): void {
  session.exchanges += 1;
  response.once('close', () => {
    session.exchanges -= 1;
    session.lastUsedMs = performance.now();
  });
}
