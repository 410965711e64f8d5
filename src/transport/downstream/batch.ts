/** The answers of a batch leave on one stream (2025-03-26 basic/transports §Sending Messages to the Server). */
import type { ServerResponse } from 'node:http';
import { encodeEvent } from '../../protocol/sse.ts';
import { respondAccepted } from '../http/respond.ts';
import { EventStream, type StreamOwner } from '../http/event-stream.ts';
import type { Wheel } from '../http/wheel.ts';
import type { Outlet } from './outlet.ts';
import type { Worded } from './wording.ts';

/** The answers of a batch share one stream that ends with the last of them (2025-03-26: one response per request). */
export class BatchOutlet implements StreamOwner {
  readonly #response: ServerResponse;
  readonly #events: EventStream;
  readonly #parts = new Set<BatchPart>();
  #sealed = false;
  #any = false;

  constructor(response: ServerResponse, wheel: Wheel, principalId: string) {
    this.#response = response;
    this.#events = new EventStream(response, wheel, principalId);
    this.#events.owner = this;
  }

  onDrain(): void {
    for (const part of this.#parts) part.owner?.onDrain();
  }

  onGone(): void {
    for (const part of this.#parts) {
      part.gone = true;
      part.owner?.onGone();
    }
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

  /** All messages have been handled: a batch without requests is answered with 202. */
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
  owner: StreamOwner | undefined;
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

  fault(_fault: unknown, worded: Worded<string>): void {
    this.finish(encodeEvent(worded.body));
  }
}
