/**
 * Upstreams of the session era (2025-03-26, 2025-06-18, 2025-11-25): handshake, calls, the GET stream, DELETE.
 * Headers are built for this hop alone; nothing of the client's headers is copied (protocol.md D3).
 */
import { randomUUID } from 'node:crypto';
import { GatewayError } from '../../errors.ts';
import { clientCapabilitiesJson } from '../../protocol/capabilities.ts';
import { serverBits } from '../../protocol/declared.ts';
import type { Message } from '../../protocol/envelope.ts';
import {
  assumedRevision,
  hasRevisionHeader,
  isLegacyRevision,
  type LegacyRevision,
  newestLegacy,
} from '../../protocol/revisions.ts';
import { textOf } from '../../protocol/scan.ts';
import { endSessionMs } from '../http/limits.ts';
import type { Wheel } from '../http/wheel.ts';
import type { AnswerSink, ClientFacts, Exchange, Link, Opened, UpstreamAdapter } from './adapter.ts';
import { bridged } from './tasks-across.ts';
import { withDeadline } from '../http/deadline.ts';
import { HttpExchange } from './exchange.ts';
import { dispatch } from './redirects.ts';
import { linkOf } from './session.ts';
import { ResponseSink } from './response-sink.ts';
import type { Upstream } from './upstream.ts';

/** Longer session ids are refused: they could not travel in the client's token. */
const maxSessionIdChars = 1_024;
const initialized = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

export class LegacyAdapter implements UpstreamAdapter {
  readonly #wheel: Wheel;
  readonly #version: string;

  constructor(wheel: Wheel, version: string) {
    this.#wheel = wheel;
    this.#version = version;
  }

  /** `initialize`, then `notifications/initialized` (2025-11-25 basic/lifecycle §Initialization). */
  async open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const id = `"manifold-${randomUUID()}"`;
    const offered = isLegacyRevision(client.revision) ? client.revision : newestLegacy;
    const body = `{"jsonrpc":"2.0","id":${id},"method":"initialize","params":{"protocolVersion":"${offered}","capabilities":${clientCapabilitiesJson(client.capabilities)},"clientInfo":{"name":"manifold","title":"Manifold","version":${JSON.stringify(this.#version)}}}}`;
    const { forwarded } = client;
    const probe = {
      ...linkOf(upstream, { sessionId: undefined, revision: assumedRevision, capabilities: 0 }, false),
      forwarded,
    };
    const answer = await this.#ask(probe, Buffer.from(body), id, deadlineMs);
    const opened = readInitializeResult(answer.message, answer.sessionId);
    const link = { ...linkOf(upstream, opened, false), forwarded };
    try {
      await this.post(link, initialized, deadlineMs);
    } catch (fault) {
      // Nobody will use the session that was begun.
      void this.end(link);
      throw fault;
    }
    return opened;
  }

  call(link: Link, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return link.said === undefined ? this.send(link, body, sink, idleMs) : this.#bridged(link, body, sink, idleMs);
  }

  /** The client speaks for itself in each request, as in 2026-07-28, whose tasks are not this era's. */
  #bridged(link: Link, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return bridged(this, link, body, sink, idleMs) ?? this.send(link, body, sink, idleMs);
  }

  send(link: Link, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return this.#send(link, 'POST', link.headers, body, sink, idleMs);
  }

  listen(link: Link, lastEventId: string | undefined, sink: AnswerSink, idleMs = 0): Exchange {
    const headers = headersWithoutBody(link, 'text/event-stream');
    if (lastEventId !== undefined) headers.push('last-event-id', lastEventId);
    return this.#send(link, 'GET', headers, null, sink, idleMs);
  }

  post(link: Link, body: Buffer | string, deadlineMs = link.upstream.config.timeoutMs): Promise<void> {
    return new Promise((resolve, reject) => {
      const exchange: HttpExchange = this.#send(
        link,
        'POST',
        link.headers,
        body,
        new AcceptedSink(() => exchange.status, resolve, reject),
        deadlineMs,
      );
    });
  }

  async end(link: Link): Promise<void> {
    if (link.sessionId === undefined) return;
    await new Promise<void>((resolve) => {
      const done = (): void => resolve();
      this.#send(
        link,
        'DELETE',
        headersWithoutBody(link, 'application/json, text/event-stream'),
        null,
        new AcceptedSink(() => 200, done, done),
        endSessionMs,
      );
    });
  }

  async ask(link: Link, method: string, params: string, deadlineMs: number): Promise<Buffer> {
    // Unguessable, so that it can never equal the id of a client's request on the same session (protocol.md D4).
    const id = `"manifold-${randomUUID()}"`;
    const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
    return (await withDeadline(this.#ask(link, Buffer.from(body), id, deadlineMs), deadlineMs)).message.bytes;
  }

  /** The answer as JSON or at the end of a stream. */
  async #ask(
    link: Link,
    body: Buffer,
    id: string,
    deadlineMs: number,
  ): Promise<{ message: Message; sessionId: string | undefined }> {
    return await new Promise((resolve, reject) => {
      const sink = new ResponseSink(id, (message) => resolve({ message, sessionId: exchange.sessionId }), reject);
      const exchange = this.#send(link, 'POST', link.headers, body, sink, deadlineMs);
      sink.exchange = exchange;
    });
  }

  #send(
    link: Link,
    method: 'POST' | 'GET' | 'DELETE',
    headers: string[],
    body: Buffer | string | null,
    sink: AnswerSink,
    idleMs: number,
  ): HttpExchange {
    const exchange = new HttpExchange(sink, this.#wheel, idleMs);
    const all = link.forwarded === undefined ? headers : [...headers, ...link.forwarded];
    const pool = method === 'GET' ? link.upstream.streams : link.upstream.pool;
    dispatch(link.upstream, pool, { method, headers: all, body }, exchange);
    return exchange;
  }
}

