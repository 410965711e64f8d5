/** Sends one request as soon as its credentials are available. */
import type { Pool } from 'undici';
import { GatewayError } from '../../errors.ts';
import type { RawHeaders } from '../http/caller.ts';
import type { HttpExchange } from './exchange.ts';
import { dispatch as dispatchWhereItIs, type Redirectable } from './redirects.ts';

export interface Request {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Raw lists: undici takes them as they are. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | null;
}

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
  dispatchWhereItIs(upstream, pool, { method, headers: all as string[], body }, exchange);
}
