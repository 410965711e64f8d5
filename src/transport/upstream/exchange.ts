/**
 * One HTTP request to an upstream over undici's dispatch. It checks status, media type, sizes and silence, and turns bytes into
 * JSON or events for the sink. Headers of error responses, and bodies that do not answer the request, are not passed on.
 */
import type { Dispatcher } from 'undici';
import { GatewayError, type ErrorCode } from '../../errors.ts';
import { textWithoutMark, withoutMark } from '../../protocol/byte-order-mark.ts';
import { Gathered } from '../../protocol/gathered.ts';
import type { Tolerated } from '../../telemetry/tolerated.ts';
import { SseDecoder, type SseEvent } from '../../protocol/sse.ts';
import { budget, upstreamsShare, type Hold } from '../http/budget.ts';
import { answeredGraceMs, callCeilingMs, lifeBytes, maxErrorBodyBytes, maxRetryMs } from '../http/limits.ts';
import { canBeResumedAfter } from '../../session/event-id.ts';
import { eventLimit, messageLimits } from '../http/message-limits.ts';
import { answerTurns, BodyTurn } from '../http/turns.ts';
import { Waiting, type Wheel } from '../http/wheel.ts';
import type { AnswerSink, Exchange } from './adapter.ts';
import { Pace } from './pace.ts';
import { follow, redirection, shownTarget, type SentRequest } from './redirects.ts';
import { refusalOf } from './refusal.ts';

/** `odd`: 200 with another media type, or none. `accepted`: the rest is dropped. */
type Reading = 'head' | 'json' | 'stream' | 'odd' | 'error' | 'accepted' | 'redirect' | 'over';

/** undici's handler, the caller's `Exchange` and the timer wheel's entry in one object, so that a call costs one allocation. */
export class HttpExchange extends Waiting implements Dispatcher.DispatchHandler, Exchange {
  /** `Mcp-Session-Id` of the answer; undefined without one. */
  sessionId: string | undefined;
  status = 0;
  /** The answer has a `Retry-After` header. */
  #saysWhen = false;
  /** Media type of a 200 that is neither JSON nor events; `none` without one. The body is used if it parses. */
  oddType: string | undefined;
  /** Records deviations of the upstream from the specification. */
  tolerated: Tolerated | undefined;

  /** The request, until it is known that the answer is not a redirect. */
  sent: SentRequest | undefined;

  readonly #sink: AnswerSink;
  readonly #wheel: Wheel;
  /** Maximum silence in ms; 0 for a stream without a limit. */
  readonly #idleMs: number;
  #controller: Dispatcher.DispatchController | undefined;
  #reading: Reading = 'head';
  /** The first chunk of the answer, usually the complete answer. */
  #first: Buffer | undefined;
  #gathered: Gathered | undefined;
  #size = 0;
  /** `Content-Length`; 0 without one. */
  #announced = 0;
  /** Counts answers of more than one chunk, and large events, in the memory budget. */
  #hold: Hold | undefined;
  readonly #principalId: string;
  /** The path of the redirect that is followed. */
  #target: string | undefined;
  #decoder: SseDecoder | undefined;
  #pace: Pace | undefined;
  #paused = false;
  /** Paused because the answer exceeds its rate limit. */
  #held = false;
  /** For an answer in many chunks: it waits for its turn while other answers are read. */
  #turn: BodyTurn | undefined;
  #waitsForTurn = false;
  /** Number of chunks of the incomplete event. */
  #pieces = 0;
  #isAnswered = false;
  /** Answers with status 400 and 404 are JSON-RPC errors, as in revision 2026-07-28. */
  readonly #readsErrors: boolean;
  readonly #startedTick: number;
  /** The tick of the last activity of the upstream. */
  #aliveTick: number;
  /** Bytes of the incomplete message at the last activity. */
  #aliveBytes = 0;

  /** `principalId`: the caller whose share of the memory budget counts the answer. Empty: the share of all upstreams. */
  constructor(sink: AnswerSink, wheel: Wheel, idleMs: number, readsErrors = false, principalId = '') {
    super();
    this.#principalId = principalId;
    this.#readsErrors = readsErrors;
    this.#sink = sink;
    this.#wheel = wheel;
    this.#idleMs = idleMs;
    this.#startedTick = wheel.ticks;
    this.#aliveTick = wheel.ticks;
    if (idleMs > 0) wheel.arm(this, Math.min(idleMs, callCeilingMs));
  }

