/**
 * Upstreams of the session era (2025-03-26, 2025-06-18, 2025-11-25): handshake, calls, the GET stream, DELETE.
 * Headers are built for this hop only; no header of the client is copied (MCP Security Best Practices §Token Passthrough).
 */
import { randomUUID } from 'node:crypto';
import { GatewayError } from '../../errors.ts';
import { clientCapabilitiesJson, knownExtensions } from '../../protocol/capabilities.ts';
import { serverBits } from '../../protocol/declared.ts';
import type { Message } from '../../protocol/envelope.ts';
import {
  assumedRevision,
  isLegacyRevision,
  type LegacyRevision,
  newestLegacy,
  oldestRevision,
} from '../../protocol/revisions.ts';
import { textOf } from '../../protocol/scan.ts';
import { unreadIn, withUnread } from '../../protocol/unread.ts';
import type { Tolerated } from '../../telemetry/tolerated.ts';
import { endSessionMs, initializedWaitMs } from '../http/limits.ts';
import type { Wheel } from '../http/wheel.ts';
import type { Caller } from '../http/caller.ts';
import type { AnswerSink, ClientFacts, Exchange, ListenFor, Opened, UpstreamAdapter } from './adapter.ts';
import { acrossEras } from './tasks-across.ts';
import type { Credentials } from './credentials.ts';
import { dispatch } from './dispatch.ts';
import { withDeadline } from '../http/deadline.ts';
import { HttpExchange } from './exchange.ts';
import { serverInfoIn, UpstreamSession, type Outbound } from './session.ts';
import { ResponseSink } from './response-sink.ts';
import type { Upstream } from './upstream.ts';

/** Longer session ids are refused: they do not fit into the client's token. */
const maxSessionIdChars = 1_024;
const initialized = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

export class LegacyAdapter implements UpstreamAdapter {
  readonly #wheel: Wheel;
  readonly #credentials: Credentials;
  readonly #version: string;

  constructor(wheel: Wheel, credentials: Credentials, version: string) {
    this.#wheel = wheel;
    this.#credentials = credentials;
    this.#version = version;
  }

