/**
 * One HTTP request to an upstream over undici's dispatch: status, media type, bounds and silence are judged here, bytes become
 * JSON or events for the sink. Bodies and headers of faults stay here (security.md T15, T26).
 */
import type { Dispatcher } from 'undici';
import { GatewayError, type ErrorCode } from '../../errors.ts';
import { maxMessageBytes } from '../../protocol/limits.ts';
import { SseDecoder, type SseEvent } from '../../protocol/sse.ts';
import { answeredGraceMs, callCeilingMs, maxErrorBodyBytes, maxEventsPerSecond, maxRetryMs } from '../http/limits.ts';
import { Waiting, type Wheel } from '../http/wheel.ts';
import type { AnswerSink, Exchange } from './adapter.ts';

type Reading = 'head' | 'json' | 'stream' | 'error' | 'over';

/** Undici's handler, the caller's `Exchange` and the wheel's wait in one object, so that a call costs one allocation. */
export class HttpExchange extends Waiting implements Dispatcher.DispatchHandler, Exchange {
  /** `Mcp-Session-Id` of the answer, where there is one. */
  sessionId: string | undefined;
  status = 0;

  readonly #sink: AnswerSink;
  readonly #wheel: Wheel;
  /** Longest silence in ms; 0 for a stream that may be silent for ever. */
  readonly #idleMs: number;
  #controller: Dispatcher.DispatchController | undefined;
  #reading: Reading = 'head';
  #chunks: Buffer[] = [];
  #size = 0;
  #decoder: SseDecoder | undefined;
  #paused = false;
  /** Left unread for a while, as it brings more events than it may. */
  #held = false;
  /** Events that may come yet, at `#allowanceTick`; below 0 what came beyond. */
  #allowance = maxEventsPerSecond;
  #allowanceTick: number;
  #isAnswered = false;
  /** Answers with status 400 and 404 are JSON-RPC errors, as in revision 2026-07-28. */
  readonly #readsErrors: boolean;
  readonly #startedTick: number;
  /** Tick of the last sign of life: noting it is all that one costs. */
  #aliveTick: number;

  constructor(sink: AnswerSink, wheel: Wheel, idleMs: number, readsErrors = false) {
    super();
    this.#readsErrors = readsErrors;
    this.#sink = sink;
    this.#wheel = wheel;
    this.#idleMs = idleMs;
    this.#startedTick = wheel.ticks;
    this.#aliveTick = wheel.ticks;
    this.#allowanceTick = wheel.ticks;
    if (idleMs > 0) wheel.arm(this, Math.min(idleMs, callCeilingMs));
  }

