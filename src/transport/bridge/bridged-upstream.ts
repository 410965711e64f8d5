/**
 * One stdio or SSE upstream of the bridge: its answers to `initialize`, its spare servers, and the result of its first start. A
 * start belongs to the upstream, not to the request that caused it.
 */
import { GatewayError } from '../../errors.ts';
import { Tolerated } from '../../telemetry/tolerated.ts';
import { newestLegacy } from '../../protocol/revisions.ts';
import { Commons } from './commons.ts';
import { Greetings, type Greeting, type Offer } from './greetings.ts';
import type { BridgeLimits } from './limits.ts';
import type { Seat, Seats } from './seats.ts';
import type { BridgeLog, RunningServer, ServerOwner } from './running-server.ts';
import { SpawnDamping } from './spawn-damping.ts';
import type { ServerUser, StartedServer } from './started-server.ts';

export interface BridgedSpec {
  readonly name: string;
  readonly open: (owner: ServerOwner) => RunningServer;
  readonly startTimeoutMs: number;
  /** One server for all sessions of a principal. */
  readonly shared: boolean;
}

export interface UpstreamDeps {
  readonly log: BridgeLog;
  readonly limits: BridgeLimits;
  readonly seats: Seats;
  readonly onDropped: (upstream: string, method: string) => void;
}

/** The startup state, as printed for the person who started the gateway. */
export interface BridgedState {
  readonly phase: 'idle' | 'starting' | 'ready' | 'failed';
  /** While starting: ms since the start. When ready: how long the start took, in ms. */
  readonly ms: number;
  /** The last entry that its server wrote to stderr. */
  readonly said: string | undefined;
}

/** A spare server, kept ready for the next session. */
interface Kept {
  readonly offer: Offer;
  readonly commons: Promise<Commons>;
  started: Commons | undefined;
  usedMs: number;
}

export class BridgedUpstream {
  readonly name: string;
  readonly shared: boolean;
  /** Deviations of its servers from the specification. */
  readonly tolerated: Tolerated;
  readonly #spec: BridgedSpec;
  readonly #deps: UpstreamDeps;
  readonly #damping: SpawnDamping;
  readonly #greetings: Greetings;
  /** Spare servers, keyed by the params of the offer; those of a shared upstream are keyed by principal. */
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Map<StartedServer, Seat>();
  #failed: string | undefined;
  #readyMs: number | undefined;

  constructor(spec: BridgedSpec, deps: UpstreamDeps) {
    this.name = spec.name;
    this.shared = spec.shared;
    this.tolerated = new Tolerated(spec.name, deps.log);
    this.#spec = spec;
    this.#deps = deps;
    this.#damping = new SpawnDamping(deps.limits);
    this.#greetings = new Greetings(deps.limits);
  }

