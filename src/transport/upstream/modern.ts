/**
 * Upstreams of the stateless revision 2026-07-28: each request carries version, capabilities and client in `_meta`, and its
 * method and name in headers as well; there is neither handshake nor session (2026-07-28 basic/index §Statelessness,
 * basic/transports/streamable-http). Each error has its own HTTP status. An error about the gateway's own request ends here.
 */
import { smallJson } from '../../protocol/small-json.ts';
import { unreadIn } from '../../protocol/unread.ts';
import { randomUUID } from 'node:crypto';
import { readHints } from '../../aggregate/hints.ts';
import { mirroredArguments } from '../../aggregate/mirrored-arguments.ts';
import { paramHeaders } from '../../aggregate/param-headers.ts';
import { GatewayError } from '../../errors.ts';
import { clientCapabilitiesJson, clientCapability, serverCapability } from '../../protocol/capabilities.ts';
import { modernServerBits } from '../../protocol/declared.ts';
import { readClientMessage, readServerMessage, type Message } from '../../protocol/envelope.ts';
import { encodeHeaderValue } from '../../protocol/header-values.ts';
import { modernRequest } from '../../protocol/methods.ts';
import { metaKey, namedIn } from '../../protocol/modern.ts';
import { modernRevision } from '../../protocol/revisions.ts';
import { textOf } from '../../protocol/scan.ts';
import { removeMembers, setMember, setMembers, splice } from '../../protocol/splice.ts';
import type { Wheel } from '../http/wheel.ts';
import type { AnswerSink, ClientFacts, Exchange, ListenFor, Opened, UpstreamAdapter } from './adapter.ts';
import type { Credentials } from './credentials.ts';
import { dispatch } from './dispatch.ts';
import { withDeadline } from '../http/deadline.ts';
import { HttpExchange } from './exchange.ts';
import { serverInfoIn, UpstreamSession, type Outbound } from './session.ts';
import { ModernSink, SubscribedSink } from './modern-sink.ts';
import { TaskPolling, waitedFor, type PollingHost } from './polling.ts';
import { ResponseSink } from './response-sink.ts';
import { RevisionRefused } from './revision-refused.ts';
import type { Said } from '../../protocol/said.ts';
import type { Upstream } from './upstream.ts';

export class ModernAdapter implements UpstreamAdapter {
  readonly #wheel: Wheel;
  readonly #credentials: Credentials;
  readonly #polling: PollingHost;
  /** The gateway's own `Implementation`, as JSON text. */
  readonly #clientInfo: string;

  constructor(wheel: Wheel, credentials: Credentials, version: string) {
    this.#wheel = wheel;
    this.#credentials = credentials;
    this.#polling = { wheel, ask: (...asked) => this.ask(...asked), now: () => performance.now() };
    this.#clientInfo = JSON.stringify({ name: 'manifold', title: 'Manifold', version });
  }

