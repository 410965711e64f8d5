/**
 * The operator's limits for the requests to one upstream: concurrency, retries, the time until the head of the answer, and the
 * circuit breaker. An upstream without such limits has no limiter.
 */
import type { Dispatcher } from 'undici';
import type { UpstreamConfig, UpstreamLimits } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import { readClientMessage } from '../../protocol/envelope.ts';
import { breakersOpen, countRefused, limitedRetries, upstreamWaiting } from '../../telemetry/metrics.ts';
import { Breaker } from './breaker.ts';
import { LimitedRequest, type LimitedExchange, type RequestLimits } from './limited-request.ts';
import { Slots } from './slots.ts';

/**
 * Methods without side effects, which may be repeated if an answer is lost (2025-11-25 server/tools, server/prompts,
 * server/resources, server/utilities/completion, basic/utilities/tasks; 2026-07-28 server/discover).
 */
const reads: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
  'server/discover',
  'tasks/get',
  'ping',
]);

type Kind = 'read' | 'call' | 'word';

export class Limiter {
  readonly #id: string;
  readonly #silenceMs: number;
  readonly #limits: UpstreamLimits;
  readonly #breaker: Breaker | undefined;
  readonly #slots: Slots | undefined;
  #underWay = 0;
  #waiting = 0;
  #onIdle: (() => void) | undefined;

  constructor({ id, timeoutMs }: UpstreamConfig, limits: UpstreamLimits) {
    const { breaker, concurrency } = limits;
    this.#id = id;
    this.#silenceMs = timeoutMs;
    this.#limits = limits;
    if (breaker !== undefined && breaker !== 'off')
      this.#breaker = new Breaker(breaker, nowMs, (isOpen) => breakersOpen.inc({ upstream: id }, isOpen ? 1 : -1));
    if (concurrency !== undefined)
      this.#slots = new Slots(concurrency, (count) => {
        upstreamWaiting.inc({ upstream: id }, count - this.#waiting);
        this.#waiting = count;
      });
  }

  get breaker(): 'open' | 'closed' | undefined {
    if (this.#breaker === undefined) return undefined;
    return this.#breaker.isOpen ? 'open' : 'closed';
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** `put` sends the request, as often as it is called. Faults end the exchange, later. Never throws. */
  send(
    exchange: LimitedExchange,
    body: Buffer | string | null,
    put: (handler: Dispatcher.DispatchHandler) => void,
  ): void {
    const kind = kindOf(body);
    // Notifications and answers belong to calls in progress, so they must not wait for them.
    const isCall = kind !== 'word';
    const limits: RequestLimits = {
      firstByteMs: this.#limits.firstByteTimeoutMs,
      silenceMs: this.#silenceMs,
      retries: this.#limits.retries,
      isRead: kind === 'read',
      breaker: isCall ? this.#breaker : undefined,
      onRetry: () => limitedRetries.inc({ upstream: this.#id }),
      onRefused: () => this.#refuse(exchange, 'upstream_open'),
      onOver: () => this.#over(isCall),
    };
    const request = new LimitedRequest(limits, exchange, put);
    const slots = isCall ? this.#slots : undefined;
    if (isCall && this.#breaker?.isShut === true) this.#refuse(exchange, 'upstream_open');
    else {
      this.#underWay++;
      if (slots === undefined) request.start();
      else if (!slots.take(request)) {
        this.#underWay--;
        this.#refuse(exchange, 'upstream_queue_full');
      }
    }
  }

  /** Resolves when no request is in progress or waiting. */
  idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** The upstream is no longer used. */
  close(): void {
    this.#breaker?.close();
    upstreamWaiting.inc({ upstream: this.#id }, -this.#waiting);
    this.#waiting = 0;
  }

  #over(hadSlot: boolean): void {
    this.#underWay--;
    if (hadSlot) this.#slots?.release();
    if (this.#underWay === 0) this.#onIdle?.();
  }

  /** Deferred, so that the caller has the exchange first. */
  #refuse(exchange: LimitedExchange, code: 'upstream_open' | 'upstream_queue_full'): void {
    countRefused(this.#id, code);
    process.nextTick(() => exchange.giveUp(new GatewayError(code, `limits of ${this.#id}`)));
  }
}

function kindOf(body: Buffer | string | null): Kind {
  if (body === null) return 'word';
  const { kind, method } = readClientMessage(typeof body === 'string' ? Buffer.from(body) : body);
  if (kind !== 'request') return 'word';
  return reads.has(method) ? 'read' : 'call';
}

function nowMs(): number {
  return performance.now();
}
