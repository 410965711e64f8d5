/** Sends one request as soon as its credentials are available. */
import type { Pool } from 'undici';
import { GatewayError } from '../../errors.ts';
import type { RawHeaders } from '../http/caller.ts';
import type { HttpExchange } from './exchange.ts';
import type { Limiter } from './limiter.ts';
import { sendWhereItIs, type Redirectable, type Request } from './redirects.ts';

/** An upstream, as far as requests need to know it. */
interface Target extends Redirectable {
  /** Connections of calls, which alone are limited. */
  readonly pool: Pool;
  readonly limiter: Limiter | undefined;
}

/** Faults, including those of the credentials, end the exchange. Never throws. */
export function dispatch(
  upstream: Target,
  pool: Pool,
  request: Request,
  credentials: RawHeaders | Promise<RawHeaders>,
  exchange: HttpExchange,
): void {
  if (!(credentials instanceof Promise)) {
    put(upstream, pool, request, credentials, exchange);
    return;
  }
  credentials.then(
    (headers) => put(upstream, pool, request, headers, exchange),
    (fault: unknown) =>
      exchange.giveUp(
        fault instanceof GatewayError
          ? fault
          : new GatewayError('upstream_unauthorized', String(fault), { cause: fault }),
      ),
  );
}

function put(
  upstream: Target,
  pool: Pool,
  { method, headers, body }: Request,
  credentials: RawHeaders,
  exchange: HttpExchange,
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
