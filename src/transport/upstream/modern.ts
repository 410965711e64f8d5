/**
 * Upstreams of the stateless revision 2026-07-28: each request carries version, capabilities and client in `_meta`, and its
 * method and name in headers as well; there is neither handshake nor session (protocol.md B1–B5). An error comes with an HTTP
 * status of its own; those that speak of the gateway's own hop end here (protocol.md D10).
 */
import { randomUUID } from 'node:crypto';
import { paramHeaders } from '../../aggregate/param-headers.ts';
import { isRound, mayAsk } from '../../aggregate/rounds.ts';
import { GatewayError } from '../../errors.ts';
import { serverCapability, serverCapabilityBits } from '../../protocol/capabilities.ts';
import { readClientMessage, readServerMessage, type Message } from '../../protocol/envelope.ts';
import { encodeHeaderValue } from '../../protocol/header-values.ts';
import { modernRequest } from '../../protocol/methods.ts';
import { metaKey } from '../../protocol/modern.ts';
import { modernRevision } from '../../protocol/revisions.ts';
import { numberOf, rawOf, textOf, type Found } from '../../protocol/scan.ts';
import { removeMembers, setMember, setMembers, splice } from '../../protocol/splice.ts';
import type { SseEvent } from '../../protocol/sse.ts';
import type { Wheel } from '../wheel.ts';
import type { AnswerSink, ClientFacts, Exchange, Link, Opened, UpstreamAdapter } from './adapter.ts';
import { withDeadline } from './deadline.ts';
import { HttpExchange } from './exchange.ts';
import { linkOf } from './link.ts';
import { ResponseSink } from './response-sink.ts';
import type { Said } from '../said.ts';
import type { Upstream } from './upstream.ts';

/* Tasks are not carried yet. */
const c = serverCapability;
const carried = ~(c.tasks | c.tasksList | c.tasksCancel | c.tasksToolCall);

const headerMismatch = -32020;
const missingCapability = -32021;
const unsupportedVersion = -32022;
const invalidParams = -32602;

export class ModernAdapter implements UpstreamAdapter {
  readonly #wheel: Wheel;
  /** The gateway's own `Implementation`, as JSON text. */
  readonly #clientInfo: string;

  constructor(wheel: Wheel, version: string) {
    this.#wheel = wheel;
    this.#clientInfo = JSON.stringify({ name: 'manifold', title: 'Manifold', version });
  }

