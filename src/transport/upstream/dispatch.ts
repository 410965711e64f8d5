/** Sends one request as soon as its credentials are available. */
import type { Pool } from 'undici';
import { GatewayError } from '../../errors.ts';
import type { RawHeaders } from '../http/caller.ts';
import type { HttpExchange } from './exchange.ts';
import { dispatch as dispatchWhereItIs, type Redirectable } from './redirects.ts';
import type { Limiter } from './limiter.ts';

export interface Request {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Raw lists: undici takes them as they are. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | null;
}

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
  const request = { method, headers: all as string[], body };
  const { limiter } = upstream;
  if (limiter === undefined || method !== 'POST' || pool !== upstream.pool)
    dispatchWhereItIs(upstream, pool, request, exchange);
  else limiter.send(exchange, body, (handler) => dispatchWhereItIs(upstream, pool, request, handler));
}
