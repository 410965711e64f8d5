/**
 * The way back of one call: the upstream's answer, message by message as it comes, to the outlet of its request. Requests of
 * the server that come on the way get sealed ids (protocol.md D6.1); a `ping` is answered here and goes no further (D4).
 */
import { randomBytes } from 'node:crypto';
import { GatewayError, type ErrorCode } from '../errors.ts';
import { readServerMessage, type Message } from '../protocol/envelope.ts';
import { understandsPriming } from '../protocol/revisions.ts';
import { encodeEvent, encodePriming, encodeRetry, type SseEvent } from '../protocol/sse.ts';
import type { Call } from './call.ts';
import type { Client, InFlight } from './client.ts';
import { callCeilingMs, maxPollMs, maxResumptions, resumptionMaxMs } from './limits.ts';
import type { OutletOwner } from './downstream/outlet.ts';
import { eventIdToClient, notificationToClient, requestToClient, responseToClient } from './translate.ts';
import { ownAnswer } from './undeclared.ts';
import type { AnswerSink, Exchange, Link } from './upstream/adapter.ts';

/** What a relay needs of the gateway. */
export interface RelayHost {
  /** The upstream no longer knows the session of `relay`; true when the call will be sent again. */
  heal(relay: Relay): boolean;
  /** Notifications that concern the gateway as well. */
  noticed(link: Link, client: Client, method: string): void;
  /** Whether a log message is one that the request has asked for. */
  wantsLog(relay: Relay, message: Message): boolean;
  /** Sends a message of the gateway to the upstream, without waiting. */
  reply(link: Link, body: string): void;
  /** Takes up the answer of `relay` after the upstream's event `lastEventId`, in `afterMs`. */
  resume(relay: Relay, lastEventId: string, afterMs: number): void;
  /** The client was given an event id, so it can take the answer up at another replica. */
  promised(relay: Relay): void;
  /** The client has left, which takes its request back. */
  takenBack(relay: Relay): void;
  /** The call is over; `outcome` is `ok`, `error` or a fault's code. */
  finished(relay: Relay, outcome: 'ok' | 'error' | ErrorCode): void;
}

export class Relay implements AnswerSink, OutletOwner {
  readonly call: Call;
  /** The request's id as the upstream knows it; raw JSON. */
  readonly upstreamId: string;
  /** What was sent, to be sent again after healing. */
  readonly body: Buffer;
  link: Link;
  exchange: Exchange | undefined;
  /** Its entry among what the client has under way. */
  flight: InFlight | undefined;
  healed = false;

  readonly #host: RelayHost;
  readonly #tokens: ReadonlyMap<string, string> | undefined;
  #streamId: Buffer | undefined;
  #retryMs: number | undefined;
  /** The upstream's latest event id, and how often in a row it was asked to go on from there. */
  #lastEventId: string | undefined;
  #resumptions = 0;
  /** The client was given an event id to come back with. */
  #promised = false;
  #over = false;

  constructor(
    host: RelayHost,
    call: Call,
    link: Link,
    sent: {
      readonly upstreamId: string;
      readonly body: Buffer;
      /** Progress tokens of ours → the client's, on shared links. */
      readonly tokens: ReadonlyMap<string, string> | undefined;
    },
  ) {
    this.#host = host;
    this.call = call;
    this.link = link;
    this.upstreamId = sent.upstreamId;
    this.body = sent.body;
    this.#tokens = sent.tokens;
    call.outlet.owner = this;
  }

  /** The client has caught up. */
  onDrain(): void {
    this.exchange?.resume();
  }

  /** Leaving is no cancellation in this era: an answer that can be resumed is left to the upstream, another is read to its end. */
  onGone(): void {
    this.#clientGone();
  }

