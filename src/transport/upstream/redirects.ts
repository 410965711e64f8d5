/**
 * Redirects of an upstream to another path of the same origin (RFC 9110 §15.4.8, §15.4.9), as frameworks send them that mount an
 * application at `/mcp/`. Followed once and remembered; a path of another origin never gets what was meant for this one.
 */
import type { Dispatcher } from 'undici';

/** What is asked of an upstream. */
export interface Redirectable {
  readonly origin: string;
  /** Path and query, as configured. */
  readonly path: string;
}

export interface Request {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** A raw list, which undici takes as it is. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | null;
}

/** A request as it was sent: what is needed to send it somewhere else. */
export interface Sent {
  readonly upstream: Redirectable;
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>;
  readonly request: Request;
  readonly path: string;
}

/**
 * What takes the answer. It drops `sent` as soon as the answer is no redirect. A closure in its place would be simpler, but kept every
 * request alive until the next full collection.
 */
export interface Redirected extends Dispatcher.DispatchHandler {
  sent: Sent | undefined;
}

/** Where upstreams are by their own word. A hint: whoever forgets is told again. */
const moved = new WeakMap<Redirectable, { readonly from: string; readonly to: string }>();

/** The path that `upstream` is asked at. */
export function pathOf(upstream: Redirectable): string {
  const known = moved.get(upstream);
  return known !== undefined && known.from === upstream.path ? known.to : upstream.path;
}

/** Sends one request to `upstream`, where it is, or where it says it is. The answer goes to `exchange`. */
export function sendWhereItIs(
  upstream: Redirectable,
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  request: Request,
  exchange: Redirected,
): void {
  send({ upstream, dispatcher, request, path: pathOf(upstream) }, exchange);
}

/** The path to send it to; undefined for a redirect that is refused. */
export function redirection({ upstream, path }: Sent, location: string): string | undefined {
  const target = targetOf(location, upstream.origin, path);
  return target === path ? undefined : target;
}

/** Sends it there, and every later request to that upstream. */
export function follow(sent: Sent, path: string, exchange: Redirected): void {
  moved.set(sent.upstream, { from: sent.upstream.path, to: path });
  send({ ...sent, path }, exchange);
}

function send(sent: Sent, exchange: Redirected): void {
  exchange.sent = sent;
  const { method, headers, body } = sent.request;
  sent.dispatcher.dispatch({ path: sent.path, method, headers: headers as string[], body }, exchange);
}

/** Path and query of a place of the same origin; undefined for any other. */
function targetOf(location: string, origin: string, path: string): string | undefined {
  const target = URL.parse(location, `${origin}${path}`);
  return target?.origin === origin && target.username === '' && target.password === ''
    ? `${target.pathname}${target.search}`
    : undefined;
}

/** A place for the log: no credentials, no query. */
export function shownTarget(location: string): string {
  const target = URL.parse(location);
  return (target === null ? location.split(/[?#]/, 1)[0]! : `${target.origin}${target.pathname}`).slice(0, 200);
}
