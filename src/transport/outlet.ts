/**
 * Where the answer to one request goes: alone as the answer of its POST, or as one of several of a batch.
 * 2025-11-25 transports §Sending Messages 5; batches: 2025-03-26 §Sending Messages.
 */
import type { ServerResponse } from 'node:http';
import { errorBody } from '../errors.ts';
import { encodeEvent } from '../protocol/sse.ts';
import { respondAccepted, respondFault, respondJson } from './respond.ts';
import { EventStream } from './stream.ts';
import type { Wheel } from './wheel.ts';

export interface Outlet {
  /** The client is gone; what is written is dropped. */
  readonly gone: boolean;
  onDrain: () => void;
  onGone: () => void;
  /** The whole answer. Ends the outlet; `token` is the session token of an `initialize` answer. */
  whole(body: Buffer | string, token?: string): void;
  /** The answer will be a stream. */
  stream(): void;
  /** Encoded events before the answer. False: wait for `onDrain`. */
  events(bytes: Buffer): boolean;
  /** The last encoded event, if any, and the end of the stream. */
  finish(last?: Buffer): void;
  /** A fault in the place of an answer, whether or not a stream has begun. `id` is raw JSON. */
  fault(fault: unknown, id: string): void;
}

/** The answer of a POST that holds one request. */
export class PostOutlet implements Outlet {
  gone = false;
  onDrain = nothing;
  onGone = nothing;
  readonly #response: ServerResponse;
  readonly #wheel: Wheel;
  #events: EventStream | undefined;

  constructor(response: ServerResponse, wheel: Wheel) {
    this.#response = response;
    this.#wheel = wheel;
    response.on('close', () => this.#closed());
  }

  whole(body: Buffer | string, token?: string): void {
    if (this.gone) return;
    if (this.#events === undefined) respondJson(this.#response, body, token);
    else this.#events.end(encodeEvent(body));
  }

  stream(): void {
    if (this.#events !== undefined || this.gone) return;
    this.#events = new EventStream(this.#response, this.#wheel);
    this.#events.onDrain = () => this.onDrain();
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
    this.#events?.end(last);
  }

  fault(fault: unknown, id: string): void {
    if (this.gone) return;
    if (this.#events === undefined) respondFault(this.#response, fault, id);
    else this.#events.end(encodeEvent(errorBody(fault, id)));
  }

  #closed(): void {
    if (this.#response.writableFinished) return;
    this.gone = true;
    this.onGone();
  }
}

/** The answers of a batch share one stream that ends with the last of them (2025-03-26: one response per request). */
export class BatchOutlet {
  readonly #response: ServerResponse;
  readonly #events: EventStream;
  readonly #parts = new Set<BatchPart>();
  #sealed = false;
  #any = false;

  constructor(response: ServerResponse, wheel: Wheel) {
    this.#response = response;
    this.#events = new EventStream(response, wheel);
    this.#events.onDrain = () => {
      for (const part of this.#parts) part.onDrain();
    };
    this.#events.onGone = () => {
      for (const part of this.#parts) {
        part.gone = true;
        part.onGone();
      }
    };
  }

  part(): Outlet {
    if (!this.#any) this.#events.open();
    this.#any = true;
    const part = new BatchPart(
      (bytes) => this.#events.write(bytes),
      () => {
        this.#parts.delete(part);
        this.#endWhenDone();
      },
    );
    this.#parts.add(part);
    return part;
  }

  /** All messages have been taken: without any request the batch is answered with 202. */
  seal(): void {
    this.#sealed = true;
    if (this.#any) this.#endWhenDone();
    else respondAccepted(this.#response);
  }

  #endWhenDone(): void {
    if (this.#sealed && this.#parts.size === 0) this.#events.end();
  }
}

class BatchPart implements Outlet {
  gone = false;
  onDrain = nothing;
  onGone = nothing;
  readonly #write: (bytes: Buffer) => boolean;
  readonly #done: () => void;
  #over = false;

  constructor(write: (bytes: Buffer) => boolean, done: () => void) {
    this.#write = write;
    this.#done = done;
  }

  whole(body: Buffer | string): void {
    this.finish(encodeEvent(body));
  }

  stream(): void {}

  events(bytes: Buffer): boolean {
    return this.#over || this.#write(bytes);
  }

  finish(last?: Buffer): void {
    if (this.#over) return;
    this.#over = true;
    if (last !== undefined) this.#write(last);
    this.#done();
  }

  fault(fault: unknown, id: string): void {
    this.finish(encodeEvent(errorBody(fault, id)));
  }
}

function nothing(): void {}

function flush(events: EventStream): void {
  events.flush();
}
