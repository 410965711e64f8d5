/**
 * GET: opens merged streams, resumes broken ones by `Last-Event-ID`, and reports changes of the gateway itself on every open one.
 * 2025-11-25 basic/transports §Listening for Messages from the Server, §Resumability and Redelivery.
 */
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import { encodeRetry } from '../protocol/sse.ts';
import { openEventId } from '../session/event-id.ts';
import { resumedStreams, streams } from '../telemetry/metrics.ts';
import type { Call } from '../clients/call.ts';
import type { Client } from '../clients/client.ts';
import type { Gate } from '../clients/gate.ts';
import { Subscription, type SubscriptionHost } from './subscription.ts';
import type { StreamHost } from './host.ts';
import type { Caller } from '../transport/http/caller.ts';
import { drainRetryMs, maxSharedStreams, maxStreamsPerSession } from '../transport/http/limits.ts';
import { MergedStream, type MergedHost } from './merged-stream.ts';
import { ResumedStream, type ResumedHost } from './resumed-stream.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { SessionOpener } from '../transport/upstream/opener.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import type { Wheel } from '../transport/http/wheel.ts';
import { unixSeconds } from '../transport/http/clock.ts';

const listsChanged = [
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
];

export interface OpenStreamsParts extends StreamHost {
  readonly upstreams: Upstreams;
  readonly opener: SessionOpener;
  /** The gate in force. */
  readonly gate: () => Gate;
}

export class OpenStreams implements MergedHost, ResumedHost, SubscriptionHost {
  readonly adapter: UpstreamAdapter;
  readonly wheel: Wheel;
  readonly opener: SessionOpener;
  readonly told: StreamHost['told'];
  readonly reply: StreamHost['reply'];
  readonly dropped: StreamHost['dropped'];
  readonly #upstreams: Upstreams;
  readonly #gate: () => Gate;
  /** In the order of their opening. */
  readonly #open = new Set<MergedStream>();
  readonly #resumed = new Set<ResumedStream>();
  readonly #subscriptions = new Set<Subscription>();

  constructor({ upstreams, adapter, opener, wheel, told, reply, dropped, gate }: OpenStreamsParts) {
    this.#gate = gate;
    this.#upstreams = upstreams;
    this.opener = opener;
    this.adapter = adapter;
    this.wheel = wheel;
    this.told = told;
    this.reply = reply;
    this.dropped = dropped;
  }