  /** `initialize`, then `notifications/initialized` (2025-11-25 basic/lifecycle §Initialization). */
  async open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const id = `"manifold-${randomUUID()}"`;
    const offered = isLegacyRevision(client.revision) ? client.revision : newestLegacy;
    const own = `{"name":"manifold","title":"Manifold","version":${JSON.stringify(this.#version)}}`;
    // Bridged processes are started before their clients are known, so the text is the same for every client.
    const words = upstream.bridged ? undefined : client.words;
    const declared = withUnread(clientCapabilitiesJson(client.capabilities), words?.unread ?? {}, knownExtensions);
    const body = `{"jsonrpc":"2.0","id":${id},"method":"initialize","params":{"protocolVersion":"${offered}","capabilities":${declared},"clientInfo":${words?.clientInfo ?? own}}}`;
    const { caller, trace } = client;
    const unknown = { sessionId: undefined, revision: assumedRevision, capabilities: 0 } as const;
    const probe = { session: new UpstreamSession(upstream, unknown, false), caller, trace };
    const answer = await this.#ask(probe, Buffer.from(body), id, deadlineMs, wordsForBridge(upstream, client));
    const opened = readInitializeResult(answer.message, answer.sessionId, upstream.tolerated);
    const begun = { session: new UpstreamSession(upstream, opened, false), caller, trace };
    try {
      await this.#initialized(begun, deadlineMs);
    } catch (fault) {
      // The new session will not be used.
      void this.end(begun);
      throw fault;
    }
    return opened;
  }

  /**
   * Some servers refuse this notification or never answer it, but otherwise work. The session is used even so. Throws if the server
   * is not reachable or not available (503), or refuses the credentials (401, 403).
   */
  async #initialized(to: Outbound, deadlineMs: number): Promise<void> {
    const { tolerated } = to.session.upstream;
    let status = 0;
    try {
      await this.#post(to, initialized, Math.min(deadlineMs, initializedWaitMs), (answered) => (status = answered));
    } catch (fault) {
      if (status === 401 || status === 403 || status === 503) throw fault;
      if (status !== 0) tolerated.note('initialized_refused', `HTTP ${status}`);
      else if (fault instanceof GatewayError && fault.code === 'upstream_timeout') tolerated.note('initialized_open');
      // Without a status, the connection failed or the credentials were not available.
      else throw fault;
    }
  }

  /** Sends a call. The call of a 2026-07-28 client is translated first, because the two eras have different tasks. */
  call(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    const across = to.said?.itself === true ? acrossEras(this, to, body, sink, idleMs) : undefined;
    return across ?? this.send(to, body, sink, idleMs);
  }

  send(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return this.#send(to, 'POST', to.session.headers, body, sink, idleMs);
  }

  listen(to: Outbound, lastEventId: string | undefined, sink: AnswerSink, { idleMs = 0 }: ListenFor = {}): Exchange {
    const headers = to.session.headersWithoutBody('text/event-stream');
    if (lastEventId !== undefined) headers.push('last-event-id', lastEventId);
    return this.#send(to, 'GET', headers, null, sink, idleMs);
  }

  post(to: Outbound, body: Buffer | string): Promise<void> {
    return this.#post(to, body, to.session.upstream.config.timeoutMs);
  }

  /** `answered` gets the HTTP status of a refusal; 0 without an answer. */
  #post(
    to: Outbound,
    body: Buffer | string,
    deadlineMs: number,
    answered: (status: number) => void = () => {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      // Still undefined if sending fails at once.
      let exchange: HttpExchange | undefined;
      const statusOf = (): number => exchange?.status ?? 0;
      const refused = (fault: GatewayError): void => {
        answered(statusOf());
        reject(fault);
      };
      exchange = this.#send(to, 'POST', to.session.headers, body, new AcceptedSink(resolve, refused), deadlineMs);
    });
  }

  async end({ session, caller }: { readonly session: UpstreamSession; readonly caller: Caller }): Promise<void> {
    if (!session.keepsSession) return;
    await new Promise<void>((resolve) => {
      const done = (): void => resolve();
      this.#send(
        { session, caller },
        'DELETE',
        session.headersWithoutBody('application/json, text/event-stream'),
        null,
        new AcceptedSink(done, done),
        endSessionMs,
      );
    });
  }

  async ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer> {
    // Unguessable, so that it can never equal the id of a client's request on the same session.
    const id = `"manifold-${randomUUID()}"`;
    const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
    return (await withDeadline(this.#ask(to, Buffer.from(body), id, deadlineMs), deadlineMs)).message.bytes;
  }

  /** Sends a request and resolves with its answer, from a JSON body or from a stream. */
  async #ask(
    to: Outbound,
    body: Buffer,
    id: string,
    deadlineMs: number,
    words: readonly string[] = [],
  ): Promise<{ message: Message; sessionId: string | undefined }> {
    return await new Promise((resolve, reject) => {
      const sink = new ResponseSink(
        id,
        (message) => resolve({ message, sessionId: exchange.sessionId }),
        reject,
        () => to.session.upstream.tolerated.note('id_as_text'),
      );
      const headers = words.length === 0 ? to.session.headers : [...to.session.headers, ...words];
      const exchange = this.#send(to, 'POST', headers, body, sink, deadlineMs);
      sink.exchange = exchange;
    });
  }

  #send(
    { session: { upstream }, caller, trace }: Outbound,
    method: 'POST' | 'GET' | 'DELETE',
    headers: readonly string[],
    body: Buffer | string | null,
    sink: AnswerSink,
    idleMs: number,
  ): HttpExchange {
    const exchange = new HttpExchange(sink, this.#wheel, idleMs, false, caller.principalId);
    exchange.tolerated = upstream.tolerated;
    const pool = method === 'GET' ? upstream.streams : upstream.pool;
    const all = trace === undefined ? headers : [...headers, ...trace];
    dispatch(upstream, pool, { method, headers: all, body }, this.#credentials, caller, exchange);
    return exchange;
  }
}

/** Headers that name the caller of a session, as a raw list: for the loopback bridge only, empty for any other upstream. */
function wordsForBridge({ bridged }: Upstream, { isShared, caller }: ClientFacts): readonly string[] {
  if (!bridged) return [];
  return ['manifold-principal', caller.principalId, ...(isShared ? [] : ['manifold-sharing', 'session'])];
}

function readInitializeResult(message: Message, sessionId: string | undefined, tolerated: Tolerated): Opened {
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
    revision: revisionOf(text, tolerated),
    capabilities: serverBits(capabilities),
    serverInfo: serverInfoIn(message, result.member('serverInfo')),
    ...unreadIn(message.bytes, capabilities),
    instructions: instructions?.kind === 'string' ? textOf(message.bytes, instructions) : undefined,
  };
}

/** Servers of 2024-11-05 over Streamable HTTP are treated like 2025-03-26, which also has no version header. */
function revisionOf(text: string, tolerated: Tolerated): LegacyRevision {
  if (isLegacyRevision(text)) return text;
  if (text === oldestRevision) {
    tolerated.note('revision', text);
    return assumedRevision;
  }
  throw new GatewayError(
    'upstream_malformed',
    `answered initialize with protocol version ${JSON.stringify(text.slice(0, 32))}`,
  );
}

/** For notifications, answers and DELETE: any 2xx is success, and the body is ignored. */
class AcceptedSink implements AnswerSink {
  readonly expectsNothing = true;
  readonly #done: () => void;
  readonly #failed: (fault: GatewayError) => void;

  constructor(done: () => void, failed: (fault: GatewayError) => void) {
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
    this.#failed(fault);
  }
}
