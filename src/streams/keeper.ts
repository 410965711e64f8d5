/**
 * For session-era clients, keeps the log level and subscriptions that upstreams without sessions cannot keep (wishes.ts). Notifies
 * the other replicas, because any replica may get the next call of the session or have its GET stream (docs/adr/0006-both-eras.md).
 */
import { serverCapability } from '../protocol/capabilities.ts';
import type { LogLevel } from '../protocol/log-levels.ts';
import { textOf } from '../protocol/scan.ts';
import { GatewayError } from '../errors.ts';
import type { Call } from '../clients/call.ts';
import type { Client } from '../clients/client.ts';
import { watchingMs } from '../transport/http/limits.ts';
import type { OpenStreams } from './open-streams.ts';
import { maxWatchedUriChars, type Tell } from '../transport/peers/notice.ts';
import { settledWithin } from '../transport/http/deadline.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Wishes } from '../clients/wishes.ts';

export class Keeper {
  readonly #wishes: Wishes;
  readonly #streams: OpenStreams;
  readonly #tell: Tell;

  constructor(wishes: Wishes, streams: OpenStreams, tell: Tell) {
    this.#wishes = wishes;
    this.#streams = streams;
    this.#tell = tell;
  }

  /** Keeps the log level of a session. Clients without sessions share one entry, so none of them may set its level. */
  async setLevel(client: Client, level: LogLevel): Promise<void> {
    if (client.isShared) return;
    this.#wishes.setLevel(client.known, level);
    await settledWithin(this.#tell({ kind: 'level', ...client.known, level }), watchingMs);
  }

  /**
   * The result of `resources/subscribe` and `resources/unsubscribe`, as JSON text, if the gateway keeps the subscription. Undefined
   * if the upstream answers. `uri` is the upstream's own URI; undefined: the URI in the call.
   */
  serve({ client, message }: Call, session: UpstreamSession, uri: string | undefined): Promise<string> | undefined {
    const on = message.method === 'resources/subscribe';
    // An upstream with sessions keeps its subscriptions itself.
    if (!session.isToldOfClient || client.isShared || !(on || message.method === 'resources/unsubscribe'))
      return undefined;
    const found = message.params?.member('uri');
    if (!session.has(serverCapability.resourcesSubscribe) || found === undefined) return undefined;
    return this.#watch(client, session.upstream, uri ?? textOf(message.bytes, found), on);
  }

  /**
   * Resolves when every reachable replica knows the subscription: later changes are reported (2025-11-25 server/resources
   * §Subscriptions). Throws `params_invalid` if the session has reached its limit of watched resources, or the URI is too long.
   */
  async #watch({ known }: Client, upstream: Upstream, uri: string, on: boolean): Promise<string> {
    if (!on) this.#wishes.unwatch(known.jti, upstream.hash, uri);
    else if (uri.length > maxWatchedUriChars || !this.#wishes.watch(known, upstream.hash, uri))
      throw new GatewayError('params_invalid', 'too many resources are watched, or one of too long a URI');
    const told = this.#tell({ kind: 'watching', ...known, upstream: upstream.hash, uri, on });
    await Promise.all([this.#streams.rewatch(known.jti), settledWithin(told, watchingMs)]);
    return '{}';
  }
}
