/**
 * Where the answer to one request goes: alone as the answer of its POST, or as one of several of a batch.
 * 2025-11-25 basic/transports §Sending Messages to the Server 5; batches: 2025-03-26, the same section.
 */
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../../errors.ts';
import { encodeEvent } from '../../protocol/sse.ts';
import { respondJson, respondWorded } from '../http/respond.ts';
import { cutIfStuck, EventStream, type StreamOwner } from '../http/event-stream.ts';
import type { Wheel } from '../http/wheel.ts';
import type { Worded } from './wording.ts';

export interface Outlet {
  /** The client is gone; what is written is dropped. */
  readonly gone: boolean;
  owner: StreamOwner | undefined;
  /** The whole answer. Ends the outlet; `token` is the session token of an `initialize` answer. */
  whole(body: Buffer | string, token?: string, status?: number): void;
  /** The answer will be a stream. */
  stream(): void;
  /** Encoded events before the answer. False: wait for `onDrain`. */
  events(bytes: Buffer): boolean;
  /** The last encoded event, if any, and the end of the stream. */
  finish(last?: Buffer): void;
  /** A fault in place of an answer, whether or not a stream has begun, in the words of the client. */
  fault(fault: unknown, worded: Worded<string>): void;
}

/** The answer of a POST that holds one request. */
export class PostOutlet implements Outlet, StreamOwner {
  gone = false;
  owner: StreamOwner | undefined;
  readonly #response: ServerResponse;
  readonly #wheel: Wheel;
  readonly #principalId: string;
  #events: EventStream | undefined;
  /** Answered: nothing may follow. */
  #over = false;

  /** `principalId`: whose share of the budget what waits for the client is of. */
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
    // The first event usually came in the same packet as the headers; only if not, the headers leave alone.
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

  /** The end of the response says so too, with or without a stream. */
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
