/** Sends one request as soon as its credentials are available, and once more with others where an upstream refuses them. */
import type { Dispatcher, Pool } from 'undici';
import type { UpstreamConfig } from '../../config/model.ts';
import type { GatewayError } from '../../errors.ts';
import type { Caller, RawHeaders } from '../http/caller.ts';
import { credentialFault, type Credentials } from './credentials.ts';
import type { HttpExchange } from './exchange.ts';
import type { LimitedExchange } from './limited-request.ts';
import type { Limiter } from './limiter.ts';
import { sendWhereItIs, type Redirectable, type Redirected, type Request } from './redirects.ts';

/** An upstream, as far as requests need to know it. */
interface Target extends Redirectable {
  readonly config: UpstreamConfig;
  /** Connections of calls, which alone are limited. */
  readonly pool: Pool;
  readonly limiter: Limiter | undefined;
}

/** Faults, including those of the credentials, end the exchange. Never throws. */
export function dispatch(
  upstream: Target,
  pool: Pool,
  request: Request,
  credentials: Credentials,
  caller: Caller,
  exchange: HttpExchange,
): void {
  const { config } = upstream;
  const send =
    // Only what the gateway gets by itself can be got anew.
    config.grant === undefined
      ? (headers: RawHeaders): void => put(upstream, pool, request, headers, exchange)
      : (headers: RawHeaders): void => {
          const renews = (status: number): boolean => credentials.refused?.(config, caller, headers, status) === true;
          const again = (): void =>
            withCredentials(credentials, config, caller, exchange, (renewed) =>
              put(upstream, pool, request, renewed, exchange),
            );
          put(upstream, pool, request, headers, new Renewing(exchange, renews, again));
        };
  withCredentials(credentials, config, caller, exchange, send);
}

/** Asks for the credentials. Where they cannot be had the exchange ends. */
function withCredentials(
  credentials: Credentials,
  config: UpstreamConfig,
  caller: Caller,
  exchange: HttpExchange,
  go: (headers: RawHeaders) => void,
): void {
  let headers: RawHeaders | Promise<RawHeaders>;
  try {
    headers = credentials.for(config, caller);
  } catch (fault) {
    // Later, so that whoever asks has the exchange first.
    process.nextTick(() => exchange.giveUp(credentialFault(fault)));
    return;
  }
  if (headers instanceof Promise) headers.then(go, (fault: unknown) => exchange.giveUp(credentialFault(fault)));
  else go(headers);
}

function put(
  upstream: Target,
  pool: Pool,
  { method, headers, body }: Request,
  credentials: RawHeaders,
  exchange: LimitedExchange & Redirected,
): void {
  const all = credentials.length === 0 ? headers : [...headers, ...credentials];
  const request: Request = { method, headers: all, body };
  const { limiter } = upstream;
  if (limiter === undefined || method !== 'POST' || pool !== upstream.pool)
    sendWhereItIs(upstream, pool, request, exchange);
  else
    limiter.send(exchange, body, (handler) =>
      sendWhereItIs(upstream, { dispatch: (options) => pool.dispatch(options, handler) }, request, exchange),
    );
}

/** Stands before an exchange: where a refusal is for the credentials it hears nothing of it, and the request is sent once more. */
class Renewing implements LimitedExchange, Redirected {
  readonly #exchange: HttpExchange;
  readonly #renews: (status: number) => boolean;
  readonly #again: () => void;
  #isRefused = false;

  constructor(exchange: HttpExchange, renews: (status: number) => boolean, again: () => void) {
    this.#exchange = exchange;
    this.#renews = renews;
    this.#again = again;
  }

  get sent(): Redirected['sent'] {
    return this.#exchange.sent;
  }

  set sent(request: Redirected['sent']) {
    this.#exchange.sent = request;
  }

  get isOver(): boolean {
    return this.#isRefused || this.#exchange.isOver;
  }

  giveUp(fault: GatewayError): void {
    this.#exchange.giveUp(fault);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#exchange.onRequestStart(controller);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (!isAboutCredentials(status, headers) || !this.#renews(status)) {
      this.#exchange.onResponseStart(controller, status, headers);
      return;
    }
    this.#isRefused = true;
    // What it says is not read.
    controller.abort(new Error('refused'));
    this.#again();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isRefused) this.#exchange.onResponseData(controller, chunk);
  }

  onResponseEnd(): void {
    if (!this.#isRefused) this.#exchange.onResponseEnd();
  }

  onResponseError(controller: Dispatcher.DispatchController | undefined, fault: Error): void {
    if (!this.#isRefused) this.#exchange.onResponseError(controller, fault);
  }
}

/** A token of the same kind has no more scopes than the refused one (RFC 6750 §3.1). */
function isAboutCredentials(status: number, headers: Record<string, string | string[] | undefined>): boolean {
  return status === 401 || (status === 403 && !String(headers['www-authenticate']).includes('insufficient_scope'));
}