  /** `server/discover`: the upstream's own word that it speaks this revision. Throws `upstream_*` faults. */
  async open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const opened = { sessionId: undefined, revision: modernRevision, capabilities: 0 } as const;
    const link = { ...linkOf(upstream, opened, true), forwarded: client.forwarded };
    const message = readServerMessage(await this.ask(link, 'server/discover', '{}', deadlineMs));
    const result = message.root.member('result');
    const capabilities = result?.member('capabilities');
    if (capabilities?.kind !== 'object')
      throw new GatewayError('upstream_refused', 'server/discover gave no capabilities');
    const instructions = result?.member('instructions');
    return {
      sessionId: undefined,
      revision: modernRevision,
      capabilities: serverCapabilityBits(JSON.parse(rawOf(message.bytes, capabilities))) & carried,
      instructions: instructions?.kind === 'string' ? textOf(message.bytes, instructions) : undefined,
    };
  }

  call(link: Link, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    const message = readClientMessage(body);
    if (modernRequest(message.method) === undefined) {
      // Not before the caller has the exchange in hand.
      process.nextTick(() => sink.onFault(new GatewayError('method_unknown', message.method)));
      return nothingUnderWay;
    }
    const headers = [...link.headers, ...(link.forwarded ?? []), ...mirrored(message, link.upstream)];
    const exchange = new HttpExchange(new ModernSink(sink, message.method, link.said), this.#wheel, idleMs, true);
    const enveloped = withEnvelope(message, this.#envelope(link.said));
    link.upstream.pool.dispatch({ path: link.upstream.path, method: 'POST', headers, body: enveloped }, exchange);
    return exchange;
  }

  /** What is said of the client, by itself or on its behalf; without one, the gateway asks for itself and answers nothing. */
  #envelope(said: Said | undefined): readonly (readonly [name: string, json: string])[] {
    const envelope: (readonly [string, string])[] = [
      [metaKey.protocolVersion, JSON.stringify(modernRevision)],
      [metaKey.clientCapabilities, said?.capabilities ?? '{}'],
      [metaKey.clientInfo, said?.clientInfo ?? this.#clientInfo],
    ];
    if (said?.logLevel !== undefined) envelope.push([metaKey.logLevel, JSON.stringify(said.logLevel)]);
    return envelope;
  }

  async ask(link: Link, method: string, params: string, deadlineMs: number): Promise<Buffer> {
    const id = `"manifold-${randomUUID()}"`;
    const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
    const answered = new Promise<Message>((resolve, reject) => {
      const sink = new ResponseSink(id, resolve, reject);
      sink.exchange = this.call(link, Buffer.from(body), sink, deadlineMs);
    });
    return (await withDeadline(answered, deadlineMs)).bytes;
  }

  /** The revision has no notifications and no answers of clients over HTTP (protocol.md B3). */
  async post(): Promise<void> {}

  /** One subscription to all lists, and to the resources that the link watches (protocol.md B8). */
  listen(link: Link, _lastEventId: string | undefined, sink: AnswerSink): Exchange {
    const notifications = {
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
      ...(link.watches === undefined || link.watches.length === 0 ? {} : { resourceSubscriptions: link.watches }),
    };
    const id = `manifold-${randomUUID()}`;
    const request = { jsonrpc: '2.0', id, method: 'subscriptions/listen', params: { notifications } };
    return this.call(link, Buffer.from(JSON.stringify(request)), new SubscribedSink(sink), 0);
  }

  async end(): Promise<void> {}
}

const nothingUnderWay: Exchange = { pause: () => {}, resume: () => {}, answered: () => {}, abort: () => {} };

/** `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` of a request, from its body (protocol.md B3). */
function mirrored(message: Message, upstream: Upstream): string[] {
  const headers = ['mcp-method', message.method];
  const { params, bytes } = message;
  const named = message.method === 'resources/read' ? params?.member('uri') : nameOf(message);
  if (named?.kind === 'string') headers.push('mcp-name', encodeHeaderValue(textOf(bytes, named)));
  if (message.method !== 'tools/call' || named?.kind !== 'string') return headers;
  const annotated = upstream.paramHeaders.get(textOf(bytes, named));
  const args = params?.member('arguments');
  if (annotated === undefined || annotated.length === 0 || args === undefined) return headers;
  for (const [name, value] of paramHeaders(annotated, JSON.parse(rawOf(bytes, args)))) headers.push(name, value);
  return headers;
}

function nameOf({ method, params }: Message): ReturnType<NonNullable<Message['params']>['member']> {
  return method === 'tools/call' || method === 'prompts/get' ? params?.member('name') : undefined;
}

/** The request with the gateway's own envelope; everything else byte for byte (protocol.md D3: the keys hold for one hop). */
function withEnvelope(message: Message, envelope: readonly (readonly [string, string])[]): Buffer {
  const { bytes, root, params } = message;
  const meta = params?.member('_meta');
  if (meta?.kind === 'object') return splice(bytes, setMembers(bytes, meta, envelope));
  const json = `{${envelope.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`;
  if (params === undefined) return splice(bytes, [setMember(bytes, root, 'params', `{"_meta":${json}}`)]);
  return splice(bytes, [setMember(bytes, params, '_meta', json)]);
}

/** Keeps from the client what is about this hop, and says the rest in the words of the session era. */
class ModernSink implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #method: string;
  readonly #said: Said | undefined;

  constructor(sink: AnswerSink, method: string, said: Said | undefined) {
    this.#sink = sink;
    this.#method = method;
    this.#said = said;
  }

  onJson(body: Buffer): void {
    const answer = this.#judged(body);
    if (Buffer.isBuffer(answer)) this.#sink.onJson(answer);
    else this.#sink.onFault(answer);
  }
  onStream(): void {
    this.#sink.onStream();
  }
  onEvent(event: SseEvent): void {
    if (event.data === '') return;
    const answer = this.#judged(Buffer.from(event.data));
    // Events of this revision cannot be resumed from, so an id promises nothing.
    if (Buffer.isBuffer(answer)) this.#sink.onEvent({ data: answer.toString(), id: undefined, event: event.event });
    else this.#sink.onFault(answer);
  }
  onRetry(): void {}
  onEnd(): void {
    this.#sink.onEnd();
  }
  onFault(fault: GatewayError): void {
    this.#sink.onFault(fault);
  }

  #judged(body: Buffer): Buffer | GatewayError {
    let message: Message;
    try {
      message = readServerMessage(body);
    } catch (cause) {
      return new GatewayError('upstream_malformed', 'not a JSON-RPC message', { cause });
    }
    // A server of the session era that could not place the request: a refusal, which tells of its era.
    if (message.kind === 'response' && message.id === undefined)
      return new GatewayError('upstream_refused', 'an error that names no request');
    // Servers send no requests in this revision (protocol.md B3).
    if (message.kind === 'request')
      return new GatewayError('upstream_malformed', 'a request on the stream of a request');
    const type = message.root.member('result')?.member('resultType');
    if (this.#said?.itself !== true && type !== undefined && !isComplete(body, type) && !this.#mayBeRound(message))
      return new GatewayError('upstream_malformed', 'a result that asks for what was never declared');
    const code = message.root.member('error')?.member('code');
    if (code?.kind !== 'number') return body;
    switch (numberOf(body, code)) {
      case missingCapability:
        // The client's own word was handed on, so it is the client who is missing something.
        if (this.#said?.itself === true) return body;
        return new GatewayError('upstream_refused', 'wants a capability that was not declared');
      case headerMismatch:
      case unsupportedVersion:
        return new GatewayError('upstream_refused', `error ${rawOf(body, code)} about the gateway's own request`);
      case invalidParams:
        // Earlier revisions have a code of their own for a resource that is not there (protocol.md D9).
        if (this.#said?.itself === true || this.#method !== 'resources/read') return body;
        return splice(body, [{ start: code.start, end: code.end, text: '-32002' }]);
      default:
        return body;
    }
  }

  /** Only calls on behalf of a client can be answered with questions (2026-07-28 patterns/mrtr). */
  #mayBeRound(message: Message): boolean {
    return this.#said !== undefined && mayAsk(this.#method) && isRound(message);
  }
}

function isComplete(body: Buffer, type: Found): boolean {
  return type.kind === 'string' && textOf(body, type) === 'complete';
}

/** What a subscription brings, as the stream of a session would: no acknowledgement, no result, no name of the subscription. */
class SubscribedSink implements AnswerSink {
  readonly #sink: AnswerSink;
  #isOpen = false;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  onJson(): void {
    this.#sink.onFault(new GatewayError('upstream_verb_refused', 'no subscription'));
  }
  onStream(): void {}
  onEvent(event: SseEvent): void {
    const message = readServerMessage(Buffer.from(event.data));
    // Only the acknowledgement, which comes first, says that the upstream listens.
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#sink.onStream();
    }
    if (message.kind !== 'notification' || message.method === 'notifications/subscriptions/acknowledged') return;
    const meta = message.params?.member('_meta');
    const body =
      meta?.kind === 'object'
        ? splice(message.bytes, removeMembers(message.bytes, meta, [metaKey.subscriptionId]))
        : message.bytes;
    this.#sink.onEvent({ data: body.toString(), id: undefined, event: undefined });
  }
  onRetry(): void {}
  onEnd(): void {
    this.#sink.onEnd();
  }
  onFault(fault: GatewayError): void {
    this.#sink.onFault(fault);
  }
}
