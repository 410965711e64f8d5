/**
 * Redirects of an upstream to another path of the same origin (RFC 9110 §15.4.8, §15.4.9), as sent by frameworks that mount an
 * application at `/mcp/`. Followed once and remembered; another origin never gets the request.
 */
import type { Dispatcher } from 'undici';

/** The target of requests to an upstream. */
export interface Redirectable {
  readonly origin: string;
  /** Path and query, as configured. */
  readonly path: string;
}

export interface Request {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** A raw list, which undici accepts directly. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | null;
}

/** A request as it was sent: the data to send it to another path. */
export interface SentRequest {
  readonly upstream: Redirectable;
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>;
  readonly request: Request;
  readonly path: string;
}

/**
 * Receives the answer. It drops `sent` as soon as the answer is not a redirect. A closure would be simpler, but kept every
 * request alive until the next full collection.
 */
export interface Redirected extends Dispatcher.DispatchHandler {
  sent: SentRequest | undefined;
}

/** The paths to which upstreams have redirected. Only a cache: after a loss the upstream redirects again. */
const moved = new WeakMap<Redirectable, { readonly from: string; readonly to: string }>();

/** The path at which `upstream` is requested. */
export function pathOf(upstream: Redirectable): string {
  const known = moved.get(upstream);
  return known !== undefined && known.from === upstream.path ? known.to : upstream.path;
}

/** Sends one request to `upstream`, at its own path or at the one that it redirects to. The answer goes to `exchange`. */
export function sendWhereItIs(
  upstream: Redirectable,
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  request: Request,
  exchange: Redirected,
): void {
  send({ upstream, dispatcher, request, path: pathOf(upstream) }, exchange);
}

/** The path of the redirect; undefined for one that is refused. */
export function redirection({ upstream, path }: SentRequest, location: string): string | undefined {
  const target = targetOf(location, upstream.origin, path);
  return target === path ? undefined : target;
}

/** Sends the request, and every later one to that upstream, to this path. */
export function follow(sent: SentRequest, path: string, exchange: Redirected): void {
  moved.set(sent.upstream, { from: sent.upstream.path, to: path });
  send({ ...sent, path }, exchange);
}

function send(sent: SentRequest, exchange: Redirected): void {
  exchange.sent = sent;
  const { method, headers, body } = sent.request;
  sent.dispatcher.dispatch({ path: sent.path, method, headers: headers as string[], body }, exchange);
}

/** Path and query of a location of the same origin; undefined for any other. */
function targetOf(location: string, origin: string, path: string): string | undefined {
  const target = URL.parse(location, `${origin}${path}`);
  return target?.origin === origin && target.username === '' && target.password === ''
    ? `${target.pathname}${target.search}`
    : undefined;
}

/** A location for the log: without credentials and query. */
export function shownTarget(location: string): string {
  const target = URL.parse(location);
  return (target === null ? location.split(/[?#]/, 1)[0]! : `${target.origin}${target.pathname}`).slice(0, 200);
}
