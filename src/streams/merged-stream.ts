/**
 * The stream that a client opens with GET: the messages of all upstreams, merged, and the gateway's own changes. Before its head
 * is sent, each upstream that answers in time is listened to, so from then on the client misses nothing. The stream stays open
 * when an upstream fails (2025-11-25 basic/transports §Listening for Messages from the Server, §Resumability and Redelivery).
 */
import type { ServerResponse } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { serverCapability } from '../protocol/capabilities.ts';
import { understandsPriming } from '../protocol/revisions.ts';
import { encodeEvent, encodePriming, heartbeat } from '../protocol/sse.ts';
import type { StreamPosition } from '../session/event-id.ts';
import type { Client } from '../clients/client.ts';
import { openingBytes, openingMs, watchingMs } from '../transport/http/limits.ts';
import type { Caller } from '../transport/http/caller.ts';
import { settledWithin } from '../transport/http/deadline.ts';
import type { StreamHost } from './host.ts';
import { noWatches, UpstreamListener, type Listened } from './upstream-listener.ts';
import { EventStream } from '../transport/http/event-stream.ts';
import { eventIdToClient } from '../clients/translate.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

/**
 * Capabilities with notifications that an upstream without sessions sends on a stream of its own. Its log messages come only with
 * calls.
 */
const pushing =
  serverCapability.toolsListChanged |
  serverCapability.promptsListChanged |
  serverCapability.resourcesListChanged |
  serverCapability.resourcesSubscribe |
  serverCapability.tasks;

export interface MergedHost extends StreamHost {
  closed(stream: MergedStream): void;
  /** Whether the caller gets this upstream at all. */
  reaches(caller: Caller, upstream: Upstream): boolean;
}

export class MergedStream implements Listened {
  readonly client: Client;
  readonly host: MergedHost;
  readonly caller: Caller;
  readonly #events: EventStream;
  readonly #listeners = new Map<Upstream, UpstreamListener>();
  /** Resources watched for the session at upstreams without sessions. Only one stream of the session has them. */
  readonly #watches = new Map<Upstream, readonly string[]>();
  /** What arrived before the head was sent, and the event that is sent with it; undefined from then on. */
  #early: { readonly events: Buffer[]; bytes: number; readonly first: Buffer } | undefined;
  #isOver = false;
  /** The last event id of each upstream that gives ids. */
  readonly #places = new Map<number, string>();

  constructor(
    host: MergedHost,
    client: Client,
    caller: Caller,
    response: ServerResponse,
    resumed: Extract<StreamPosition, { kind: 'merged' }> | undefined,
  ) {
    this.host = host;
    this.client = client;
    this.caller = caller;
    for (const place of resumed?.vector.toReversed() ?? []) this.#places.set(place.upstream, place.eventId);
    this.#events = new EventStream(response, host.wheel, caller.principalId);
    this.#events.owner = this;
    // A client loses its position with the connection. Without an event id, a client that is cut early would start from nothing.
    this.#early = { events: [], bytes: 0, first: this.#primer() ?? heartbeat };
  }

  /** Sends the head when the upstreams that were joined have opened their streams, or after `openingMs`. */
  async begin(): Promise<void> {
    const opening = Array.from(this.#listeners.values(), (listener) => listener.opened());
    if (opening.length > 0) await settledWithin(Promise.all(opening), openingMs);
    this.#begin();
  }

  #begin(): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    this.#events.open(early.first);
    // Sent together, so that a client that is slow from the start is detected.
    if (early.events.length > 0) this.#put(Buffer.concat(early.events));
  }

  #put(bytes: Buffer): void {
    const early = this.#early;
    if (early === undefined) {
      if (!this.#events.write(bytes)) for (const listener of this.#listeners.values()) listener.pause();
      return;
    }
    early.events.push(bytes);
    early.bytes += bytes.length;
    if (early.bytes > openingBytes) this.#begin();
  }

