/**
 * Makes stdio and deprecated SSE servers ordinary Streamable HTTP upstreams: one HTTP server on loopback, each upstream at a
 * path nobody can guess, one running server per client session. It can be reached by every worker of this machine.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import type { UpstreamTransport } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import { readBatch, readClientMessage, type Message } from '../../protocol/envelope.ts';
import { checkGet, checkPost, readBody, readHead, type Head } from '../accept.ts';
import { connectTimeoutMs, headersTimeoutMs, keepAliveMs, maxHeaderBytes, requestTimeoutMs } from '../limits.ts';
import { respondFault } from '../respond.ts';
import { Wheel } from '../wheel.ts';
import { bridgeLimits, type BridgeLimits } from './bridge-limits.ts';
import { BridgeSession } from './bridge-session.ts';
import type { BridgeLog, Peer, PeerOwner } from './peer.ts';
import { startReaping, type Reaping } from './reaping.ts';
import { SpawnDamping } from './spawn-damping.ts';
import { openSse } from './sse-bridge.ts';
import { openProcess } from './stdio.ts';

export interface BridgeSpec {
  readonly name: string;
  readonly transport: Extract<UpstreamTransport, { kind: 'stdio' | 'sse' }>;
}

export interface Bridge {
  /** Throws RangeError for a name that was not among the specs. */
  urlOf(name: string): string;
  /** Ends every session and waits until nothing of their servers is left. */
  close(): Promise<void>;
}

