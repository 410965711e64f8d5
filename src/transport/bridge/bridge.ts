/**
 * Makes stdio and deprecated SSE servers ordinary Streamable HTTP upstreams: one HTTP server on loopback, each upstream at a
 * path nobody can guess, one running server per client session. It can be reached by every worker of this machine.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import type { UpstreamTransport } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import { readBatch, readClientMessage } from '../../protocol/envelope.ts';
import { checkGet, checkPost, readBody, readHead, type Head } from '../http/accept.ts';
import { connectTimeoutMs, headersTimeoutMs, keepAliveMs, maxHeaderBytes, requestTimeoutMs } from '../http/limits.ts';
import { respondFault } from '../http/respond.ts';
import { bridgeLimits, type BridgeLimits } from './limits.ts';
import type { BridgeSession } from './session.ts';
import type { BridgedUpstream, UpstreamState } from './bridged-upstream.ts';
import { BridgeSessions, type Caller } from './sessions.ts';
import type { BridgeLog, Peer, PeerOwner } from './running-server.ts';
import { startReaping, type Reaping } from './reaping.ts';
import { openSse } from './sse-bridge.ts';
import { openProcess } from './stdio.ts';

export interface BridgeSpec {
  readonly name: string;
  readonly transport: Extract<UpstreamTransport, { kind: 'stdio' | 'sse' }>;
}

export interface Bridge {
  /** Throws RangeError for a name that was not among the specs. */
  urlOf(name: string): string;
  /** Serves these from now on. One that is configured as before goes on as it is; one that is gone ends with its servers. */
  update(specs: readonly BridgeSpec[]): void;
  /** How far an upstream has come; undefined for a name that was not among the specs. */
  stateOf(name: string): UpstreamState | undefined;
  /** Ends every session and waits until nothing of their servers is left. */
  close(): Promise<void>;
}

/** Revisions a stdio server may speak; the bridge hands messages on and is the same for all. */
const revisions = new Set(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']);

/** Headers of `initialize`, set by the gateway alone. Without the first all are one principal. */
const principalHeader = 'manifold-principal';
/** `session`: one client uses the session. Without it several may, which is the stricter rule. */
const sharingHeader = 'manifold-sharing';

export interface BridgeDeps {
  readonly log: BridgeLog;
  /** For tests. */
  readonly limits?: Partial<BridgeLimits>;
  /** Told of each message of a server that was dropped since nobody can tell whose it is. */
  readonly onDropped?: (upstream: string, method: string) => void;
}

export async function startBridge(specs: readonly BridgeSpec[], deps: BridgeDeps): Promise<Bridge> {
  const limits: BridgeLimits = { ...bridgeLimits, ...deps.limits };
  const bridge = new LoopbackBridge(specs, deps, limits);
  await bridge.listen();
  return bridge;
}

class LoopbackBridge implements Bridge {
  readonly #log: BridgeLog;
  readonly #limits: BridgeLimits;
  readonly #byPath = new Map<string, BridgedUpstream>();
  readonly #known = new Map<string, { readonly spec: BridgeSpec; readonly path: string }>();
  readonly #sessions: BridgeSessions;
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
  #host = '';

  constructor(specs: readonly BridgeSpec[], deps: BridgeDeps, limits: BridgeLimits) {
    this.#log = deps.log;
    this.#limits = limits;
    this.#sessions = new BridgeSessions(deps.log, limits, deps.onDropped ?? (() => {}));
    this.update(specs);
  }

  update(specs: readonly BridgeSpec[]): void {
    for (const [name, { spec }] of this.#known)
      if (!specs.some((next) => isDeepStrictEqual(next, spec))) this.#forget(name);
    for (const spec of specs) {
      if (this.#known.has(spec.name)) continue;
      // Another user of this machine can reach the port; without the path that is of no use (128 bits).
      const path = `/${randomBytes(16).toString('hex')}/mcp`;
      this.#known.set(spec.name, { spec, path });
      const { startTimeoutMs, shared } = spec.transport;
      const upstream = this.#sessions.add({
        name: spec.name,
        open: this.#opener(spec),
        startTimeoutMs: startTimeoutMs ?? this.#limits.startTimeoutMs,
        shared: shared ?? false,
      });
      this.#byPath.set(path, upstream);
    }
  }

  /** The servers of the upstream end; calls under way at them break off. */
  #forget(name: string): void {
    const path = this.#known.get(name)?.path ?? '';
    const upstream = this.#byPath.get(path);
    this.#known.delete(name);
    this.#byPath.delete(path);
    if (upstream !== undefined) void this.#sessions.remove(upstream);
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
  }

  urlOf(name: string): string {
    const path = this.#known.get(name)?.path;
    if (path === undefined) throw new RangeError(`no bridged upstream ${name}`);
    return `http://${this.#host}${path}`;
  }

  stateOf(name: string): UpstreamState | undefined {
    const path = this.#known.get(name)?.path;
    return path === undefined ? undefined : this.#byPath.get(path)?.state;
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#sessions.close();
    this.#server.closeAllConnections();
    this.#reaping?.close();
    await this.#agent?.destroy();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    try {
      const head = readHead(request.rawHeaders);
      if (head.host !== this.#host) throw new GatewayError('host_not_allowed');
      // Only the gateway calls, and no browser ever does.
      if (head.origin !== undefined) throw new GatewayError('origin_not_allowed');
      const upstream = this.#byPath.get(request.url ?? '');
      if (upstream === undefined) throw new GatewayError('path_unknown');
      if (head.revision !== undefined && !revisions.has(head.revision)) throw new GatewayError('revision_unsupported');
      switch (request.method ?? '') {
        case 'POST':
          checkPost(head);
          this.#post(upstream, head, request, response).catch((fault: unknown) => respondFault(response, fault));
          return;
        case 'GET':
          checkGet(head);
          this.#session(upstream, head, response).listen(response, head.lastEventId);
          return;
        case 'DELETE':
          void this.#session(upstream, head, response).end('the client ended the session');
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
    const session = head.sessionToken === undefined ? undefined : this.#session(upstream, head, response);
    // A body is not even read while the server is behind with its input.
    for (let room = session?.room(); room !== undefined; room = session?.room()) await room;
    const body = await bodyOf(request);
    if (readBatch(body) !== undefined) throw new GatewayError('batch_unsupported');
    const message = readClientMessage(body);
    const opening = message.kind === 'request' && message.method === 'initialize';
    if (session === undefined) {
      if (!opening) throw new GatewayError('session_missing');
      await this.#sessions.open(upstream, message, callerOf(head), response);
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

  /** Throws `session_missing` or `session_unreadable`. */
  #session(upstream: BridgedUpstream, head: Head, response: ServerResponse): BridgeSession {
    if (head.sessionToken === undefined) throw new GatewayError('session_missing');
    return this.#sessions.known(upstream, head.sessionToken, response);
  }
}

function callerOf({ rawHeaders }: Head): Caller {
  const valueOf = (header: string): string | undefined => {
    const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === header);
    return at === -1 ? undefined : rawHeaders[at + 1];
  };
  return { principal: valueOf(principalHeader) ?? '', isOneClients: valueOf(sharingHeader) === 'session' };
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readBody(request, (fault, body) => {
      if (fault === undefined) resolve(body);
      else reject(fault);
    });
  });
}
