/**
 * The sessions of one bridge: which may start, which is found by its id, which must go because nobody uses it or because
 * another needs its place.
 */
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../../errors.ts';
import type { Message } from '../../protocol/envelope.ts';
import { respondFault } from '../http/respond.ts';
import { Wheel } from '../http/wheel.ts';
import type { BridgeLimits } from './limits.ts';
import { BridgeSession } from './session.ts';
import type { BridgeLog, Peer, PeerOwner } from './running-server.ts';
import type { SpawnDamping } from './spawn-damping.ts';

const sweepMaxMs = 30_000;
const sweepMinMs = 50;

export interface BridgedUpstream {
  readonly name: string;
  /** By session id; only those that can still be used. */
  readonly sessions: Map<string, BridgeSession>;
  readonly damping: SpawnDamping;
  readonly open: (owner: PeerOwner) => Peer;
}

interface Running {
  readonly upstream: BridgedUpstream;
  readonly startedMs: number;
  /** Once the session is over: resolves when its server is gone. */
  gone: Promise<void> | undefined;
}

export class BridgeSessions {
  readonly #log: BridgeLog;
  readonly #limits: BridgeLimits;
  readonly #wheel = new Wheel();
  /** Every session whose server is not gone yet. */
  readonly #running = new Map<BridgeSession, Running>();
  readonly #sweep: NodeJS.Timeout;
  #closing = false;

  constructor(log: BridgeLog, limits: BridgeLimits) {
    this.#log = log;
    this.#limits = limits;
    const everyMs = Math.max(sweepMinMs, Math.min(sweepMaxMs, limits.idleMs / 4));
    this.#sweep = setInterval(() => this.#endIdle(), everyMs).unref();
  }

  /** Starts a server for `initialize`. Every fault is a JSON-RPC answer, since the request was understood. */
  async open(upstream: BridgedUpstream, initialize: Message, response: ServerResponse): Promise<void> {
    try {
      const waitMs = upstream.damping.waitMs(performance.now());
      if (waitMs > 0) {
        throw new GatewayError('upstream_unreachable', `crashed repeatedly, next start in ${Math.ceil(waitMs)} ms`);
      }
      await this.#admit();
      if (response.closed) return;
      const session = new BridgeSession(upstream.open, {
        log: this.#log,
        limits: this.#limits,
        wheel: this.#wheel,
        onOver: (ended, byItself) => this.#over(ended, byItself),
      });
      this.#running.set(session, { upstream, startedMs: performance.now(), gone: undefined });
      upstream.sessions.set(session.id, session);
      use(session, response);
      session.call(initialize, response);
    } catch (fault) {
      if (fault instanceof GatewayError) {
        this.#log.warn({ upstream: upstream.name, fault: fault.message }, 'session refused');
      }
      respondFault(response, fault, initialize.id);
    }
  }

  /** The session, in use until the response ends. Throws `session_unreadable` for one that is unknown or over. */
  known(upstream: BridgedUpstream, id: string, response: ServerResponse): BridgeSession {
    const session = upstream.sessions.get(id);
    if (session === undefined) throw new GatewayError('session_unreadable', 'not a session of this bridge');
    use(session, response);
    return session;
  }

  /** Lets no further session start, ends all and waits until nothing of their servers is left. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweep);
    await Promise.all([...this.#running.keys()].map((session) => session.end('the gateway is closing')));
  }

  /** Waits for a place; the session that was idle longest makes room. Throws `upstream_refused` when all are in use. */
  async #admit(): Promise<void> {
    for (;;) {
      if (this.#closing) throw new GatewayError('upstream_refused', 'closing');
      if (this.#running.size < this.#limits.maxProcesses) return;
      const leaving = [...this.#running.values()].map(({ gone }) => gone).filter((gone) => gone !== undefined);
      if (leaving.length === 0) {
        const idle = [...this.#running.keys()]
          .filter((session) => session.exchanges === 0)
          .sort((a, b) => a.lastUsedMs - b.lastUsedMs)[0];
        if (idle === undefined) throw new GatewayError('upstream_refused', 'every server process is in use');
        leaving.push(idle.end('making room for another'));
      }
      await Promise.race(leaving);
    }
  }

  #over(session: BridgeSession, byItself: boolean): void {
    const running = this.#running.get(session)!;
    const { upstream, startedMs } = running;
    const now = performance.now();
    upstream.sessions.delete(session.id);
    if (byItself) upstream.damping.exited(now - startedMs, now);
    else if (session.initialized) upstream.damping.healthy();
    running.gone = session.end('over').finally(() => this.#running.delete(session));
  }

  #endIdle(): void {
    const limit = performance.now() - this.#limits.idleMs;
    for (const [session, { upstream, gone }] of this.#running) {
      if (gone !== undefined || session.exchanges > 0 || session.lastUsedMs > limit) continue;
      this.#log.info({ upstream: upstream.name }, 'idle session ended');
      void session.end('idle');
    }
  }
}

function use(session: BridgeSession, response: ServerResponse): void {
  session.exchanges += 1;
  response.once('close', () => {
    session.exchanges -= 1;
    session.lastUsedMs = performance.now();
  });
}