  onDrain(): void {
    for (const listener of this.#listeners.values()) listener.resume();
  }

  onGone(): void {
    this.#close();
  }

  get isFull(): boolean {
    return this.#events.isFull;
  }

  /** Listens to an upstream that can push or ask something, when there is a session for it. */
  join(upstream: Upstream): void {
    if (this.#listeners.has(upstream) || this.#isOver || !this.host.reaches(this.caller, upstream)) return;
    const watches = this.#watches.get(upstream) ?? this.client.watchedAt(upstream);
    this.#watches.set(upstream, watches);
    const session = this.client.sessions.peek(upstream);
    // The client gets the notifications of this upstream on another stream.
    if (session === undefined && watches.length > 0) this.#open(upstream);
    if (session === undefined || !upstream.mayStream(session)) return;
    // A server with sessions may push and ask without declaring it, and many do. If it refuses the stream, that is remembered.
    if (session.streamKind === 'subscription' && !session.has(pushing)) return;
    this.#listen(session, watches, undefined);
  }

  /** Watches `uris` from now on, at an upstream that keeps no sessions. Resolves when it does, or after `watchingMs`. */
  async watch(upstream: Upstream, uris: readonly string[]): Promise<void> {
    this.#watches.set(upstream, uris);
    await settledWithin(this.#watching(upstream), watchingMs);
  }

  async #watching(upstream: Upstream): Promise<void> {
    if (this.#wanted(upstream).length > 0) await this.client.sessions.ensure(upstream, this.caller);
    this.join(upstream);
    const session = this.client.sessions.peek(upstream);
    const listener = this.#listeners.get(upstream);
    if (session?.isToldOfClient !== true || listener === undefined) return;
    // The set of watched resources may have changed meanwhile.
    if (!isDeepStrictEqual(listener.uris, this.#wanted(upstream)))
      this.#listen(session, this.#wanted(upstream), listener);
    await this.#listeners.get(upstream)?.opened();
  }

  #wanted(upstream: Upstream): readonly string[] {
    return this.#watches.get(upstream) ?? [];
  }

  #listen(session: UpstreamSession, uris: readonly string[], former: UpstreamListener | undefined): void {
    const { upstream } = session;
    const watches = session.isToldOfClient ? { uris } : noWatches;
    const listener = new UpstreamListener(this, session, watches, this.#places.get(upstream.hash));
    if (former !== undefined) listener.replace(former);
    this.#listeners.set(upstream, listener);
    listener.connect();
  }

  #open(upstream: Upstream): void {
    this.client.sessions.ensure(upstream, this.caller).then(
      () => this.join(upstream),
      // The probe looks for it, and it joins when it is back.
      () => {},
    );
  }

  /** A change in the gateway itself. It has no position in any upstream's stream, hence no event id. */
  announce(method: string, params?: object): void {
    this.#put(encodeEvent(JSON.stringify({ jsonrpc: '2.0', method, ...(params !== undefined && { params }) })));
  }

  /** While the client is slow, all listeners pause. */
  write(body: Buffer, upstream: Upstream, upstreamEventId: string | undefined): void {
    if (upstreamEventId !== undefined) this.#move(upstream, upstreamEventId);
    const place = upstreamEventId === undefined ? undefined : this.#place();
    this.#put(encodeEvent(body, place));
  }

  prime(upstream: Upstream, upstreamEventId: string): void {
    this.#move(upstream, upstreamEventId);
    const primer = this.#primer();
    if (primer !== undefined) this.#put(primer);
  }

  renew(lost: UpstreamSession): Promise<UpstreamSession> {
    return this.client.sessions.renew(lost, this.caller);
  }

  forget(upstream: Upstream): void {
    this.#places.delete(upstream.hash);
  }

  leave(upstream: Upstream, listener: UpstreamListener): void {
    if (this.#listeners.get(upstream) === listener) this.#listeners.delete(upstream);
  }

  /** The upstream is no longer part of the route. */
  part(upstream: Upstream): void {
    this.#listeners.get(upstream)?.stop();
    this.#listeners.delete(upstream);
    this.#watches.delete(upstream);
    this.#places.delete(upstream.hash);
  }

  /** Another stream of the session has ended: this one may take over the upstream stream that it held. */
  takeOver(): void {
    for (const listener of this.#listeners.values()) listener.takeOver();
  }

  /** Ends the stream from this side; the client comes back on any replica. */
  end(last?: Buffer): void {
    this.#begin();
    this.#events.end(last);
    this.#close();
  }

  /** When the id would become too long, the oldest positions are left out. */
  #move(upstream: Upstream, upstreamEventId: string): void {
    this.#places.delete(upstream.hash);
    this.#places.set(upstream.hash, upstreamEventId);
  }

  #place(): string | undefined {
    if (this.client.isShared || this.#places.size === 0) return undefined;
    return eventIdToClient(this.client, {
      kind: 'merged',
      vector: [...this.#places].map(([hash, eventId]) => ({ upstream: hash, eventId })).toReversed(),
    });
  }

  /** Sends an event without data. Clients before 2025-11-25 fail on it. */
  #primer(): Buffer | undefined {
    const place = understandsPriming(this.client.revision) ? this.#place() : undefined;
    return place === undefined ? undefined : encodePriming(place);
  }

  #close(): void {
    this.#isOver = true;
    for (const listener of this.#listeners.values()) listener.stop();
    this.#listeners.clear();
    this.host.closed(this);
  }
}