  /** `server/discover`: the upstream's own statement that it supports this revision. Throws `upstream_*` faults. */
  async open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const opened = { sessionId: undefined, revision: modernRevision, capabilities: 0 } as const;
    const to = { session: new UpstreamSession(upstream, opened, true), caller: client.caller, trace: client.trace };
    const discover = (): Promise<Buffer> => this.ask(to, 'server/discover', '{}', deadlineMs);
    const answer = await discover().catch((fault: unknown) => {
      // An upstream that refuses the version but lists it as supported is asked again, once (2026-07-28 basic/versioning).
      if (fault instanceof RevisionRefused && fault.speaksModern) return discover();
      throw fault;
    });
    const message = readServerMessage(answer);
    const result = message.root.member('result');
    const capabilities = result?.member('capabilities');
    if (capabilities?.kind !== 'object')
      throw new GatewayError('upstream_refused', 'server/discover gave no capabilities');
    const listed = result?.member('supportedVersions');
    const versions = smallJson(message.bytes, listed);
    if (Array.isArray(versions) && !versions.includes(modernRevision)) throw new RevisionRefused(versions);
    const instructions = result?.member('instructions');
    return {
      sessionId: undefined,
      revision: modernRevision,
      capabilities: modernServerBits(capabilities),
      serverInfo: serverInfoIn(message, result?.member('_meta')?.member(metaKey.serverInfo)),
      ...unreadIn(message.bytes, capabilities),
      instructions: instructions?.kind === 'string' ? textOf(message.bytes, instructions) : undefined,
      stated: readHints(message.bytes, result),
    };
  }

  call(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return this.#call(to, body, sink, idleMs);
  }

  #call(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number, listensForTasks = false): Exchange {
    const message = withoutLevel(readClientMessage(body), to.said);
    if (modernRequest(message.method) === undefined) {
      // Deferred, so that the caller has the exchange first.
      process.nextTick(() => sink.onFault(new GatewayError('method_unknown')));
      return nothingUnderWay;
    }
    const declared = declaredOn(to, listensForTasks);
    const mayTask = (declared & clientCapability.tasksExtension) !== 0;
    if (message.method !== 'tools/call' || to.said?.itself !== false || !mayTask)
      return this.#send(to, message, declared, sink, idleMs);
    // The client does not support tasks, so the gateway polls for it.
    const polling = new TaskPolling(this.#polling, to, message.id!, sink);
    const waited = waitedFor(message);
    if (waited === undefined) polling.call = this.#send(to, message, declared, polling, idleMs);
    else polling.goOn(waited, message);
    return polling;
  }

  #send(to: Outbound, message: Message, declared: number, sink: AnswerSink, idleMs: number): Exchange {
    const { session, caller, said, trace = [] } = to;
    const { upstream } = session;
    const mayTask = (declared & clientCapability.tasksExtension) !== 0;
    const judge = new ModernSink(sink, message.method, said, mayTask);
    const exchange = new HttpExchange(judge, this.#wheel, idleMs, true, caller.principalId);
    judge.exchange = exchange;
    exchange.tolerated = upstream.tolerated;
    dispatch(
      upstream,
      message.method === 'subscriptions/listen' ? upstream.streams : upstream.pool,
      {
        method: 'POST',
        headers: [...session.headers, ...repeatedInHeaders(message, upstream), ...trace],
        body: withEnvelope(message, this.#envelope(said, declared)),
      },
      this.#credentials,
      caller,
      exchange,
    );
    return exchange;
  }

  /**
   * The description of the client, by itself or on its behalf; without one, the gateway describes itself and declares no
   * capability.
   */
  #envelope(said: Said | undefined, declared: number): readonly (readonly [name: string, json: string])[] {
    const envelope: (readonly [string, string])[] = [
      [metaKey.protocolVersion, JSON.stringify(modernRevision)],
      [metaKey.clientCapabilities, clientCapabilitiesJson(declared)],
      [metaKey.clientInfo, said?.clientInfo ?? this.#clientInfo],
    ];
    if (said?.logLevel !== undefined) envelope.push([metaKey.logLevel, JSON.stringify(said.logLevel)]);
    return envelope;
  }

  async ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer> {
    const id = `"manifold-${randomUUID()}"`;
    const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
    const answered = new Promise<Message>((resolve, reject) => {
      const sink = new ResponseSink(id, resolve, reject, () => to.session.upstream.tolerated.note('id_as_text'));
      sink.exchange = this.call(to, Buffer.from(body), sink, deadlineMs);
    });
    return (await withDeadline(answered, deadlineMs)).bytes;
  }

  /**
   * Over HTTP the revision defines no client notifications, and clients must not send responses (2026-07-28
   * basic/transports/streamable-http).
   */
  async post(): Promise<void> {}

  /** One subscription to all lists, and to the resources and tasks that are wanted (2026-07-28 basic/patterns/subscriptions). */
  listen(
    to: Outbound,
    _lastEventId: string | undefined,
    sink: AnswerSink,
    { uris = [], tasks }: ListenFor = {},
  ): Exchange {
    const notifications = {
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
      ...(uris.length === 0 ? {} : { resourceSubscriptions: uris }),
      ...(tasks === undefined ? {} : { taskIds: tasks }),
    };
    const id = `manifold-${randomUUID()}`;
    const request = { jsonrpc: '2.0', id, method: 'subscriptions/listen', params: { notifications } };
    return this.#call(to, Buffer.from(JSON.stringify(request)), new SubscribedSink(sink), 0, tasks !== undefined);
  }

  async end(): Promise<void> {}
}

const nothingUnderWay: Exchange = { pause: () => {}, resume: () => {}, answered: () => {}, abort: () => {} };

/**
 * The capabilities declared with a request. The extension only if the upstream has it; declared by the gateway itself if it
 * listens for tasks, or waits for them on behalf of a client without tasks.
 */
function declaredOn({ said, session }: Outbound, listensForTasks: boolean): number {
  const { tasksExtension } = clientCapability;
  const isOurs = listensForTasks || said?.itself === false;
  const own = (said?.capabilities ?? 0) | (isOurs ? tasksExtension : 0);
  return session.has(serverCapability.tasksExtension) ? own : own & ~tasksExtension;
}

/** `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` of a request, from its body (2026-07-28 basic/transports/streamable-http). */
function repeatedInHeaders(message: Message, upstream: Upstream): string[] {
  const headers = ['mcp-method', message.method];
  const { params, bytes } = message;
  const named = namedIn(message);
  if (named?.kind === 'string') headers.push('mcp-name', encodeHeaderValue(textOf(bytes, named)));
  if (message.method !== 'tools/call' || named?.kind !== 'string') return headers;
  const annotated = upstream.paramHeaders.get(textOf(bytes, named));
  const args = params?.member('arguments');
  if (annotated === undefined || annotated.length === 0 || args === undefined) return headers;
  for (const [name, value] of paramHeaders(annotated, mirroredArguments(bytes, args, annotated)))
    headers.push(name, value);
  return headers;
}

/** The log level applies to one hop. If this client states none, none is sent (2026-07-28 server/utilities/logging). */
function withoutLevel(message: Message, said: Said | undefined): Message {
  const meta = message.params?.member('_meta');
  if (said?.logLevel !== undefined || meta?.member(metaKey.logLevel) === undefined) return message;
  return readClientMessage(splice(message.bytes, removeMembers(message.bytes, meta, [metaKey.logLevel])));
}

/** The request with the gateway's own envelope, because those `_meta` keys apply to one hop. All other bytes are unchanged. */
function withEnvelope(message: Message, envelope: readonly (readonly [string, string])[]): Buffer {
  const { bytes, root, params } = message;
  const meta = params?.member('_meta');
  if (meta?.kind === 'object') return splice(bytes, setMembers(bytes, meta, envelope));
  const json = `{${envelope.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`;
  if (params === undefined) return splice(bytes, [setMember(bytes, root, 'params', `{"_meta":${json}}`)]);
  return splice(bytes, [setMember(bytes, params, '_meta', json)]);
}