  /** The answer is complete: what follows is of no interest, and the upstream has a moment to end in good order. */
  answered(): void {
    if (this.#reading === 'over') return;
    this.#isAnswered = true;
    this.#wheel.arm(this, answeredGraceMs);
  }

  /** The request could not be sent. */
  giveUp(fault: GatewayError): void {
    if (this.#close()) this.#tell(() => this.#sink.onFault(fault));
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
    // A client that reads slowly is no silence of the upstream.
    if (!this.#held) this.#wheel.disarm(this);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // The connection may serve another by now.
    if (this.#reading === 'over') return;
    if (this.#held) return;
    this.#controller?.resume();
    this.#aliveTick = this.#wheel.ticks;
    if (this.#idleMs > 0) this.#wheel.arm(this, this.#idleMs);
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
      if (this.#paused) return;
      this.#controller?.resume();
      this.#aliveTick = this.#wheel.ticks;
      if (this.#idleMs === 0) return;
    }
    const silentMs = this.#wheel.msOf(this.#wheel.ticks - this.#aliveTick);
    const leftMs = callCeilingMs - this.#wheel.msOf(this.#wheel.ticks - this.#startedTick);
    if (silentMs < this.#idleMs && leftMs > 0) {
      this.#wheel.arm(this, Math.min(this.#idleMs - silentMs, leftMs));
      return;
    }
    this.#fail('upstream_timeout', `silent for ${this.#idleMs} ms, or at the ceiling of ${callCeilingMs} ms`);
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
    const sessionId = headers['mcp-session-id'];
    if (typeof sessionId === 'string') this.sessionId = sessionId;
    const type = headers['content-type'];
    const isRead = status === 200 || (this.#readsErrors && (status === 400 || status === 404));
    if (!isRead) this.#reading = 'error';
    else if (typeof type === 'string' && startsWithType(type, 'application/json')) this.#reading = 'json';
    else if (status !== 200) this.#reading = 'error';
    else if (typeof type === 'string' && startsWithType(type, 'text/event-stream')) {
      this.#reading = 'stream';
      this.#decoder = new SseDecoder(
        (event) => this.#event(event),
        (ms) => this.#sink.onRetry(Math.min(ms, maxRetryMs)),
      );
      this.#tell(() => this.#sink.onStream());
    } else this.#reading = 'error';
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reading === 'over') return;
    this.#aliveTick = this.#wheel.ticks;
    if (this.#reading === 'stream') {
      try {
        this.#decoder!.feed(chunk);
      } catch (fault) {
        this.#fail('upstream_malformed', String(fault));
      }
      return;
    }
    this.#size += chunk.length;
    if (this.#reading === 'json') {
      if (this.#size > maxMessageBytes) this.#fail('upstream_malformed', `answer over ${maxMessageBytes} bytes`);
      else this.#chunks.push(chunk);
    } else if (this.#size - chunk.length < maxErrorBodyBytes) this.#chunks.push(chunk);
    else this.#finishError();
  }

  onResponseEnd(): void {
    switch (this.#reading) {
      case 'json': {
        const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#size);
        this.#close();
        this.#tell(() => {
          this.#sink.onJson(body);
          this.#sink.onEnd();
        });
        return;
      }
      case 'stream':
        this.#decoder!.end();
        if (this.#close()) this.#tell(() => this.#sink.onEnd());
        return;
      case 'error':
        this.#finishError();
        return;
      case 'head':
      case 'over':
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(this.#reading === 'head' ? 'upstream_unreachable' : 'upstream_interrupted', error.message, error);
  }

  #event(event: SseEvent): void {
    if (this.#reading !== 'stream') return;
    this.#count();
    this.#sink.onEvent(event);
  }

  /**
   * A flood of small events would take all turns of the loop, however fast the client. It is left unread until its time has
   * come, so nothing of it is lost and other streams are served in between (security.md T21).
   */
  #count(): void {
    const { ticks } = this.#wheel;
    if (ticks !== this.#allowanceTick) {
      const earned = (this.#wheel.msOf(ticks - this.#allowanceTick) * maxEventsPerSecond) / 1_000;
      this.#allowance = Math.min(this.#allowance + earned, maxEventsPerSecond);
      this.#allowanceTick = ticks;
    }
    this.#allowance -= 1;
    if (this.#allowance >= 0 || this.#held || this.#isAnswered) return;
    this.#held = true;
    this.#controller?.pause();
    this.#wheel.arm(this, (-this.#allowance * 1_000) / maxEventsPerSecond);
  }

  /** Judges an answer that is no 200 with JSON or events; its body serves to tell a lost session from other refusals. */
  #finishError(): void {
    const body = Buffer.concat(this.#chunks).subarray(0, maxErrorBodyBytes).toString('latin1');
    this.#chunks = [];
    this.#fail(codeOf(this.status, body), `HTTP ${this.status}`);
  }

  #fail(code: ErrorCode, detail: string, cause?: unknown): void {
    if (!this.#close()) return;
    this.#controller?.abort(aborted);
    this.#tell(() => this.#sink.onFault(new GatewayError(code, detail, cause === undefined ? {} : { cause })));
  }

  /** A fault inside a sink ends its own exchange; thrown into undici it would end the process. */
  #tell(what: () => void): void {
    try {
      what();
    } catch (cause) {
      this.#close();
      this.#controller?.abort(aborted);
      this.#sink.onFault(new GatewayError('internal', String(cause), { cause }));
    }
  }

  /** Whether it was this call that ended the exchange. */
  #close(): boolean {
    if (this.#reading === 'over') return false;
    this.#reading = 'over';
    this.#wheel.disarm(this);
    return true;
  }
}

const aborted = new Error('aborted by the gateway');

const speaksOfLostSession =
  /session.?id|session (?:not found|expired|has expired|terminated)|(?:invalid|unknown|valid|missing) session|not initialized/i;

/**
 * 404 to a session id means that it is gone (2025-11-25 transports §Session Management 3). Many servers say 400 instead, with
 * a message about the session; nothing has been done by then either, so it is taken as the same. A server that kept no
 * sessions and was replaced by one that does says the same to a request without an id.
 */
function codeOf(status: number, body: string): ErrorCode {
  if (status === 404 || (status === 400 && speaksOfLostSession.test(body))) return 'upstream_session_lost';
  if (status === 200 || status === 202) return 'upstream_malformed';
  if (status === 401 || status === 403) return 'upstream_unauthorized';
  if (status === 405) return 'upstream_verb_refused';
  // The stream has another reader, or one whose end the upstream has not seen yet; or it has no time for this now.
  if (status === 408 || status === 409 || status === 429) return 'upstream_busy';
  return status >= 500 ? 'upstream_unreachable' : 'upstream_refused';
}

function startsWithType(value: string, type: string): boolean {
  return value === type || (value.toLowerCase().startsWith(type) && /^[\s;]/.test(value.slice(type.length)));
}