  /**
   * What a server answers to the offer. `isLikely`: no server has been asked yet, so the answer is a prediction. Throws
   * `upstream_starting` when the answer is not known in time, and an `upstream_*` fault when the start failed.
   */
  async greet(offer: Offer): Promise<{ readonly greeting: Greeting; readonly isLikely: boolean }> {
    const exact = this.#greetings.exact(offer);
    const likely = exact ?? this.#greetings.likely(offer);
    if (likely !== undefined) {
      // The client usually asks for lists next. The answer is sent first.
      setTimeout(() => void this.#keep(offer.params, offer), this.#deps.limits.warmAfterMs).unref();
      return { greeting: likely, isLikely: exact === undefined };
    }
    const kept = this.#keep(offer.params, offer);
    const greeting = await this.#inTime(kept.commons.then(({ server }) => server.greeted));
    return { greeting, isLikely: false };
  }

  /** The greeting of the server that all sessions of a principal share. Throws the same faults as `greet`. */
  async greetTogether(offer: Offer, principal: string): Promise<Greeting> {
    const { commons } = this.#keep(principal, together(offer));
    return await this.#inTime(commons.then(({ server }) => server.greeted));
  }

  /** A ready server that answers lists for sessions without a server of their own. Throws `upstream_*` faults. */
  async lister(offer: Offer): Promise<Commons> {
    return await ready(this.#keep(offer.params, offer));
  }

  /** The ready server that all sessions of a principal share. Throws `upstream_*` faults. */
  async together(offer: Offer, principal: string): Promise<Commons> {
    return await ready(this.#keep(principal, together(offer)));
  }

  /** A server for one session alone: the spare one or a new one, possibly still starting. Throws `upstream_*` faults. */
  async own(offer: Offer, heir: ServerUser): Promise<Commons> {
    const kept = this.#kept.get(offer.params);
    if (kept !== undefined && kept.started?.hasAsked !== true) {
      // Removed in the same turn of the event loop, so that no other session takes it.
      this.#kept.delete(offer.params);
      const commons = kept.started ?? (await kept.commons);
      if (!commons.server.over && !commons.hasAsked) {
        inherit(commons, heir);
        // Another spare is started once this one has shown that it can start.
        commons.server.greeted.then(
          () => this.#refill(offer),
          () => {},
        );
        return commons;
      }
      if (!commons.server.over && !this.#kept.has(offer.params)) this.#kept.set(offer.params, kept);
    }
    const commons = await this.#start(offer);
    inherit(commons, heir);
    return commons;
  }

  /**
   * A session no longer needs its server. A server that is still starting is allowed to finish, because a new start would cost as
   * much again.
   */
  async release(commons: Commons): Promise<void> {
    const { server } = commons;
    if (server.over || server.greeting !== undefined) {
      await server.end();
      return;
    }
    commons.heir = undefined;
    const { params } = server.offer;
    if (!this.#kept.has(params)) this.#add(params, server.offer, Promise.resolve(commons));
    else
      server.greeted.then(
        () => void server.end(),
        () => {},
      );
  }

  get state(): BridgedState {
    const starting = [...this.#running.keys()].find(({ greeting, over }) => greeting === undefined && !over);
    const said = starting?.lastSaid ?? this.#failed;
    if (this.#readyMs !== undefined) return { phase: 'ready', ms: this.#readyMs, said: undefined };
    if (starting !== undefined) return { phase: 'starting', ms: performance.now() - starting.startedMs, said };
    return { phase: this.#failed === undefined ? 'idle' : 'failed', ms: 0, said };
  }

  /** Since when the least needed server has been idle, in ms of `performance.now()`; undefined when there is none. */
  spareSince(): number | undefined {
    return this.#idlest()?.usedMs;
  }

  endSpare(): void {
    void this.#idlest()?.started?.server.end();
  }

  /** Ends the servers that have not been used since `sinceMs`. */
  endIdle(sinceMs: number): void {
    for (const kept of this.#kept.values())
      if (this.#isIdle(kept) && kept.usedMs < sinceMs) void kept.started?.server.end();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((server) => server.end()));
  }

  #keep(key: string, offer: Offer): Kept {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      known.usedMs = performance.now();
      return known;
    }
    return this.#add(key, offer, this.#start(offer));
  }

  #add(key: string, offer: Offer, commons: Promise<Commons>): Kept {
    const kept: Kept = { offer, commons, started: undefined, usedMs: performance.now() };
    this.#kept.set(key, kept);
    commons.then(
      (started) => {
        kept.started = started;
      },
      () => {
        if (this.#kept.get(key) === kept) this.#kept.delete(key);
      },
    );
    if (this.#kept.size > this.#deps.limits.maxSpares && !this.shared) this.endSpare();
    return kept;
  }

  /** Takes a seat only if one is free. A spare server never takes a seat that a session needs. */
  #refill(offer: Offer): void {
    if (this.#kept.has(offer.params)) return;
    try {
      const seat = this.#damping.waitMs(performance.now()) > 0 ? undefined : this.#deps.seats.tryTake();
      if (seat !== undefined) this.#add(offer.params, offer, Promise.resolve(this.#open(offer, seat)));
    } catch {
      // The bridge is closing.
    }
  }

  async #start(offer: Offer): Promise<Commons> {
    const waitMs = this.#damping.waitMs(performance.now());
    if (waitMs > 0)
      throw new GatewayError('upstream_unreachable', `crashed repeatedly, next start in ${Math.ceil(waitMs)} ms`);
    return this.#open(offer, await this.#deps.seats.take());
  }

  #open(offer: Offer, seat: Seat): Commons {
    const { log, limits, onDropped } = this.#deps;
    const commons = new Commons(this.#spec.open, offer, {
      log,
      limits,
      tolerated: this.tolerated,
      startTimeoutMs: this.#spec.startTimeoutMs,
      onOver: (server, byItself) => this.#over(server, byItself),
      onDropped: (method) => onDropped(this.name, method),
    });
    const { server } = commons;
    this.#running.set(server, seat);
    server.greeted.then(
      (greeting) => {
        this.#greetings.add(offer, greeting);
        this.#readyMs ??= Math.round(performance.now() - server.startedMs);
      },
      () => {},
    );
    return commons;
  }

  #over(server: StartedServer, byItself: boolean): void {
    const now = performance.now();
    if (byItself) this.#damping.exited(now - server.startedMs, now);
    else if (server.greeting !== undefined) this.#damping.healthy();
    if (byItself && server.greeting === undefined) {
      // The server fails to start. Its remembered greetings are no longer valid, and the next client tries again.
      this.#greetings.forget();
      this.#readyMs = undefined;
      this.#failed = server.lastSaid ?? '';
    }
    for (const [key, kept] of this.#kept) if (kept.started?.server === server) this.#kept.delete(key);
    this.#running.get(server)?.leave(server.end().finally(() => this.#running.delete(server)));
  }

  /**
   * The spare server that has been unused for longest, if it is idle now. Never a server that is starting: it may be installing a
   * package.
   */
  #idlest(): Kept | undefined {
    return [...this.#kept.values()]
      .filter((kept) => this.#isIdle(kept))
      .sort((one, other) => one.usedMs - other.usedMs)[0];
  }

  #isIdle({ started }: Kept): boolean {
    if (started === undefined || started.busy || started.server.over) return false;
    return started.server.greeting !== undefined && !(this.shared && started.guests.size > 0);
  }

  async #inTime(greeted: Promise<Greeting>): Promise<Greeting> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.#starting()), this.#deps.limits.startPatienceMs);
    });
    try {
      return await Promise.race([greeted, patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  #starting(): GatewayError {
    const seconds = Math.round(this.state.ms / 1_000);
    return new GatewayError('upstream_starting', `for ${seconds} s`, { data: { starting: true, seconds } });
  }
}

async function ready({ commons }: Kept): Promise<Commons> {
  const started = await commons;
  await started.server.greeted;
  return started;
}

function inherit(commons: Commons, heir: ServerUser): void {
  commons.guests.clear();
  commons.heir = heir;
}

/** The offer for a shared server: the newest revision with sessions, and no client capabilities. */
function together({ clientInfo }: Offer): Offer {
  const info = clientInfo ?? '{"name":"manifold","version":"1"}';
  const params = `{"protocolVersion":"${newestLegacy}","capabilities":{},"clientInfo":${info}}`;
  return { revision: newestLegacy, params, clientInfo: info };
}
