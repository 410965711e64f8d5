/** Sends one request as soon as its credentials are available. */
import type { Pool } from 'undici';
import { GatewayError } from '../../errors.ts';
import type { RawHeaders } from '../http/caller.ts';
import type { HttpExchange } from './exchange.ts';
import { sendWhereItIs, type Redirectable, type Request } from './redirects.ts';

/** Faults, including those of the credentials, end the exchange. Never throws. */
export function dispatch(
  upstream: Redirectable,
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
  upstream: Redirectable,
  pool: Pool,
  { method, headers, body }: Request,
  credentials: RawHeaders,
  exchange: HttpExchange,
): void {
  const all = credentials.length === 0 ? headers : [...headers, ...credentials];
  sendWhereItIs(upstream, pool, { method, headers: all, body }, exchange);
}