/** Revisions a stdio server may speak; the bridge hands messages on and is the same for all. */
const revisions = new Set(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']);

interface BridgedUpstream {
  readonly name: string;
  readonly sessions: Map<string, BridgeSession>;
  readonly damping: SpawnDamping;
  readonly open: (owner: PeerOwner) => Peer;
}

/** `limits` are for tests. */
export async function startBridge(
  specs: readonly BridgeSpec[],
  deps: { readonly log: BridgeLog; readonly limits?: Partial<BridgeLimits> },
): Promise<Bridge> {
  const limits: BridgeLimits = { ...bridgeLimits, ...deps.limits };
  const bridge = new LoopbackBridge(specs, deps.log, limits);
  await bridge.listen();
  return bridge;
}

class LoopbackBridge implements Bridge {
  readonly #log: BridgeLog;
  readonly #limits: BridgeLimits;
  readonly #wheel = new Wheel();
  readonly #byPath = new Map<string, BridgedUpstream>();
  readonly #paths = new Map<string, string>();
  /** Sessions whose servers are not gone yet, with the promise of that once they are being ended. */
  readonly #running = new Map<BridgeSession, Promise<void> | undefined>();
  readonly #upstreamOf = new WeakMap<
    BridgeSession,
    { readonly upstream: BridgedUpstream; readonly startedMs: number }
  >();
  readonly #server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
    },
    (request, response) => this.#serve(request, response),
  );
  /** Only where there is something for it. */
  #reaping: Reaping | undefined;
  #agent: Agent | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #host = '';
  #closing = false;

  constructor(specs: readonly BridgeSpec[], log: BridgeLog, limits: BridgeLimits) {
    this.#log = log;
    this.#limits = limits;
    for (const spec of specs) {
      // Another user of this machine can reach the port; without the path that is of no use (128 bits).
      const path = `/${randomBytes(16).toString('hex')}/mcp`;
      this.#paths.set(spec.name, path);
      const open = this.#opener(spec);
      this.#byPath.set(path, { name: spec.name, sessions: new Map(), damping: new SpawnDamping(limits), open });
    }
  }

  #opener({ name, transport }: BridgeSpec): (owner: PeerOwner) => Peer {
    const limits = this.#limits;
    if (transport.kind === 'stdio') {
      const reaping = (this.#reaping ??= startReaping(this.#log));
      const deps = { log: this.#log, limits, reaping };
      return (owner) => openProcess(name, transport, owner, deps);
    }
    // Each session's stream holds a connection for as long as it lasts, so connections are not limited.
    const dispatcher = (this.#agent ??= new Agent({ connect: { timeout: connectTimeoutMs } }));
    return (owner) => openSse(name, transport, owner, { limits, dispatcher });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    const { idleMs } = this.#limits;
    this.#sweep = setInterval(() => this.#endIdle(), Math.max(50, Math.min(30_000, idleMs / 4))).unref();
  }

  urlOf(name: string): string {
    const path = this.#paths.get(name);
    if (path === undefined) throw new RangeError(`no bridged upstream ${name}`);
    return `http://${this.#host}${path}`;
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweep);
    this.#server.close();
    await Promise.all([...this.#running.keys()].map((session) => session.end('the gateway is closing')));
    this.#server.closeAllConnections();
    this.#reaping?.close();
    await this.#agent?.destroy();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    try {
      const head = readHead(request.rawHeaders);
      if (head.host !== this.#host) throw new GatewayError('host_not_allowed', head.host);
      // Only the gateway calls, and no browser ever does.
      if (head.origin !== undefined) throw new GatewayError('origin_not_allowed', head.origin);
      const upstream = this.#byPath.get(request.url ?? '');
      if (upstream === undefined) throw new GatewayError('path_unknown');
      if (head.revision !== undefined && !revisions.has(head.revision))
        throw new GatewayError('revision_unsupported', head.revision);
      switch (request.method ?? '') {
        case 'POST':
          checkPost(head);
          this.#post(upstream, head, request, response).catch((fault: unknown) => respondFault(response, fault));
          return;
        case 'GET':
          checkGet(head);
          this.#known(upstream, head, response).listen(response, head.lastEventId);
          return;
        case 'DELETE':
          void this.#known(upstream, head, response).end('the client ended the session');
          response.writeHead(204).end();
          return;
        default:
          throw new GatewayError('verb_not_allowed', request.method);
      }
    } catch (fault) {
      respondFault(response, fault);
    }
  }

  async #post(
    upstream: BridgedUpstream,
    head: Head,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const session = head.sessionToken === undefined ? undefined : this.#known(upstream, head, response);
    // A body is not even read while the server is behind with its input.
    for (let room = session?.room(); room !== undefined; room = session?.room()) await room;
    const body = await bodyOf(request);
    if (readBatch(body) !== undefined) throw new GatewayError('batch_unsupported');
    const message = readClientMessage(body);
    const opening = message.kind === 'request' && message.method === 'initialize';
    if (session === undefined) {
      if (!opening) throw new GatewayError('session_missing');
      await this.#open(upstream, message, response);
      return;
    }
    if (opening) throw new GatewayError('initialize_misplaced');
    if (session.over) throw new GatewayError('session_unreadable', 'ended meanwhile');
    if (message.kind !== 'request') {
      await session.tell(message, response).catch((fault: unknown) => {
        // There is no JSON-RPC answer to a notification, so the fault must be one of HTTP.
        throw session.over
          ? new GatewayError('session_unreadable')
          : new GatewayError('internal', 'not taken', { cause: fault });
      });
      return;
    }
    try {
      session.call(message, response);
    } catch (fault) {
      respondFault(response, fault, message.id);
    }
  }

  /** Starts a server for a new session. Every fault is a JSON-RPC answer, since the request was understood. */
  async #open(upstream: BridgedUpstream, message: Message, response: ServerResponse): Promise<void> {
    try {
      const waitMs = upstream.damping.waitMs(performance.now());
      if (waitMs > 0)
        throw new GatewayError('upstream_unreachable', `crashed repeatedly, next start in ${Math.ceil(waitMs)} ms`);
      await this.#admit();
      if (response.closed) return;
      const session = new BridgeSession(upstream.open, {
        log: this.#log,
        limits: this.#limits,
        wheel: this.#wheel,
        onOver: (ended, byItself) => this.#over(ended, byItself),
      });
      this.#upstreamOf.set(session, { upstream, startedMs: performance.now() });
      this.#running.set(session, undefined);
      upstream.sessions.set(session.id, session);
      this.#use(session, response);
      session.call(message, response);
    } catch (fault) {
      if (fault instanceof GatewayError)
        this.#log.warn({ upstream: upstream.name, fault: fault.message }, 'session refused');
      respondFault(response, fault, message.id);
    }
  }

  /** Waits for a place; the session that was idle longest makes room. Throws `upstream_refused` when all are in use. */
  async #admit(): Promise<void> {
    for (;;) {
      if (this.#closing) throw new GatewayError('upstream_refused', 'closing');
      if (this.#running.size < this.#limits.maxProcesses) return;
      const leaving = [...this.#running.values()].filter((gone) => gone !== undefined);
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

  /** Throws `session_missing` or `session_unreadable`. */
  #known(upstream: BridgedUpstream, head: Head, response: ServerResponse): BridgeSession {
    if (head.sessionToken === undefined) throw new GatewayError('session_missing');
    const session = upstream.sessions.get(head.sessionToken);
    if (session === undefined) throw new GatewayError('session_unreadable', 'not a session of this bridge');
    this.#use(session, response);
    return session;
  }

  #use(session: BridgeSession, response: ServerResponse): void {
    session.exchanges += 1;
    response.once('close', () => {
      session.exchanges -= 1;
      session.lastUsedMs = performance.now();
    });
  }

  #over(session: BridgeSession, byItself: boolean): void {
    const { upstream, startedMs } = this.#upstreamOf.get(session)!;
    const now = performance.now();
    upstream.sessions.delete(session.id);
    if (byItself) upstream.damping.exited(now - startedMs, now);
    else if (session.initialized) upstream.damping.healthy();
    const gone = session.end('over').finally(() => this.#running.delete(session));
    this.#running.set(session, gone);
  }

  #endIdle(): void {
    const limit = performance.now() - this.#limits.idleMs;
    for (const [session, gone] of this.#running) {
      if (gone !== undefined || session.exchanges > 0 || session.lastUsedMs > limit) continue;
      this.#log.info({ upstream: this.#upstreamOf.get(session)?.upstream.name }, 'idle session ended');
      void session.end('idle');
    }
  }
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readBody(request, (fault, body) => {
      if (fault === undefined) resolve(body);
      else reject(fault);
    });
  });
}
