/** Sends one request when its credentials are available. If the upstream refuses them, sends it once more with new ones. */
import type { Dispatcher, Pool } from 'undici';
import type { UpstreamConfig } from '../../config/model.ts';
import type { GatewayError } from '../../errors.ts';
import type { Caller, RawHeaders } from '../http/caller.ts';
import { credentialFault, type Credentials } from './credentials.ts';
import type { HttpExchange } from './exchange.ts';
import type { LimitedExchange } from './limited-request.ts';
import type { Limiter } from './limiter.ts';
import { sendWhereItIs, type Redirectable, type Redirected, type Request } from './redirects.ts';

/** The parts of an upstream that requests need. */
interface Target extends Redirectable {
  readonly config: UpstreamConfig;
  /** The connections for calls. The limiter applies only to these. */
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
    // Only credentials that the gateway obtains itself can be renewed.
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

/** Obtains the credentials and calls `go` with them. If they are not available, ends the exchange. */
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
    // Deferred, so that the caller has the exchange before it fails.
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

/** Wraps an exchange. If the upstream refuses the credentials, the exchange does not get this response: the request is resent. */
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
    // The body of the refusal is not read.
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

/**
 * Whether new credentials may help: a 401, or a 403 for another reason than `insufficient_scope` (RFC 6750 §3.1), as a new token
 * would have the same scopes.
 */
function isAboutCredentials(status: number, headers: Record<string, string | string[] | undefined>): boolean {
  return status === 401 || (status === 403 && !String(headers['www-authenticate']).includes('insufficient_scope'));
}
