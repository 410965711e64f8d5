/**
 * Where the answer to one request goes: to its own POST, or to the shared stream of a batch. 2025-11-25 basic/transports §Sending
 * Messages to the Server 5; batches: 2025-03-26, the same section.
 */
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../../errors.ts';
import { encodeEvent } from '../../protocol/sse.ts';
import { respondJson, respondWorded } from '../http/respond.ts';
import { cutIfStuck, EventStream, type StreamOwner } from '../http/event-stream.ts';
import type { Wheel } from '../http/wheel.ts';
import type { Worded } from './wording.ts';

export interface Outlet {
  /** The client has left; further output is dropped. */
  readonly gone: boolean;
  owner: StreamOwner | undefined;
  /** Sends the whole answer and ends the outlet; `token` is the session token of an `initialize` answer. */
  whole(body: Buffer | string, token?: string, status?: number): void;
  /** Announces that the answer will be a stream. */
  stream(): void;
  /** Sends encoded events before the answer. False: wait for `onDrain`. */
  events(bytes: Buffer): boolean;
  /** Sends the last encoded event, if any, and ends the stream. */
  finish(last?: Buffer): void;
  /** Sends a fault instead of an answer, whether or not a stream has begun, in the client's wording. */
  fault(fault: unknown, worded: Worded<string>): void;
}

/** The answer of a POST with one request. */
export class PostOutlet implements Outlet, StreamOwner {
  gone = false;
  owner: StreamOwner | undefined;
  readonly #response: ServerResponse;
  readonly #wheel: Wheel;
  readonly #principalId: string;
  #events: EventStream | undefined;
  /** The request has been answered: nothing may follow. */
  #over = false;

  /** `principalId`: the principal whose share of the budget counts the data that waits for the client. */
  constructor(response: ServerResponse, wheel: Wheel, principalId: string) {
    this.#response = response;
    this.#wheel = wheel;
    this.#principalId = principalId;
    response.on('close', () => this.#closed());
  }

  whole(body: Buffer | string, token?: string, status?: number): void {
    if (this.gone || this.#over) return;
    this.#over = true;
    if (this.#events === undefined) {
      respondJson(this.#response, body, token, status);
      cutIfStuck(this.#response, this.#wheel, this.#principalId);
    } else this.#events.end(encodeEvent(body));
  }

  stream(): void {
    if (this.#events !== undefined || this.gone || this.#over) return;
    this.#events = new EventStream(this.#response, this.#wheel, this.#principalId);
    this.#events.owner = this;
    this.#events.open();
    // The first event is usually sent in the same packet as the headers; otherwise the headers are sent alone.
    process.nextTick(flush, this.#events);
  }

  events(bytes: Buffer): boolean {
    this.stream();
    return this.#events?.write(bytes) ?? true;
  }

  finish(last?: Buffer): void {
    this.stream();
    this.#over = true;
    this.#events?.end(last);
  }

  fault(fault: unknown, worded: Worded<string>): void {
    if (this.gone || this.#over) return;
    this.#over = true;
    const { code, headers } = fault instanceof GatewayError ? fault : internal;
    if (this.#events === undefined) respondWorded(this.#response, worded, code, headers);
    else this.#events.end(encodeEvent(worded.body));
  }

  onDrain(): void {
    this.owner?.onDrain();
  }

  /** The end of the response is reported too, with or without a stream. */
  onGone(): void {}

  #closed(): void {
    if (this.#response.writableFinished) return;
    this.gone = true;
    this.owner?.onGone();
  }
}

const internal = new GatewayError('internal');

function flush(events: EventStream): void {
  events.flush();
}