  /**
   * Throws `streams_too_many`. An event id that cannot be read starts a fresh stream: never another stream's data (2025-11-25
   * basic/transports §Resumability and Redelivery).
   */
  open(client: Client, caller: Caller, lastEventId: string | undefined, response: ServerResponse): void {
    if (client.openStreams >= (client.isShared ? maxSharedStreams : maxStreamsPerSession))
      throw new GatewayError('streams_too_many');
    const id =
      lastEventId === undefined || client.isShared
        ? undefined
        : openEventId(client.session, lastEventId, unixSeconds());
    if (id !== undefined) resumedStreams.inc();
    if (id?.kind === 'post') {
      const upstream = this.#upstreams.byHash(id.upstream);
      const isReached = upstream !== undefined && this.reaches(caller, upstream);
      const session = isReached ? client.sessions.peek(upstream) : undefined;
      if (session !== undefined) {
        const stream = new ResumedStream(this, client, { session, caller }, response, id);
        this.#resumed.add(stream);
        this.#count(client, 1);
        stream.start();
        return;
      }
    }
    const stream = new MergedStream(this, client, caller, response, id?.kind === 'merged' ? id : undefined);
    this.#open.add(stream);
    this.#count(client, 1);
    for (const upstream of this.#upstreams) stream.join(upstream);
    void stream.begin();
    if (client.openStreams > 1) void this.rewatch(client.known.jti);
  }

  /** Answers `subscriptions/listen`. Throws `streams_too_many` and `params_invalid`. */
  subscribe(call: Call): void {
    if (call.client.openStreams >= maxSharedStreams) throw new GatewayError('streams_too_many');
    if (call.outlet.gone) return;
    const subscription = new Subscription(this, call, this.#upstreams);
    this.#subscriptions.add(subscription);
    this.#count(call.client, 1);
    subscription.start();
  }

  /** Called when a stream of an upstream's session has reported a change. */
  overheard(session: UpstreamSession, method: string, by: object | undefined): void {
    if (!listsChanged.includes(method)) return;
    for (const subscription of this.#subscriptions) subscription.overheard(session, method, by);
  }

  unsubscribed(subscription: Subscription): void {
    if (this.#subscriptions.delete(subscription)) this.#count(subscription.client, -1);
  }

  /** An upstream is new or available again: what it lists may have changed for every listening client. */
  joined(upstream: Upstream): void {
    for (const subscription of this.#subscriptions) void subscription.returned(upstream);
    for (const stream of this.#open) stream.join(upstream);
    this.announceLists();
  }

  /** The upstream is no longer part of the route. */
  parted(upstream: Upstream): void {
    for (const stream of [...this.#open, ...this.#subscriptions]) stream.part(upstream);
  }

  /** The lists may have changed for every listening client. */
  announceLists(): void {
    for (const subscription of this.#subscriptions) for (const method of listsChanged) subscription.announce(method);
    const told = new Set<Client>();
    for (const stream of [...this.#open].reverse()) {
      // Each message goes to one stream only (2025-11-25 basic/transports §Multiple Connections). The newest is the most likely to be read.
      if (told.has(stream.client)) continue;
      told.add(stream.client);
      for (const method of listsChanged) stream.announce(method);
    }
  }

  /**
   * A user has given an upstream permission: its lists are there for the user from now on. The session that has shown the link is
   * told that this is done (2025-11-25 client/elicitation §Completion Notifications for URL Mode Elicitation), and no other.
   */
  permitted(
    principalId: string,
    upstream: Upstream,
    asked: { readonly jti: string; readonly elicitationId: string } | undefined,
  ): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.client.principalId !== principalId) continue;
      void subscription.returned(upstream);
      for (const method of listsChanged) subscription.announce(method);
    }
    const told = new Set<Client>();
    for (const stream of [...this.#open].reverse()) {
      const { client } = stream;
      if (client.principalId !== principalId || told.has(client)) continue;
      told.add(client);
      for (const method of listsChanged) stream.announce(method);
      if (asked?.jti === client.known.jti)
        stream.announce('notifications/elicitation/complete', { elicitationId: asked.elicitationId });
    }
  }

  /** GET streams and subscriptions that are open now. */
  get count(): number {
    return this.#open.size + this.#resumed.size + this.#subscriptions.size;
  }

  reaches(caller: Caller, upstream: Upstream): boolean {
    return this.#gate().reaches(caller, upstream);
  }

  mayWatch(caller: Caller, upstream: Upstream, uri: string): boolean {
    return this.#gate().shows(caller, 'resources', upstream, uri);
  }

  /** Ends the streams whose access tokens have expired; their clients reconnect with new tokens and resume. */
  endExpired(nowSeconds: number): void {
    const last = encodeRetry(drainRetryMs);
    const isOver = ({ caller: { expiresAt } }: { readonly caller: Caller }): boolean =>
      expiresAt !== undefined && expiresAt <= nowSeconds;
    for (const stream of [...this.#open, ...this.#resumed]) if (isOver(stream)) stream.end(last);
    for (const subscription of this.#subscriptions) if (isOver(subscription)) subscription.end();
  }

  /** Ends all streams because the process stops. Their clients reconnect to another replica. */
  endAll(): void {
    const last = encodeRetry(drainRetryMs);
    for (const stream of [...this.#open, ...this.#resumed]) stream.end(last);
    for (const subscription of this.#subscriptions) subscription.end();
  }

  /** Ends the streams of a session that has ended, here or at another replica. */
  endSession(jti: Buffer): void {
    for (const stream of [...this.#open, ...this.#resumed])
      if (stream.client.session.claims.jti.equals(jti)) stream.end();
  }

  /** The watched resources of a session, or its newest stream, have changed. Only the newest stream gets updates. Never rejects. */
  async rewatch(jti: string): Promise<void> {
    const streams = [...this.#open].filter(({ client }) => client.known.jti === jti);
    const newest = streams.at(-1);
    await Promise.all(
      streams.flatMap((stream) =>
        this.#upstreams.all.map((upstream) =>
          stream.watch(upstream, stream === newest ? stream.client.watchedAt(upstream) : []),
        ),
      ),
    );
  }

  closed(stream: MergedStream | ResumedStream): void {
    const { client } = stream;
    if (stream instanceof ResumedStream ? !this.#resumed.delete(stream) : !this.#open.delete(stream)) return;
    this.#count(client, -1);
    if (client.openStreams === 0) return;
    for (const other of this.#open) if (other.client === client) other.takeOver();
    void this.rewatch(client.known.jti);
  }

  /** An upstream session was opened that the token of `client` does not contain. */
  opened(client: Client, upstream: Upstream): void {
    for (const stream of this.#open) if (stream.client === client) stream.join(upstream);
  }

  #count(client: Client, change: 1 | -1): void {
    client.openStreams += change;
    streams.inc(change);
  }
}
