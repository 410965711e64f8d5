/**
 * The stream a client opens with GET: what every upstream pushes, merged, and the gateway's own changes. It is open at once and
 * stays open whatever becomes of one upstream (2025-11-25 transports §Listening for Messages, §Resumability and Redelivery).
 */
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { readServerMessage, type Message } from '../protocol/envelope.ts';
import { encodeEvent, type SseEvent } from '../protocol/sse.ts';
import type { StreamPosition } from '../session/event-id.ts';
import type { Client } from './client.ts';
import { rejoinMaxMs, rejoinMinMs } from './limits.ts';
import type { RelayHost } from './relay.ts';
import { EventStream } from './stream.ts';
import { eventIdToClient, notificationToClient, requestToClient, responseToClient } from './translate.ts';
import { ownAnswer } from './undeclared.ts';
import type { AnswerSink, Exchange, Link, UpstreamAdapter } from './upstream/adapter.ts';
import type { Upstream } from './upstream/upstream.ts';
import type { Waiting, Wheel } from './wheel.ts';

const pushing =
  serverCapability.toolsListChanged |
  serverCapability.promptsListChanged |
  serverCapability.resourcesListChanged |
  serverCapability.resourcesSubscribe |
  serverCapability.logging;

export interface MergedHost extends Pick<RelayHost, 'noticed' | 'reply'> {
  readonly adapter: UpstreamAdapter;
  readonly wheel: Wheel;
  closed(stream: MergedStream): void;
}

export class MergedStream {
  readonly client: Client;
  readonly host: MergedHost;
  readonly #events: EventStream;
  readonly #listeners = new Map<Upstream, Listener>();
  /** The last event id of each upstream that gives ids. */
  readonly #places = new Map<number, string>();

  constructor(
    host: MergedHost,
    client: Client,
    response: ServerResponse,
    resumed: Extract<StreamPosition, { kind: 'merged' }> | undefined,
  ) {
    this.host = host;
    this.client = client;
    for (const place of resumed?.vector.toReversed() ?? []) this.#places.set(place.upstream, place.eventId);
    this.#events = new EventStream(response, host.wheel);
    this.#events.onDrain = () => {
      for (const listener of this.#listeners.values()) listener.resume();
    };
    this.#events.onGone = () => this.#close();
    this.#events.open();
    this.#events.flush();
  }

