/**
 * One request under limits: it stands between undici and its exchange, observes the request, and repeats it if nothing was sent,
 * or if it only reads.
 */
import type { Dispatcher } from 'undici';
import type { UpstreamLimits } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import type { Breaker, AttemptOutcome, Pass } from './breaker.ts';
import type { InLine } from './slots.ts';

export interface RequestLimits {
  /** Maximum time from sending until the head of the answer, in ms. */
  readonly firstByteMs: number | undefined;
  /** An exchange that ended by itself before the head, after at least this time, has timed out; in ms. */
  readonly silenceMs: number;
  readonly retries: UpstreamLimits['retries'];
  /** It changes nothing at the upstream. */
  readonly isRead: boolean;
  readonly breaker: Breaker | undefined;
  readonly onRetry: () => void;
  /** The breaker opened before the request was sent. */
  readonly onRefused: () => void;
  /** Called once, at its end. */
  readonly onOver: () => void;
}

/** Statuses of gateways whose server is unavailable (RFC 9110 §15.6). */
const gatewayFaults: ReadonlySet<number> = new Set([502, 503, 504]);
/** Maximum size of an answer that is read and discarded, in bytes. */
const maxSkippedBytes = 64 * 1024;

type Controller = Dispatcher.DispatchController;
type Headers = Record<string, string | string[] | undefined>;

/** Receives the answer. */
export interface LimitedExchange {
  /** It accepts nothing more. */
  readonly isOver: boolean;
  onRequestStart(controller: Controller): void;
  onResponseStart(controller: Controller, status: number, headers: Headers): void;
  onResponseData(controller: Controller, chunk: Buffer): void;
  onResponseEnd(): void;
  onResponseError(controller: Controller | undefined, error: Error): void;
  /** Ends it with a fault. */
  giveUp(fault: GatewayError): void;
}

export class LimitedRequest implements Dispatcher.DispatchHandler, InLine {
  readonly #limits: RequestLimits;
  readonly #exchange: LimitedExchange;
  readonly #put: (handler: Dispatcher.DispatchHandler) => void;
  #pass: Pass | undefined;
  #controller: Controller | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tries = 0;
  /** The request may have reached the upstream. */
  #isSent = false;
  /** Status of the answer; 0 before its head. */
  #status = 0;
  /** The answer is discarded, because the request will be sent again. */
  #isSkipped = false;
  #skippedBytes = 0;
  #isLate = false;
  #startedMs = 0;
  #isDone = false;

  constructor(limits: RequestLimits, exchange: LimitedExchange, put: (handler: Dispatcher.DispatchHandler) => void) {
    this.#limits = limits;
    this.#exchange = exchange;
    this.#put = put;
  }

  get isOver(): boolean {
    return this.#exchange.isOver;
  }

  /** Sends the request: it is its turn. */
  start(): void {
    this.#startedMs = performance.now();
    if (this.#mayPass()) this.#send();
    else {
      this.#limits.onRefused();
      // Deferred: a long queue would otherwise be refused in one deep call stack.
      process.nextTick(() => this.#end('unknown'));
    }
  }

  #mayPass(): boolean {
    const { breaker } = this.#limits;
    if (breaker === undefined) return true;
    this.#pass = breaker.pass();
    return this.#pass !== undefined;
  }

  #send(): void {
    const { firstByteMs } = this.#limits;
    this.#isSent = false;
    this.#status = 0;
    this.#controller = undefined;
    if (firstByteMs !== undefined) this.#timer = setTimeout(() => this.#late(firstByteMs), firstByteMs);
    this.#put(this);
  }

  #late(ms: number): void {
    this.#isLate = true;
    this.#exchange.giveUp(new GatewayError('upstream_timeout', `no head of an answer within ${ms} ms`));
    this.#controller?.abort(new Error('no answer in time'));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    this.#isSent = true;
    this.#exchange.onRequestStart(controller);
  }

  onResponseStart(controller: Controller, status: number, headers: Headers): void {
    if (status >= 200) {
      clearTimeout(this.#timer);
      this.#status = status;
      this.#isSkipped = gatewayFaults.has(status) && this.#limits.isRead && this.#mayTryAgain();
      if (this.#isSkipped) return;
    }
    this.#exchange.onResponseStart(controller, status, headers);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#isSkipped) this.#exchange.onResponseData(controller, chunk);
    else if ((this.#skippedBytes += chunk.length) > maxSkippedBytes) controller.abort(new Error('not read on'));
  }

  onResponseEnd(): void {
    if (this.#isSkipped) {
      this.#again();
      return;
    }
    const status = this.#status;
    const isRedirect = status >= 300 && status < 400;
    // A followed redirect starts a new answer here.
    if (isRedirect) this.#status = 0;
    this.#exchange.onResponseEnd();
    if (!isRedirect) this.#end(gatewayFaults.has(status) ? 'failed' : 'ok');
  }

  onResponseError(controller: Controller | undefined, error: Error): void {
    clearTimeout(this.#timer);
    if (this.#isSkipped) this.#again();
    else if (this.#exchange.isOver) this.#end(this.#outcomeOfItsOwnEnd());
    else if ((!this.#isSent || (this.#limits.isRead && this.#status === 0)) && this.#mayTryAgain()) this.#again();
    else {
      this.#exchange.onResponseError(controller, error);
      this.#end('failed');
    }
  }

  /** The gateway has ended it: normally after the head, because the client left, or because of silence. */
  #outcomeOfItsOwnEnd(): AttemptOutcome {
    if (this.#status !== 0) return gatewayFaults.has(this.#status) ? 'failed' : 'ok';
    const isSilent = this.#isLate || performance.now() - this.#startedMs >= this.#limits.silenceMs;
    return isSilent ? 'failed' : 'unknown';
  }

  #mayTryAgain(): boolean {
    const { retries } = this.#limits;
    return retries !== undefined && this.#tries < retries.attempts && !this.#exchange.isOver;
  }

  /** Each attempt counts for the breaker; the attempt that opens it is the last. */
  #again(): void {
    this.#isSkipped = false;
    this.#skippedBytes = 0;
    const { breaker, retries, onRetry, onRefused } = this.#limits;
    if (this.#pass !== undefined) breaker?.settle(this.#pass, 'failed');
    this.#pass = undefined;
    const { baseDelayMs = 0, maxDelayMs = 0 } = retries ?? {};
    const delayMs = Math.min(baseDelayMs * 2 ** this.#tries, maxDelayMs);
    this.#tries++;
    setTimeout(
      () => {
        if (this.#exchange.isOver) this.#end('unknown');
        else if (this.#mayPass()) {
          onRetry();
          this.#send();
        } else {
          onRefused();
          this.#end('unknown');
        }
      },
      // Half of the delay is random, so that many requests do not retry together.
      delayMs * (0.5 + Math.random() / 2),
    );
  }

  #end(outcome: AttemptOutcome): void {
    if (this.#isDone) return;
    this.#isDone = true;
    clearTimeout(this.#timer);
    const { breaker, onOver } = this.#limits;
    if (this.#pass !== undefined) breaker?.settle(this.#pass, outcome);
    onOver();
  }
}
