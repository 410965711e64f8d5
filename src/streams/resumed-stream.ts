/**
 * A broken answer that the client resumes by GET: the rest of one call's stream, from one upstream. If the upstream's stream
 * breaks too, it is resumed again (2025-11-25 basic/transports §Resumability and Redelivery).
 */
import type { ServerResponse } from 'node:http';
import { outwardResult } from '../aggregate/rewrite.ts';
import { GatewayError } from '../errors.ts';
import { readServerMessage, type Message } from '../protocol/envelope.ts';
import { understandsPriming } from '../protocol/revisions.ts';
import { bytesOf, encodeEvent, encodePriming, encodeRetry, heartbeat, type SseEvent } from '../protocol/sse.ts';
import type { StreamPosition } from '../session/event-id.ts';
import type { Client } from '../clients/client.ts';
import { receive, type Receiver } from '../clients/receive.ts';
import { maxResumptions, resumedHeadMs } from '../transport/http/limits.ts';
import type { StreamHost } from './host.ts';
import { isPassing, resumptionDelayMs } from './resumption.ts';
import { respondFault } from '../transport/http/respond.ts';
import { EventStream } from '../transport/http/event-stream.ts';
import { eventIdToClient, notificationToClient, requestToClient, tasksToClient } from '../clients/translate.ts';
import type { AnswerSink, Exchange } from '../transport/upstream/adapter.ts';
import type { Outbound } from '../transport/upstream/session.ts';
import { Waiting } from '../transport/http/wheel.ts';

export interface ResumedHost extends StreamHost {
  closed(stream: ResumedStream): void;
}

export class ResumedStream extends Waiting implements AnswerSink, Receiver {
  readonly client: Client;
  readonly #host: ResumedHost;
  readonly #to: Outbound;
  readonly #response: ServerResponse;
  readonly #events: EventStream;
  #position: Extract<StreamPosition, { kind: 'post' }>;
  #exchange: Exchange | undefined;
  #retryMs: number | undefined;
  /** Id of the event that is being read. */
  #eventId: string | undefined;
  /** Attempts to resume in a row, without an event in between. */
  #resumptions = 0;
  #opened = false;
  #over = false;

  constructor(
    host: ResumedHost,
    client: Client,
    to: Outbound,
    response: ServerResponse,
    position: Extract<StreamPosition, { kind: 'post' }>,
  ) {
    super();
    this.#host = host;
    this.client = client;
    this.#to = to;
    this.#response = response;
    this.#position = position;
    this.#events = new EventStream(response, host.wheel, to.caller.principalId);
    this.#events.owner = this;
  }

  onDrain(): void {
    this.#exchange?.resume();
  }

  onGone(): void {
    this.#close();
  }

  get caller(): Outbound['caller'] {
    return this.#to.caller;
  }

  /** Asks the upstream first, so that the HTTP status tells the client when there is nothing to resume. */
  start(): void {
    this.#host.wheel.arm(this, resumedHeadMs);
    this.#ask();
  }

  /** Ends the stream from this side, except for a client that would treat that as the end of the call. */
  end(last?: Buffer): void {
    if (this.#over || (this.#opened && !understandsPriming(this.client.revision))) return;
    this.#open();
    this.#events.end(last);
    this.#close();
  }

  onJson(): void {
    this.onFault(new GatewayError('upstream_malformed', 'no stream of events'));
  }

  onStream(): void {
    this.#open();
  }

  onRetry(ms: number): void {
    this.#retryMs = ms;
  }

  onEvent(event: SseEvent): void {
    if (this.#over) return;
    this.#resumptions = 0;
    if (event.id !== undefined) this.#position = { ...this.#position, eventId: event.id };
    if (event.data === '') {
      if (event.id !== undefined && understandsPriming(this.client.revision)) this.#events.write(this.#primer());
      return;
    }
    try {
      this.#eventId = event.id;
      receive(readServerMessage(bytesOf(event)), this.#to.session, this.client, undefined, this);
    } catch {
      this.#finish();
    }
  }

  /** The upstream closed the stream without an answer: it wants to be polled. Clients of 2025-11-25 do that themselves. */
  onEnd(): void {
    if (this.#over) return;
    if (understandsPriming(this.client.revision))
      this.#finish(this.#retryMs === undefined ? undefined : encodeRetry(this.#retryMs));
    else this.onFault(new GatewayError('upstream_interrupted', 'ended without an answer'));
  }

  onFault(fault: GatewayError): void {
    if (this.#over) return;
    if (isPassing(fault) && this.#resumptions < maxResumptions) {
      this.#open();
      this.#host.wheel.arm(this, resumptionDelayMs(this.#resumptions, this.#retryMs));
      this.#resumptions += 1;
    } else if (this.#opened) this.#finish();
    else {
      this.#close();
      respondFault(this.#response, new GatewayError('stream_gone', fault.message));
    }
  }

  /** The upstream's answer takes too long, or it is time to ask again. */
  onDue(): void {
    if (!this.#opened) this.#open();
    else if (!this.#over) this.#ask();
  }

  #ask(): void {
    this.#exchange = this.#host.adapter.listen(this.#to, this.#position.eventId, this);
    if (this.#events.isFull) this.#exchange.pause();
  }

  #open(): void {
    if (this.#opened || this.#over) return;
    this.#opened = true;
    this.#host.wheel.disarm(this);
    // A client loses its position with the connection. Without an event id, a client that is cut early would lose its call.
    this.#events.open(understandsPriming(this.client.revision) ? this.#primer() : heartbeat);
  }

  response(message: Message): void {
    const { upstream } = this.#to.session;
    const own = tasksToClient(message, upstream, this.client);
    this.#finish(this.#event(outwardResult(own, upstream.config, this.client.revision)));
  }

  notification(message: Message): void {
    void this.#host.told(this.#to.session, this.client, message.method, this);
    this.#write(this.#event(notificationToClient(message, this.#to.session.upstream, this.client)));
  }

  question(message: Message): void {
    this.#write(this.#event(requestToClient(message, this.#to.session.upstream, this.client)));
  }

  reply(body: string): void {
    this.#host.reply(this.#to, body);
  }

  #event(body: Buffer): Buffer {
    return encodeEvent(body, this.#eventId === undefined ? undefined : eventIdToClient(this.client, this.#position));
  }

  #write(event: Buffer): void {
    if (!this.#events.write(event)) this.#exchange?.pause();
  }

  #primer(): Buffer {
    const place = eventIdToClient(this.client, this.#position);
    return place === undefined ? heartbeat : encodePriming(place);
  }

  #finish(last?: Buffer): void {
    this.#events.end(last);
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.wheel.disarm(this);
    this.#exchange?.abort();
    this.#host.closed(this);
  }
}
