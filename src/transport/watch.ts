/**
 * `resources/subscribe` and `resources/unsubscribe` of a session at an upstream that keeps none: answered by the gateway, which
 * remembers it here and tells the peers, as any replica may hold the session's GET stream (2025-11-25 server/resources
 * §Subscriptions; protocol.md D5, D8).
 */
import { serverCapability } from '../protocol/capabilities.ts';
import { textOf } from '../protocol/scan.ts';
import { GatewayError } from '../errors.ts';
import type { Call } from './call.ts';
import { watchingMs } from './limits.ts';
import type { Listening } from './listening.ts';
import { maxWatchedUriChars, type Tell } from './notice.ts';
import type { Routed } from './route.ts';
import { settled } from './settled.ts';
import type { Link } from './upstream/adapter.ts';
import type { Wishes } from './wishes.ts';

export interface WatchParts {
  readonly wishes: Wishes;
  readonly listening: Listening;
  readonly tell: Tell;
}

/** Whether the gateway watches for this client; else the request is the upstream's to answer or to refuse. */
export function isWatchedHere({ client }: Call, link: Link): boolean {
  return link.mirrors && !client.shared && (link.capabilities & serverCapability.resourcesSubscribe) !== 0;
}

/**
 * The result as JSON text, once whoever could be reached listens for it: what changes after that is told. Throws
 * `params_invalid` when the session watches as much as it may, or the URI is too long.
 */
export async function watch(
  { wishes, listening, tell }: WatchParts,
  { client, message }: Call,
  { upstream, target }: Routed,
  on: boolean,
): Promise<string> {
  // Where the router left the URI as it stands, it has seen that it is a string.
  const uri = target.uri ?? textOf(message.bytes, message.params!.member('uri')!);
  const { known } = client;
  if (!on) wishes.unwatch(known.jti, upstream.hash, uri);
  else if (uri.length > maxWatchedUriChars || !wishes.watch(known, upstream.hash, uri))
    throw new GatewayError('params_invalid', 'too many resources are watched, or one of too long a URI');
  const told = tell({ kind: 'watching', ...known, upstream: upstream.hash, uri, on });
  await Promise.all([listening.rewatch(known.jti), settled(told, watchingMs)]);
  return '{}';
}