  onJson(body: Buffer): void {
    const message = this.#read(body);
    if (message === undefined) return;
    if (message.kind !== 'response' || message.id !== this.upstreamId) {
      this.#fail(new GatewayError('upstream_malformed', 'answered with another id'));
      return;
    }
    const answer = this.#translated(() =>
      responseToClient(message, this.link.upstream, this.call.client, this.call.message),
    );
    if (answer === undefined) return;
    this.#close(message);
    this.call.outlet.whole(answer.body, undefined, answer.status);
  }

  onStream(): void {
    this.call.outlet.stream();
  }

  onRetry(ms: number): void {
    this.#retryMs = ms;
  }

  onEvent(event: SseEvent): void {
    if (this.#over) return;
    if (event.id !== undefined) this.#lastEventId = event.id;
    this.#resumptions = 0;
    if (event.data === '') {
      this.#prime(event.id);
      return;
    }
    const message = this.#read(Buffer.from(event.data));
    if (message === undefined) return;
    this.#translated(() => this.#pass(message, event.id));
  }

  onEnd(): void {
    if (this.#over) return;
    if (this.#promised && understandsPriming(this.call.client.revision)) this.#passDisconnect();
    else this.#interrupted(new GatewayError('upstream_interrupted', 'ended without an answer'));
  }

  onFault(fault: GatewayError): void {
    if (this.#over) return;
    // A session that is lost while an answer is under way takes the answer with it; before that nothing has been done.
    if (fault.code === 'upstream_session_lost' && this.#lastEventId === undefined && this.#host.heal(this)) return;
    if (isPassing(fault)) this.#interrupted(fault);
    else this.#fail(fault);
  }

  /** Closes the client's stream so that it goes on at another replica; a client that would not come back is left as it is. */
  disconnect(retryMs: number): void {
    if (this.#over || !this.#promised || !understandsPriming(this.call.client.revision)) return;
    this.#retryMs = retryMs;
    this.exchange?.abort();
    this.#passDisconnect();
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** The client has cancelled: its stream ends without an answer (2025-11-25 basic/utilities/cancellation). */
  takeBack(): void {
    if (this.#over) return;
    this.#over = true;
    this.exchange?.abort();
    this.#host.finished(this, 'ok');
    this.call.outlet.finish();
  }

  /** Ends the call with a fault. */
  fail(fault: unknown): void {
    if (!this.#over)
      this.#fail(fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault }));
  }

  /** An upstream that gave event ids is asked to go on where it was; the client sees no break (2025-11-25 §Resumability). */
  #interrupted(fault: GatewayError): void {
    const isLate = performance.now() - this.call.startedMs > callCeilingMs;
    const isOver = isLate || this.#resumptions >= maxResumptions || this.link.sessionId === undefined;
    if (this.#lastEventId === undefined || isOver) {
      this.#fail(fault);
      return;
    }
    this.#host.resume(this, this.#lastEventId, resumptionDelayMs(this.#resumptions, this.#retryMs));
    this.#resumptions += 1;
  }

  /** The upstream closed in good order to be polled (2025-11-25 transports §Sending Messages 6): the client does that itself. */
  #passDisconnect(): void {
    this.#over = true;
    this.#host.finished(this, 'ok');
    this.call.outlet.finish(this.#retryMs === undefined ? undefined : encodeRetry(this.#retryMs));
  }

  #pass(message: Message, eventId: string | undefined): void {
    const upstream = this.link.upstream;
    switch (message.kind) {
      case 'response': {
        // A response to anything but this request is not the client's to see (security.md T21).
        if (message.id !== this.upstreamId) return;
        const { body } = responseToClient(message, upstream, this.call.client, this.call.message);
        const last = encodeEvent(body, this.#seal(eventId));
        this.#close(message);
        this.exchange?.answered();
        this.call.outlet.finish(last);
        return;
      }
      case 'notification':
        this.#host.noticed(this.link, this.call.client, message.method);
        if (this.call.client.wording.passes(message.method, this.#isWantedLog(message)))
          this.#write(notificationToClient(message, upstream, this.call.client, this.#tokens), eventId);
        return;
      case 'request': {
        const own = ownAnswer(message, this.link, this.call.client);
        if (own === undefined) this.#write(requestToClient(message, upstream, this.call.client), eventId);
        else this.#host.reply(this.link, own);
      }
    }
  }

  #isWantedLog(message: Message): boolean {
    return message.method === 'notifications/message' && this.#host.wantsLog(this, message);
  }

  #write(body: Buffer, eventId: string | undefined): void {
    if (this.call.outlet.gone) return;
    if (!this.call.outlet.events(encodeEvent(body, this.#seal(eventId)))) this.exchange?.pause();
  }

  /** An event without data only names a place to resume from; older clients fail on it. */
  #prime(eventId: string | undefined): void {
    if (this.call.outlet.gone || !understandsPriming(this.call.client.revision)) return;
    const sealed = this.#seal(eventId);
    if (sealed !== undefined) this.call.outlet.events(encodePriming(sealed, this.#retryMs));
  }

  /** Only where the upstream gave an id is one promised, and only where the session finds the upstream again. */
  #seal(upstreamEventId: string | undefined): string | undefined {
    if (upstreamEventId === undefined || this.link.shared) return undefined;
    this.#streamId ??= randomBytes(8);
    const sealed = eventIdToClient(this.call.client, {
      kind: 'post',
      stream: this.#streamId,
      upstream: this.link.upstream.hash,
      eventId: upstreamEventId,
    });
    if (!this.#promised && sealed !== undefined) {
      this.#promised = true;
      this.#host.promised(this);
    }
    return sealed;
  }

  /** What cannot be translated is the upstream's fault, whatever it is called inside, and ends the call. */
  #translated<T>(translate: () => T): T | undefined {
    try {
      return translate();
    } catch (cause) {
      this.#fail(new GatewayError('upstream_malformed', String(cause), { cause }));
      return undefined;
    }
  }

  #read(bytes: Buffer): Message | undefined {
    try {
      return readServerMessage(bytes);
    } catch (cause) {
      this.#fail(new GatewayError('upstream_malformed', 'not a JSON-RPC message', { cause }));
      return undefined;
    }
  }

  #clientGone(): void {
    if (this.#over) return;
    if (this.call.client.wording.leavingCancels) {
      this.#over = true;
      this.#host.takenBack(this);
      return;
    }
    if (!this.#promised) {
      this.exchange?.resume();
      return;
    }
    this.#over = true;
    this.exchange?.abort();
    this.#host.finished(this, 'ok');
  }

  #close(response: Message): void {
    this.#over = true;
    this.#host.finished(this, response.root.member('error') === undefined ? 'ok' : 'error');
  }

  #fail(fault: GatewayError): void {
    this.#over = true;
    this.exchange?.abort();
    this.#host.finished(this, fault.code);
    this.call.outlet.fault(fault, this.call.client.wording.fault(fault, this.call.message.id));
  }
}

/** What may pass when the answer is asked for again. Whoever else holds the stream is a reader that is gone: ids are this call's. */
export function isPassing({ code }: GatewayError): boolean {
  return code === 'upstream_interrupted' || code === 'upstream_unreachable' || code === 'upstream_busy';
}

/** The pause before the answer is asked for again, the `attempt`th time in a row from 0; `retryMs` is the upstream's own wish. */
export function resumptionDelayMs(attempt: number, retryMs: number | undefined): number {
  return attempt === 0 ? Math.min(retryMs ?? 0, maxPollMs) : Math.min(250 * 2 ** attempt, resumptionMaxMs);
}
