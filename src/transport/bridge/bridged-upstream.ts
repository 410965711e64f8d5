/**
 * One stdio or SSE upstream of the bridge: what it answers to `initialize`, the servers that are kept ready, and what its first
 * start has come to. A start belongs to the upstream, never to the request that wanted it.
 */
import { GatewayError } from '../../errors.ts';
import { Tolerated } from '../../telemetry/tolerated.ts';
import { newestLegacy } from '../../protocol/revisions.ts';
import { Commons } from './commons.ts';
import { Greetings, type Greeting, type Offer } from './greetings.ts';
import type { BridgeLimits } from './limits.ts';
import type { Seat, Places } from './places.ts';
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
  readonly places: Places;
  readonly onDropped: (upstream: string, method: string) => void;
}

/** How far it has come, for the person who started the gateway. */
export interface UpstreamState {
  readonly phase: 'idle' | 'starting' | 'ready' | 'failed';
  /** Since the start, while starting; how long it took, once ready. */
  readonly ms: number;
  /** The last that its server wrote to stderr. */
  readonly said: string | undefined;
}

/** A server that is kept ready. */
interface Kept {
  readonly offer: Offer;
  readonly commons: Promise<Commons>;
  started: Commons | undefined;
  usedMs: number;
}

export class BridgedUpstream {
  readonly name: string;
  readonly shared: boolean;
  /** What its servers do beside the specification. */
  readonly tolerated: Tolerated;
  readonly #spec: BridgedSpec;
  readonly #deps: UpstreamDeps;
  readonly #damping: SpawnDamping;
  readonly #greetings: Greetings;
  /** By the offer's params; of a shared upstream, by its principal. */
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
   * What a server answers to the offer; `isLikely` when no server has been asked yet. Throws `upstream_starting` when it is
   * not known in time, and `upstream_*` faults of a start that failed.
   */
  async greet(offer: Offer): Promise<{ readonly greeting: Greeting; readonly isLikely: boolean }> {
    const exact = this.#greetings.exact(offer);
    const likely = exact ?? this.#greetings.likely(offer);
    if (likely !== undefined) {
      // Its lists are asked for next, most often; but the answer goes first.
      setTimeout(() => void this.#keep(offer.params, offer), this.#deps.limits.warmAfterMs).unref();
      return { greeting: likely, isLikely: exact === undefined };
    }
    const kept = this.#keep(offer.params, offer);
    const greeting = await this.#inTime(kept.commons.then(({ server }) => server.greeted));
    return { greeting, isLikely: false };
  }

  /** The greeting of the server that all sessions of a principal share. Throws as `greet`. */
  async greetTogether(offer: Offer, principal: string): Promise<Greeting> {
    const { commons } = this.#keep(principal, together(offer));
    return await this.#inTime(commons.then(({ server }) => server.greeted));
  }

  /** The server that answers lists for sessions that have none of their own, ready. Throws `upstream_*` faults. */
  async lister(offer: Offer): Promise<Commons> {
    return await ready(this.#keep(offer.params, offer));
  }

  /** The server that all sessions of a principal share, ready. Throws `upstream_*` faults. */
  async together(offer: Offer, principal: string): Promise<Commons> {
    return await ready(this.#keep(principal, together(offer)));
  }

  /** A server for one session alone, maybe still starting: the one that is kept ready, or a new one. Throws `upstream_*` faults. */
  async own(offer: Offer, heir: ServerUser): Promise<Commons> {
    const kept = this.#kept.get(offer.params);
    if (kept !== undefined && kept.started?.hasAsked !== true) {
      // In this turn, so that nobody else takes it.
      this.#kept.delete(offer.params);
      const commons = kept.started ?? (await kept.commons);
      if (!commons.server.over && !commons.hasAsked) {
        inherit(commons, heir);
        // Another is made ready, once this one has shown that it starts.
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

  /** A session has no more use for its server. One that is starting is let finish: to begin again would cost as much again. */
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

  get state(): UpstreamState {
    const starting = [...this.#running.keys()].find(({ greeting, over }) => greeting === undefined && !over);
    const said = starting?.lastSaid ?? this.#failed;
    if (this.#readyMs !== undefined) return { phase: 'ready', ms: this.#readyMs, said: undefined };
    if (starting !== undefined) return { phase: 'starting', ms: performance.now() - starting.startedMs, said };
    return { phase: this.#failed === undefined ? 'idle' : 'failed', ms: 0, said };
  }

  /** Since when the server that can be spared best has been idle, in ms of `performance.now()`; undefined without one. */
  spareSince(): number | undefined {
    return this.#idlest()?.usedMs;
  }

  endSpare(): void {
    void this.#idlest()?.started?.server.end();
  }

  /** Ends the servers that nobody has asked for since then. */
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

  /** Takes a place only where one is free: what may be needed gives way to what is. */
  #refill(offer: Offer): void {
    if (this.#kept.has(offer.params)) return;
    try {
      const place = this.#damping.waitMs(performance.now()) > 0 ? undefined : this.#deps.places.tryTake();
      if (place !== undefined) this.#add(offer.params, offer, Promise.resolve(this.#open(offer, place)));
    } catch {
      // Closing.
    }
  }

  async #start(offer: Offer): Promise<Commons> {
    const waitMs = this.#damping.waitMs(performance.now());
    if (waitMs > 0)
      throw new GatewayError('upstream_unreachable', `crashed repeatedly, next start in ${Math.ceil(waitMs)} ms`);
    return this.#open(offer, await this.#deps.places.take());
  }

  #open(offer: Offer, place: Seat): Commons {
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
    this.#running.set(server, place);
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
      // It does not start: nothing that it once said of itself counts, and the next client finds out again.
      this.#greetings.forget();
      this.#readyMs = undefined;
      this.#failed = server.lastSaid ?? '';
    }
    for (const [key, kept] of this.#kept) if (kept.started?.server === server) this.#kept.delete(key);
    this.#running.get(server)?.leave(server.end().finally(() => this.#running.delete(server)));
  }

  /** Of those kept ready the one unused for longest, if it does nothing now. Never one that is starting: an install may be under way. */
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

/** The newest revision with sessions, and no capability of a client. */
function together({ clientInfo }: Offer): Offer {
  const info = clientInfo ?? '{"name":"manifold","version":"1"}';
  const params = `{"protocolVersion":"${newestLegacy}","capabilities":{},"clientInfo":${info}}`;
  return { revision: newestLegacy, params, clientInfo: info };
}