  /** Listens to an upstream where it has something to push and a session to push it in. */
  join(upstream: Upstream): void {
    if (upstream.noListening || this.#listeners.has(upstream) || !this.#events.isOpen) return;
    const link = this.client.links.peek(upstream);
    if (link === undefined || (link.capabilities & pushing) === 0) return;
    const listener = new Listener(this, link, this.#places.get(upstream.hash));
    this.#listeners.set(upstream, listener);
    listener.connect();
  }

  /** A change of the gateway's own. It has no place in any upstream's stream, hence no event id. */
  announce(method: string): void {
    this.#events.write(encodeEvent(`{"jsonrpc":"2.0","method":"${method}"}`));
  }

  /** False: the client is slow, and all listeners pause until it has caught up. */
  write(body: Buffer, upstream: Upstream, upstreamEventId: string | undefined): void {
    if (this.#events.write(encodeEvent(body, this.#place(upstream, upstreamEventId)))) return;
    for (const listener of this.#listeners.values()) listener.pause();
  }

  leave(upstream: Upstream): void {
    this.#listeners.delete(upstream);
  }

  /** Ends the stream from this side; the client comes back on any replica. */
  end(last?: Buffer): void {
    this.#events.end(last);
    this.#close();
  }

  #place(upstream: Upstream, upstreamEventId: string | undefined): string | undefined {
    if (upstreamEventId === undefined || this.client.shared) return undefined;
    // The oldest places are the ones given up when the id would become too long.
    this.#places.delete(upstream.hash);
    this.#places.set(upstream.hash, upstreamEventId);
    return eventIdToClient(this.client, {
      kind: 'merged',
      vector: [...this.#places].map(([hash, eventId]) => ({ upstream: hash, eventId })).toReversed(),
    });
  }

  #close(): void {
    for (const listener of this.#listeners.values()) listener.stop();
    this.#listeners.clear();
    this.host.closed(this);
  }
}

/** One upstream's GET stream behind a merged stream: comes back by itself, with back-off, from where it was. */
class Listener implements AnswerSink, Waiting {
  due = 0;
  readonly #stream: MergedStream;
  #link: Link;
  #lastEventId: string | undefined;
  #exchange: Exchange | undefined;
  #delayMs = rejoinMinMs;
  #retryMs: number | undefined;
  #stopped = false;

  constructor(stream: MergedStream, link: Link, lastEventId: string | undefined) {
    this.#stream = stream;
    this.#link = link;
    this.#lastEventId = lastEventId;
  }

  connect(): void {
    this.#exchange = this.#stream.host.adapter.listen(this.#link, this.#lastEventId, this);
  }

  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  stop(): void {
    this.#stopped = true;
    this.#stream.host.wheel.disarm(this);
    this.#exchange?.abort();
  }

  onJson(): void {}

  onStream(): void {
    this.#delayMs = rejoinMinMs;
  }

  onRetry(ms: number): void {
    this.#retryMs = Math.min(ms, rejoinMaxMs);
  }

  onEvent(event: SseEvent): void {
    if (this.#stopped) return;
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.data === '') return;
    try {
      this.#pass(readServerMessage(Buffer.from(event.data)), event.id);
    } catch {
      // One message that is none hurts nobody else; the stream goes on.
      this.#stream.host.noticed(this.#link, this.#stream.client, 'malformed');
    }
  }

  onEnd(): void {
    this.#rejoin(this.#retryMs ?? this.#delayMs);
  }

  onFault(fault: GatewayError): void {
    if (fault.code === 'upstream_verb_refused') {
      this.#link.upstream.noListening = true;
      this.#stream.leave(this.#link.upstream);
      return;
    }
    if (fault.code === 'upstream_session_lost') this.#lastEventId = undefined;
    this.#rejoin(this.#delayMs, fault.code === 'upstream_session_lost');
  }

  onDue(): void {
    if (!this.#stopped) this.connect();
  }

  #pass(message: Message, eventId: string | undefined): void {
    const { client, host } = this.#stream;
    const upstream = this.#link.upstream;
    switch (message.kind) {
      // A GET stream carries no responses unless it resumes a call, which this one never does.
      case 'response':
        return;
      case 'notification':
        host.noticed(this.#link, client, message.method);
        this.#stream.write(notificationToClient(message, upstream, client), upstream, eventId);
        return;
      case 'request': {
        const own = ownAnswer(message, this.#link, client);
        if (own === undefined) this.#stream.write(requestToClient(message, upstream, client), upstream, eventId);
        else host.reply(this.#link, own);
      }
    }
  }

  /** After a loss of the session the link of the client is used as it is by then: a call may have healed it. */
  #rejoin(afterMs: number, lost = false): void {
    if (this.#stopped) return;
    this.#delayMs = Math.min(this.#delayMs * 2, rejoinMaxMs);
    if (!lost) {
      this.#stream.host.wheel.arm(this, afterMs);
      return;
    }
    this.#stream.client.links.renew(this.#link.upstream, this.#link).then(
      (link) => {
        this.#link = link;
        if (!this.#stopped) this.connect();
      },
      () => {
        if (!this.#stopped) this.#stream.host.wheel.arm(this, afterMs);
      },
    );
  }
}

/** A broken answer taken up again by GET: the rest of one call's stream, from one upstream, to its end. */
export class ResumedStream implements AnswerSink {
  readonly #host: MergedHost;
  readonly #client: Client;
  readonly #link: Link;
  readonly #id: Extract<StreamPosition, { kind: 'post' }>;
  readonly #events: EventStream;
  #exchange: Exchange | undefined;

  constructor(
    host: MergedHost,
    client: Client,
    link: Link,
    response: ServerResponse,
    id: Extract<StreamPosition, { kind: 'post' }>,
  ) {
    this.#host = host;
    this.#client = client;
    this.#link = link;
    this.#id = id;
    this.#events = new EventStream(response, host.wheel);
    this.#events.onDrain = () => this.#exchange?.resume();
    this.#events.onGone = () => this.#exchange?.abort();
  }

  start(): void {
    this.#events.open();
    this.#events.flush();
    this.#exchange = this.#host.adapter.listen(this.#link, this.#id.eventId, this);
  }

  onJson(): void {}
  onStream(): void {}
  onRetry(): void {}

  onEvent(event: SseEvent): void {
    if (event.data === '') return;
    const sealed =
      event.id === undefined ? undefined : eventIdToClient(this.#client, { ...this.#id, eventId: event.id });
    try {
      const body = this.#body(readServerMessage(Buffer.from(event.data)));
      if (body === undefined) return;
      if (!this.#events.write(encodeEvent(body.bytes, sealed))) this.#exchange?.pause();
      if (body.last) this.#events.end();
    } catch {
      this.#events.end();
      this.#exchange?.abort();
    }
  }

  onEnd(): void {
    this.#events.end();
  }

  /** The client keeps its place and may try again; a stream that never answered says so by ending. */
  onFault(): void {
    this.#events.end();
  }

  #body(message: Message): { bytes: Buffer; last: boolean } | undefined {
    const upstream = this.#link.upstream;
    switch (message.kind) {
      case 'response':
        return { bytes: responseToClient(message, upstream, this.#client, message.id!), last: true };
      case 'notification':
        this.#host.noticed(this.#link, this.#client, message.method);
        return { bytes: notificationToClient(message, upstream, this.#client), last: false };
      case 'request': {
        const own = ownAnswer(message, this.#link, this.#client);
        if (own === undefined) return { bytes: requestToClient(message, upstream, this.#client), last: false };
        this.#host.reply(this.#link, own);
        return undefined;
      }
    }
  }
}
