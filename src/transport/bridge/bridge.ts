/**
 * Makes stdio and deprecated SSE servers available as Streamable HTTP upstreams. One HTTP server listens on loopback. Each
 * upstream has an unguessable path, and each client session has one running server. Every worker of this machine can connect to
 * it.
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
import { headerRevision } from '../../protocol/revisions.ts';
import { checkGet, checkPost, readBody, readHead, type Head } from '../http/accept.ts';
import { connectTimeoutMs, headersTimeoutMs, keepAliveMs, maxHeaderBytes, requestTimeoutMs } from '../http/limits.ts';
import { respondFault } from '../http/respond.ts';
import { bridgeLimits, type BridgeLimits } from './limits.ts';
import type { BridgeSession } from './session.ts';
import type { BridgedUpstream, BridgedState } from './bridged-upstream.ts';
import { BridgeSessions, type BridgeCaller } from './sessions.ts';
import type { BridgeLog, RunningServer, ServerOwner } from './running-server.ts';
import { startReaping, type Reaping } from './reaping.ts';
import { openSse } from './sse-bridge.ts';
import { openProcess } from './stdio.ts';

export interface BridgeSpec {
  readonly name: string;
  readonly transport: Extract<UpstreamTransport, { kind: 'stdio' | 'sse' }>;
}

export interface Bridge {
  /** Throws RangeError for a name that is not among the specs. */
  urlOf(name: string): string;
  /** Serves these specs from now on. A spec that has not changed keeps its servers. The servers of a removed spec are ended. */
  update(specs: readonly BridgeSpec[]): void;
  /** The startup state of an upstream; undefined for a name that is not among the specs. */
  stateOf(name: string): BridgedState | undefined;
  /** Ends every session. Resolves when all their servers have ended. */
  close(): Promise<void>;
}

/** Headers of `initialize` that only the gateway sets. Without the first, all clients count as one principal. */
const principalHeader = 'manifold-principal';
/** `session`: only one client uses the session. Without this header several clients may use it, and the stricter rules apply. */
const sharingHeader = 'manifold-sharing';

export interface BridgeDeps {
  readonly log: BridgeLog;
  /** For tests. */
  readonly limits?: Partial<BridgeLimits>;
  /** Called for each message of a server that is dropped because its recipient is unknown. */
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
  /** Created when the first process needs it. */
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
      // Other users of this machine can connect to the port, but cannot guess the path (128 bits).
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

  /** Ends the servers of the upstream. Calls in progress at them fail. */
  #forget(name: string): void {
    const path = this.#known.get(name)?.path ?? '';
    const upstream = this.#byPath.get(path);
    this.#known.delete(name);
    this.#byPath.delete(path);
    if (upstream !== undefined) void this.#sessions.remove(upstream);
  }

  #opener({ name, transport }: BridgeSpec): (owner: ServerOwner) => RunningServer {
    const limits = this.#limits;
    if (transport.kind === 'stdio') {
      const reaping = (this.#reaping ??= startReaping(this.#log));
      const deps = { log: this.#log, limits, reaping };
      return (owner) => openProcess(name, transport, owner, deps);
    }
    // Each session's stream keeps a connection open, so the number of connections is not limited.
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

  stateOf(name: string): BridgedState | undefined {
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
      // Only the gateway calls the bridge. A browser never does.
      if (head.origin !== undefined) throw new GatewayError('origin_not_allowed');
      const upstream = this.#byPath.get(request.url ?? '');
      if (upstream === undefined) throw new GatewayError('path_unknown');
      if (head.revision !== undefined && headerRevision(head.revision) === undefined)
        throw new GatewayError('revision_unsupported');
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
    // The body is not read while the server still has unread input.
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
        // A notification has no JSON-RPC answer, so the fault is an HTTP status.
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

function callerOf({ rawHeaders }: Head): BridgeCaller {
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