  /** The answer is complete: ignores the rest. The upstream has `answeredGraceMs` to end its stream. */
  answered(): void {
    if (this.#reading === 'over') return;
    this.#isAnswered = true;
    this.#wheel.arm(this, answeredGraceMs);
  }

  /** Nothing more is passed to the sink. */
  get isOver(): boolean {
    return this.#reading === 'over';
  }

  /** The request could not be sent. */
  giveUp(fault: GatewayError): void {
    if (this.#close()) this.#tell(() => this.#sink.onFault(fault));
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
    // A pause is not silence of the upstream: the client reads slowly.
    if (!this.#held) this.#wheel.disarm(this);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // The connection may already serve another request.
    if (this.#reading === 'over') return;
    if (!this.#held) this.#readOn();
  }

  abort(): void {
    if (this.#close()) this.#controller?.abort(aborted);
  }

  onDue(): void {
    if (this.#isAnswered) {
      this.abort();
      return;
    }
    if (this.#held) {
      this.#held = false;
      if (!this.#paused) this.#readOn();
      return;
    }
    const silentMs = this.#wheel.msOf(this.#wheel.ticks - this.#aliveTick);
    const leftMs = callCeilingMs - this.#wheel.msOf(this.#wheel.ticks - this.#startedTick);
    if (silentMs < this.#idleMs && leftMs > 0) {
      this.#wheel.arm(this, Math.min(this.#idleMs - silentMs, leftMs));
      return;
    }
    this.#fail('upstream_timeout', `silent for ${this.#idleMs} ms, or at the ceiling of ${callCeilingMs} ms`);
  }

  /**
   * Restarts the silence timeout and resumes reading. The timeout comes first: data that arrived meanwhile is passed on at once and
   * may pause the exchange again.
   */
  #readOn(): void {
    this.#aliveTick = this.#wheel.ticks;
    if (this.#idleMs > 0) {
      const leftMs = callCeilingMs - this.#wheel.msOf(this.#wheel.ticks - this.#startedTick);
      this.#wheel.arm(this, Math.min(this.#idleMs, leftMs));
    }
    if (!this.#waitsForTurn) this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reading === 'over') controller.abort(aborted);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.#reading === 'over') return;
    this.#controller = controller;
    this.status = status;
    if (this.#paused) controller.pause();
    else this.#aliveTick = this.#wheel.ticks;
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      this.#fail('upstream_malformed', 'content-encoding although identity was asked for');
      return;
    }
    this.#saysWhen = headers['retry-after'] !== undefined;
    const sessionId = headers['mcp-session-id'];
    if (typeof sessionId === 'string') this.sessionId = sessionId;
    const type = headers['content-type'];
    const isRead = status === 200 || (this.#readsErrors && (status === 400 || status === 404));
    if (status >= 300 && status < 400) {
      this.#redirect(headers['location']);
      return;
    }
    this.sent = undefined;
    if (this.#sink.expectsNothing === true && status < 300) {
      this.#reading = 'accepted';
      this.answered();
      this.#tell(() => this.#sink.onEnd());
    } else if (isRead && typeof type === 'string' && startsWithType(type, 'application/json')) {
      this.#reading = 'json';
      const length = Number(headers['content-length'] ?? 0);
      this.#announced = length > 0 && length <= messageLimits().answer ? length : 0;
    } else if (status === 200 && typeof type === 'string' && startsWithType(type, 'text/event-stream')) {
      this.#reading = 'stream';
      this.#pace = new Pace(this.#wheel);
      this.#decoder = new SseDecoder(
        (event) => this.#event(event),
        (ms) => this.#sink.onRetry(Math.min(ms, maxRetryMs)),
        { maxEventBytes: eventLimit() },
      );
      this.#tell(() => this.#sink.onStream());
    } else if (status === 200) {
      this.#reading = 'odd';
      this.oddType = typeof type === 'string' ? type.slice(0, maxTypeChars) : 'none';
    } else this.#reading = 'error';
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    switch (this.#reading) {
      case 'stream':
        this.#streamed(chunk);
        return;
      case 'json':
        this.#answer(chunk);
        return;
      case 'odd':
        // A body that is not a JSON object, such as an HTML page, is not read to its end.
        if (this.#size === 0 && !beginsObject(chunk)) this.#finishRefusal();
        else this.#answer(chunk);
        return;
      case 'error':
        this.#size += chunk.length;
        this.#keep(chunk);
        if (this.#size > maxErrorBodyBytes) this.#finishRefusal();
        return;
      case 'redirect':
        this.#size += chunk.length;
        if (this.#size > maxErrorBodyBytes) this.#fail('upstream_refused', 'a redirect without an end');
        return;
      case 'head':
      case 'accepted':
      case 'over':
    }
  }

  onResponseEnd(): void {
    switch (this.#reading) {
      case 'json': {
        const body = this.#body();
        const text = withoutMark(body);
        if (text.length !== body.length) this.tolerated?.note('byte_order_mark');
        this.#deliver(text);
        return;
      }
      case 'stream':
        this.#decoder!.end();
        if (this.#close()) this.#tell(() => this.#sink.onEnd());
        return;
      case 'odd':
      case 'error':
        this.#finishRefusal();
        return;
      case 'accepted':
        this.#close();
        return;
      case 'redirect':
        this.#reading = 'head';
        this.#size = 0;
        this.tolerated?.note('redirect', `HTTP ${this.status} to ${shownTarget(this.#target!)}`);
        follow(this.sent!, this.#target!, this);
        return;
      case 'head':
      case 'over':
    }
  }

  #answer(chunk: Buffer): void {
    this.#size += chunk.length;
    this.#grown(this.#size);
    if (this.#size > messageLimits().answer) this.#tooLarge();
    else this.#keep(chunk);
    if (this.#gathered !== undefined) this.#byTurns(chunk.length);
  }

  #streamed(chunk: Buffer): void {
    const decoder = this.#decoder!;
    this.#pace!.piece(chunk);
    try {
      decoder.feed(chunk);
    } catch (fault) {
      if (fault instanceof GatewayError && fault.code === 'upstream_too_large') this.#tooLarge();
      else this.#fail('upstream_malformed', String(fault));
    }
    const { pendingBytes } = decoder;
    this.#grown(pendingBytes);
    if (pendingBytes > lifeBytes || this.#hold !== undefined) this.#holds(pendingBytes);
    this.#pieces = pendingBytes === 0 ? 0 : this.#pieces + 1;
    if (this.#pieces > freePieces) this.#byTurns(chunk.length);
    this.#slowDown();
  }

  /** Reads answers in many chunks by turns: each chunk costs time, whatever its size, and all clients share one event loop. */
  #byTurns(bytes: number): void {
    this.#turn ??= new BodyTurn(() => {
      this.#waitsForTurn = false;
      if (this.#reading === 'over') return false;
      if (!this.#paused && !this.#held) this.#controller?.resume();
      return true;
    }, answerTurns);
    if (this.#turn.took(bytes) || this.#waitsForTurn || this.#reading === 'over') return;
    this.#waitsForTurn = true;
    this.#controller?.pause();
  }

  /** Notes activity: messages and parts of a message end a silence; comments and empty lines do not. */
  #grown(bytes: number): void {
    if (bytes < this.#aliveBytes) this.#aliveBytes = 0;
    if (bytes - this.#aliveBytes < lifeBytes) return;
    this.#aliveBytes = bytes;
    this.#aliveTick = this.#wheel.ticks;
  }

  #keep(chunk: Buffer): void {
    if (this.#first === undefined) {
      this.#first = chunk;
      return;
    }
    if (this.#gathered === undefined) {
      this.#gathered = new Gathered();
      this.#gathered.append(this.#first);
    }
    if (this.#holds(this.#size)) this.#gathered.append(chunk, this.#announced);
  }

  /** Returns the received bytes in one buffer, and no longer keeps them. */
  #body(): Buffer {
    const body = this.#gathered === undefined ? (this.#first ?? empty) : this.#gathered.take();
    this.#first = undefined;
    this.#gathered = undefined;
    return body;
  }

  #deliver(body: Buffer): void {
    this.#close();
    this.#tell(() => {
      this.#sink.onJson(body);
      this.#sink.onEnd();
    });
  }

  /** Counts the kept bytes of the answer in the budget. False: the budget is exhausted, or the exchange has ended. */
  #holds(bytes: number): boolean {
    if (this.#reading === 'over') return false;
    const dropped = (): void => this.#fail('answer_dropped', `${bytes} bytes`);
    this.#hold ??= budget.share(this.#principalId === '' ? upstreamsShare : this.#principalId).hold(dropped);
    if (this.#hold.set(bytes)) return true;
    dropped();
    return false;
  }

  #redirect(location: string | string[] | undefined): void {
    const target = typeof location === 'string' ? location : '';
    // Only 307 and 308 keep method and body (RFC 9110 §15.4). Only one redirect is followed, so that there is no loop.
    const isFollowed = (this.status === 307 || this.status === 308) && this.#target === undefined;
    this.#target = isFollowed && this.sent !== undefined ? redirection(this.sent, target) : undefined;
    this.#reading = 'redirect';
    if (this.#target === undefined) this.#fail('upstream_unreachable', `HTTP ${this.status} to ${shownTarget(target)}`);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(this.#reading === 'head' ? 'upstream_unreachable' : 'upstream_interrupted', error.message, error);
  }

  #event(event: SseEvent): void {
    if (this.#reading !== 'stream') return;
    this.#pace!.event();
    // Only events of type `message` are messages (2025-11-25 basic/transports §Sending Messages to the Server). Of other
    // events only the id is used (HTML §9.2.6).
    const isMessage = event.event === undefined || event.event === 'message';
    // An id that cannot be a header value cannot be resumed from.
    if (event.id !== undefined && !canBeResumedAfter(event.id)) event = { ...event, id: undefined };
    if (isMessage && event.data !== '') this.#aliveTick = this.#wheel.ticks;
    if (isMessage) this.#sink.onEvent(event.data.charCodeAt(0) === mark ? this.#withoutMark(event) : event);
    else this.tolerated?.note('event_name', event.event);
    if (!isMessage && event.id !== undefined) this.#sink.onEvent({ data: '', id: event.id, event: undefined });
  }

  #withoutMark(event: SseEvent): SseEvent {
    this.tolerated?.note('byte_order_mark');
    return { ...event, data: textWithoutMark(event.data) };
  }

  /**
   * A very fast upstream would occupy the event loop, even if the client is fast too. So reading pauses: nothing is lost, and other
   * streams are served in between.
   */
  #slowDown(): void {
    const debtMs = this.#pace!.debtMs;
    if (debtMs <= 0 || this.#held || this.#isAnswered || this.#reading === 'over') return;
    this.#held = true;
    this.#controller?.pause();
    this.#wheel.arm(this, debtMs);
  }

  /** Handles an answer that is not a 200 with JSON or events. Its body may still be a JSON-RPC answer. */
  #finishRefusal(): void {
    const { status } = this;
    const type = this.oddType === undefined ? '' : `, content-type ${this.oddType}`;
    const refusal = refusalOf(status, this.#body(), this.#sink, this.#readsErrors);
    if (refusal.kind === 'answer') {
      if (this.oddType !== undefined) this.tolerated?.note('content_type', this.oddType);
      else if (!this.#readsErrors) this.tolerated?.note('error_status', `HTTP ${status}`);
      this.#deliver(refusal.body);
      return;
    }
    if (refusal.code === 'upstream_session_lost' && status !== 404)
      this.tolerated?.note('session_status', `HTTP ${status}`);
    // `Retry-After` with a 503 means that the upstream will be available later (RFC 9110 §15.6.4).
    if (status === 503 && this.#saysWhen) this.#fail('upstream_starting', `HTTP 503${type}`);
    else this.#fail(refusal.code, `HTTP ${status}${type}`);
  }

  #tooLarge(): void {
    const limit = messageLimits().answer;
    this.#fail('upstream_too_large', undefined, undefined, `larger than ${limit} bytes`);
  }

  #fail(code: ErrorCode, detail: string | undefined, cause?: unknown, about?: string): void {
    const isTold = this.#reading === 'accepted';
    if (!this.#close()) return;
    this.#controller?.abort(aborted);
    if (isTold) return;
    const options = { ...(cause === undefined ? {} : { cause }), ...(about === undefined ? {} : { about }) };
    this.#tell(() => this.#sink.onFault(new GatewayError(code, detail, options)));
  }

  /** Calls the sink. A fault that it throws ends only this exchange; thrown into undici, it would end the process. */
  #tell(what: () => void): void {
    try {
      what();
    } catch (cause) {
      this.#close();
      this.#controller?.abort(aborted);
      this.#sink.onFault(new GatewayError('internal', String(cause), { cause }));
    }
  }

  /** Ends the exchange. False: it had already ended. */
  #close(): boolean {
    if (this.#reading === 'over') return false;
    this.#reading = 'over';
    this.#wheel.disarm(this);
    this.#hold?.end();
    return true;
  }
}

const aborted = new Error('aborted by the gateway');

const empty = Buffer.alloc(0);
const mark = 0xfeff;
/** The number of chunks of one event that are read without turns. */
const freePieces = 16;
/** Maximum length of a media type in the log. */
const maxTypeChars = 64;

function beginsObject(chunk: Buffer): boolean {
  return /^[ \t\r\n]*\{/.test(withoutMark(chunk).toString('latin1', 0, 64));
}

function startsWithType(value: string, type: string): boolean {
  return value === type || (value.toLowerCase().startsWith(type) && /^[\s;]/.test(value.slice(type.length)));
}