function headersWithoutBody(link: Link, accept: string): string[] {
  const headers: string[] = [...link.upstream.headers, 'accept', accept];
  if (hasRevisionHeader(link.revision)) headers.push('mcp-protocol-version', link.revision);
  if (link.sessionId !== undefined) headers.push('mcp-session-id', link.sessionId);
  return headers;
}

function readInitializeResult(message: Message, sessionId: string | undefined): Opened {
  const result = message.root.member('result');
  if (result === undefined) throw new GatewayError('upstream_refused', 'initialize was answered with an error');
  const version = result.member('protocolVersion');
  const text = version?.kind === 'string' ? textOf(message.bytes, version) : '';
  const capabilities = result.member('capabilities');
  const instructions = result.member('instructions');
  if (sessionId !== undefined && (sessionId.length > maxSessionIdChars || !/^[\x21-\x7e]+$/.test(sessionId)))
    throw new GatewayError('upstream_malformed', 'session id is not 1 to 1,024 visible ASCII characters');
  return {
    sessionId,
    revision: revisionOf(text),
    capabilities: serverBits(capabilities),
    instructions: instructions?.kind === 'string' ? textOf(message.bytes, instructions) : undefined,
  };
}

/** 2024-11-05 servers that answer over Streamable HTTP behave as the next revision does, which sends no version header either. */
function revisionOf(text: string): LegacyRevision {
  if (isLegacyRevision(text)) return text;
  if (text === '2024-11-05') return assumedRevision;
  throw new GatewayError(
    'upstream_malformed',
    `answered initialize with protocol version ${JSON.stringify(text.slice(0, 32))}`,
  );
}

/** Takes any 2xx answer as done: notifications, answers and DELETE have nothing to say. */
class AcceptedSink implements AnswerSink {
  readonly #status: () => number;
  readonly #done: () => void;
  readonly #failed: (fault: GatewayError) => void;

  constructor(status: () => number, done: () => void, failed: (fault: GatewayError) => void) {
    this.#status = status;
    this.#done = done;
    this.#failed = failed;
  }

  onJson(): void {}
  onStream(): void {}
  onEvent(): void {}
  onRetry(): void {}
  onEnd(): void {
    this.#done();
  }
  onFault(fault: GatewayError): void {
    const status = this.#status();
    if (status >= 200 && status < 300) this.#done();
    else this.#failed(fault);
  }
}
