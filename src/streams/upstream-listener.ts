/**
 * One upstream's GET stream behind a merged stream. After a break it resumes by itself, with back-off; `retry` is the minimum
 * pause (2025-11-25 basic/transports §Listening for Messages from the Server, §Resumability and Redelivery).
 */
import { GatewayError } from '../errors.ts';
import { readServerMessage, type Message } from '../protocol/envelope.ts';
import { bytesOf, type SseEvent } from '../protocol/sse.ts';
import type { Client } from '../clients/client.ts';
import { contendedMaxMs, rejoinMaxMs, rejoinMinMs } from '../transport/http/limits.ts';
import { notificationToClient, requestToClient } from '../clients/translate.ts';
import { passesOnStream } from '../clients/passes.ts';
import { receive, type Receiver } from '../clients/receive.ts';
import type { Caller } from '../transport/http/caller.ts';
import { Waiting } from '../transport/http/wheel.ts';
import type { AnswerSink, Exchange } from '../transport/upstream/adapter.ts';
import type { Outbound, UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { StreamHost } from './host.ts';

/** The stream to the client, as used by its listeners. */
export interface Listened {
  readonly client: Client;
  readonly host: StreamHost;
  /** Who opened it. */
  readonly caller: Caller;
  /** The client is slow: reading pauses. */
  readonly isFull: boolean;
  write(body: Buffer, upstream: Upstream, upstreamEventId: string | undefined): void;
  /** An event id without a message. */
  prime(upstream: Upstream, upstreamEventId: string): void;
  /** Opens a session to replace a lost one. Throws `upstream_*` faults. */
  renew(lost: UpstreamSession): Promise<UpstreamSession>;
  /** The upstream's stream is open, for the first time or again. */
  opened?(): void;
  /** The upstream does not know the event id. */
  forget(upstream: Upstream): void;
  /** The upstream has no stream to offer. */
  leave(upstream: Upstream, listener: UpstreamListener): void;
}

/** Resources and tasks to listen for, by the upstream's own names, besides what its session sends anyway. */
export interface Watches {
  readonly uris: readonly string[];
  readonly tasks?: readonly string[] | undefined;
}

export const noWatches: Watches = { uris: [] };

export class UpstreamListener extends Waiting implements AnswerSink, Receiver {
  readonly #stream: Listened;
  readonly #watches: Watches;
  #session: UpstreamSession;
  #lastEventId: string | undefined;
  /** Id of the event that is being read. */
  #eventId: string | undefined;
  #exchange: Exchange | undefined;
  #delayMs = rejoinMinMs;
  #retryMs: number | undefined;
  /** When the upstream's stream was opened, on the clock of `performance`. */
  #openedMs: number | undefined;
  /** Another stream of the session holds the only stream that the upstream allows. */
  #contended = false;
  #stopped = false;
  /** It was open at least once. */
  #hasOpened = false;
  /** The listener that this one replaces once it is open. */
  #former: UpstreamListener | undefined;
  #onOpened: (() => void)[] = [];
  /** Messages that wait, in order, while the other replicas are told of a change. */
  #held: SseEvent[] | undefined;

  constructor(stream: Listened, session: UpstreamSession, watches: Watches, lastEventId: string | undefined) {
    super();
    this.#stream = stream;
    this.#session = session;
    this.#watches = watches;
    this.#lastEventId = lastEventId;
  }

  connect(): void {
    const { host, isFull } = this.#stream;
    this.#exchange = host.adapter.listen(this.#to, this.#lastEventId, this, this.#watches);
    if (isFull || this.#held !== undefined) this.#exchange.pause();
  }

  get #to(): Outbound {
    return { session: this.#session, caller: this.#stream.caller };
  }

  /** Whether `by`, another stream, got a message of the session that this listener uses. */
  isBeside(session: UpstreamSession, by: object | undefined): boolean {
    return by !== this && session.keepsSession && session.sessionId === this.#session.sessionId;
  }

  /** Resources that are listened for, by the upstream's own URIs. */
  get uris(): readonly string[] {
    return this.#watches.uris;
  }

  /** Replaces `former`, which continues until this one is open, so that nothing is missed in between. */
  replace(former: UpstreamListener): void {
    this.#former = former.#hasOpened ? former : former.#yield();
  }

  #yield(): UpstreamListener | undefined {
    const former = this.#former;
    this.#former = undefined;
    this.stop();
    return former;
  }

  /** Resolves when the upstream's stream is open, or no longer needed. */
  opened(): Promise<void> {
    if (this.#hasOpened || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#onOpened.push(resolve));
  }

  pause(): void {
    this.#former?.pause();
    this.#exchange?.pause();
  }

  resume(): void {
    this.#former?.resume();
    if (this.#held === undefined) this.#exchange?.resume();
  }

  stop(): void {
    this.#stopped = true;
    this.#stream.host.wheel.disarm(this);
    this.#exchange?.abort();
    this.#settle();
  }

  /** A stream of the same session has ended here: the upstream's stream may be free. */
  takeOver(): void {
    if (!this.#contended || this.#stopped) return;
    this.#delayMs = rejoinMinMs;
    this.#stream.host.wheel.arm(this, 0);
  }

  onJson(): void {}

  onStream(): void {
    this.#contended = false;
    this.#openedMs = performance.now();
    this.#hasOpened = true;
    this.#stream.opened?.();
    this.#settle();
  }

  onRetry(ms: number): void {
    this.#retryMs = ms;
  }

  onEvent(event: SseEvent): void {
    if (this.#stopped) return;
    this.#delayMs = rejoinMinMs;
    if (event.id !== undefined) this.#lastEventId = event.id;
    this.#inOrder(event);
  }

  #inOrder(event: SseEvent): void {
    if (this.#held === undefined) this.#take(event);
    else this.#held.push(event);
  }

  #take(event: SseEvent): void {
    if (event.data === '') {
      if (event.id !== undefined) this.#stream.prime(this.#session.upstream, event.id);
      return;
    }
    try {
      const message = readServerMessage(bytesOf(event));
      this.#eventId = event.id;
      receive(message, this.#session, this.#stream.client, undefined, this);
    } catch (fault) {
      // An invalid message is dropped, and the stream goes on.
      this.#stream.host.dropped('invalid', this.#session, fault);
    }
  }

  /** An upstream that closes its stream wants to be polled, after its `retry` time where it sent one. */
  onEnd(): void {
    this.#rejoin(this.#retryMs ?? this.#backOffMs(rejoinMaxMs));
  }

  onFault(fault: GatewayError): void {
    const { upstream } = this.#session;
    switch (fault.code) {
      case 'upstream_verb_refused':
        upstream.cannotStream(this.#session);
        this.#stream.leave(upstream, this);
        this.#settle();
        return;
      case 'upstream_session_lost':
      case 'upstream_revision_refused':
        this.#forget();
        this.#renew();
        return;
      case 'upstream_busy':
        this.#contended = true;
        this.#rejoin(this.#backOffMs(contendedMaxMs));
        return;
      case 'upstream_unauthorized':
      case 'upstream_refused':
        // It may no longer have the events to resume from; a new stream is better than none.
        this.#forget();
        break;
      default:
    }
    this.#rejoin(Math.max(this.#retryMs ?? 0, this.#backOffMs(rejoinMaxMs)));
  }

  onDue(): void {
    if (!this.#stopped) this.connect();
  }

  /**
   * A GET stream carries no responses unless it resumes a call, which this one never does (2025-11-25 basic/transports §Listening
   * for Messages from the Server).
   */
  response(): void {}

  notification(message: Message): void {
    const { client, host } = this.#stream;
    const told = host.told(this.#session, client, message.method, this);
    const isWatched = this.#watches.uris.length > 0 || this.#watches.tasks !== undefined;
    if (!passesOnStream(message, this.#session, isWatched)) {
      host.dropped('of_a_shared_session', this.#session);
      return;
    }
    const body = notificationToClient(message, this.#session.upstream, client);
    const eventId = this.#eventId;
    if (told === undefined) this.#write(body, eventId);
    else this.#hold(told, () => this.#write(body, eventId));
  }

  question(message: Message): void {
    this.#write(requestToClient(message, this.#session.upstream, this.#stream.client), this.#eventId);
  }

  reply(body: string): void {
    this.#stream.host.reply(this.#to, body);
  }

  #write(body: Buffer, eventId: string | undefined): void {
    this.#stream.write(body, this.#session.upstream, eventId);
  }

  /** A client that hears of a change may ask any replica at once, so replicas with the old list are told first. `told` never rejects. */
  #hold(told: Promise<void>, pass: () => void): void {
    this.#held = [];
    this.#exchange?.pause();
    void told.then(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      pass();
      for (const event of held) this.#inOrder(event);
      if (!this.#stream.isFull) this.resume();
    });
  }

  #settle(): void {
    this.#former?.stop();
    this.#former = undefined;
    for (const resolve of this.#onOpened.splice(0)) resolve();
  }

  #forget(): void {
    this.#lastEventId = undefined;
    this.#stream.forget(this.#session.upstream);
  }

  /** The next pause in ms. Each is twice as long as the last, unless the stream has been stable in between. */
  #backOffMs(maxMs: number): number {
    const isSteady = this.#openedMs !== undefined && performance.now() - this.#openedMs > rejoinMaxMs;
    this.#openedMs = undefined;
    const delayMs = isSteady ? rejoinMinMs : Math.min(this.#delayMs, maxMs);
    this.#delayMs = Math.min(delayMs * 2, rejoinMaxMs);
    return delayMs;
  }

  #rejoin(afterMs: number): void {
    if (!this.#stopped) this.#stream.host.wheel.arm(this, afterMs);
  }

  /** After a loss, the client's current session is used: a call may have replaced the lost one. */
  #renew(): void {
    if (this.#stopped) return;
    this.#stream.renew(this.#session).then(
      (session) => {
        if (this.#stopped) return;
        this.#session = session;
        // With a pause: an upstream that loses its sessions at once would be asked for new ones in a loop.
        this.#rejoin(this.#backOffMs(rejoinMaxMs));
      },
      (fault: unknown) => {
        // `onSessionLoss: error`: only a new client session opens another one.
        if (fault instanceof GatewayError && fault.code === 'upstream_session_lost')
          this.#stream.leave(this.#session.upstream, this);
        else this.#rejoin(this.#backOffMs(rejoinMaxMs));
      },
    );
  }
}
