/**
 * A stream of events to a client: headers at once, heartbeats as comments, and a client that reads slowly slows its source.
 * Heartbeats and the wait for stuck clients come from the one wheel, never from a timer of the stream's own.
 */
import type { ServerResponse } from 'node:http';
import { heartbeat } from '../../protocol/sse.ts';
import { endInOneWrite } from './respond.ts';
import { heartbeatMs, stuckClientMs } from './limits.ts';
import { Later, Waiting, type Wheel } from './wheel.ts';

const streamHeaders = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  'X-Accel-Buffering',
  'no',
];

export class EventStream extends Waiting {
  /** Called when a slow client has taken what waited for it. */
  onDrain: () => void = () => {};
  /** Called once when the client is gone before the end. */
  onGone: () => void = () => {};

  readonly #response: ServerResponse;
  readonly #wheel: Wheel;
  /** `ending`: the last byte is written and not yet taken. */
  #state: 'new' | 'open' | 'full' | 'ending' | 'over' = 'new';
  #wroteSinceBeat = false;

  constructor(response: ServerResponse, wheel: Wheel) {
    super();
    this.#response = response;
    this.#wheel = wheel;
    response.on('close', () => this.#closed());
  }

  /** The client is slow and has not caught up yet. */
  get isFull(): boolean {
    return this.#state === 'full';
  }

  get isOpen(): boolean {
    return this.#state === 'open' || this.#state === 'full';
  }

  /** Sends the headers, extra ones as a raw list, and with them `first`, where it is given, in one packet. */
  open(first?: Buffer, extraHeaders: readonly string[] = []): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    this.#response.writeHead(200, extraHeaders.length === 0 ? streamHeaders : [...streamHeaders, ...extraHeaders]);
    if (first !== undefined) this.#response.write(first);
    this.#response.on('drain', () => this.#drained());
    this.#wheel.arm(this, heartbeatMs);
  }

  /** Makes the headers leave although no event has come yet. */
  flush(): void {
    if (this.#state === 'open' && !this.#wroteSinceBeat) this.#response.flushHeaders();
  }

  /** Writes one or more encoded events. False: the client is slow, wait for `onDrain`. */
  write(bytes: Buffer): boolean {
    if (!this.isOpen) return true;
    this.#wroteSinceBeat = true;
    if (this.#response.write(bytes)) return true;
    if (this.#state === 'open') {
      this.#state = 'full';
      this.#wheel.arm(this, stuckClientMs);
    }
    return false;
  }

  end(last?: Buffer): void {
    if (this.#state === 'over' || this.#state === 'ending') return;
    // Over when the client has taken the rest, or is found stuck.
    this.#state = 'ending';
    this.#wheel.arm(this, stuckClientMs);
    if (last === undefined) this.#response.end();
    else endInOneWrite(this.#response, last);
  }

  /** Heartbeat time, or the end of patience with a client that takes nothing. */
  onDue(): void {
    if (this.#state === 'full' || this.#state === 'ending') {
      // Over before the socket says so: a write in between would be one after the end.
      this.#closed();
      this.#response.destroy();
      return;
    }
    if (this.#state !== 'open') return;
    if (!this.#wroteSinceBeat) this.#response.write(heartbeat);
    this.#wroteSinceBeat = false;
    this.#wheel.arm(this, heartbeatMs);
  }

  #drained(): void {
    if (this.#state !== 'full') return;
    this.#state = 'open';
    this.#wheel.arm(this, heartbeatMs);
    this.onDrain();
  }

  #closed(): void {
    const wasEnding = this.#state === 'ending';
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#wheel.disarm(this);
    if (!wasEnding) this.onGone();
  }
}

/** Cuts a client that does not take what was written to it as a whole. Costs nothing where the socket took it at once. */
export function cutIfStuck(response: ServerResponse, wheel: Wheel): void {
  if (response.writableLength === 0) return;
  const waiting = new Later(() => void response.destroy());
  wheel.arm(waiting, stuckClientMs);
  response.on('close', () => wheel.disarm(waiting));
}
