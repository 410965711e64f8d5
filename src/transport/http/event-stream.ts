/**
 * A stream of events to a client: headers at once, heartbeats as comments, and a client that reads slowly slows its source.
 * Heartbeats and the looks at slow clients come from the one wheel, never from a timer of the stream's own.
 */
import type { ServerResponse } from 'node:http';
import { heartbeat } from '../../protocol/sse.ts';
import { endInOneWrite } from './respond.ts';
import { shareOf, type Hold } from './budget.ts';
import { heartbeatMs, slowClientLookMs, stuckClientMs } from './limits.ts';
import { Taking } from './taking.ts';
import { Later, Waiting, type Wheel } from './wheel.ts';

const streamHeaders = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  'X-Accel-Buffering',
  'no',
];

/** What has to know how the client takes a stream. An object, since a closure per stream outlives its stream in V8's old space. */
export interface StreamOwner {
  /** A slow client has taken what waited for it. */
  onDrain(): void;
  /** The client is gone before the end. Called once. */
  onGone(): void;
}

export class EventStream extends Waiting {
  owner: StreamOwner | undefined;

  readonly #response: ServerResponse;
  readonly #wheel: Wheel;
  /** `ending`: the last byte is written and not yet taken. */
  #state: 'new' | 'open' | 'full' | 'ending' | 'over' = 'new';
  #wroteSinceBeat = false;
  readonly #principalId: string;
  /** Made when the client is slow for the first time, like the next. */
  #hold: Hold | undefined;
  #taking: Taking | undefined;
  /** Tick at which it last took something. */
  #takenTick = 0;

  /** `principalId`: whose share of the budget what waits for the client is of. */
  constructor(response: ServerResponse, wheel: Wheel, principalId = '') {
    super();
    this.#response = response;
    this.#wheel = wheel;
    this.#principalId = principalId;
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

  /** Writes one or more encoded events. False: the client is slow, wait for the owner's `onDrain`. */
  write(bytes: Buffer): boolean {
    if (!this.isOpen) return true;
    this.#wroteSinceBeat = true;
    if (this.#response.write(bytes)) return true;
    if (this.#state === 'open') {
      this.#state = 'full';
      this.#watch();
    }
    this.#count();
    return false;
  }

  end(last?: Buffer): void {
    if (this.#state === 'over' || this.#state === 'ending') return;
    // Over when the client has taken the rest, or is found stuck.
    this.#state = 'ending';
    if (last === undefined) this.#response.end();
    else endInOneWrite(this.#response, last);
    this.#watch();
    if (this.#response.writableLength > 0) this.#count();
  }

  /** Heartbeat time, or the end of patience with a client that takes nothing. */
  onDue(): void {
    if (this.#state === 'full' || this.#state === 'ending') {
      this.#look();
      return;
    }
    if (this.#state !== 'open') return;
    if (!this.#wroteSinceBeat) this.#response.write(heartbeat);
    this.#wroteSinceBeat = false;
    this.#wheel.arm(this, heartbeatMs);
  }

  /** Begins to look whether the client takes what waits for it. */
  #watch(): void {
    this.#takenTick = this.#wheel.ticks;
    this.#taking?.goesOn();
    this.#wheel.arm(this, slowClientLookMs);
  }

  #look(): void {
    this.#taking ??= new Taking(this.#response);
    if (this.#taking.goesOn()) this.#takenTick = this.#wheel.ticks;
    this.#count();
    if (this.#state === 'over') return;
    if (this.#wheel.msOf(this.#wheel.ticks - this.#takenTick) >= stuckClientMs) this.#cut();
    else this.#wheel.arm(this, slowClientLookMs);
  }

  /** Counts what waits for the client. One that there is no room for is cut; it can come back for the rest. */
  #count(): void {
    this.#hold ??= shareOf(this.#principalId).hold(() => this.#cut());
    if (!this.#hold.set(this.#response.writableLength)) this.#cut();
  }

  #cut(): void {
    // Over before the socket says so: a write in between would be one after the end.
    this.#closed();
    this.#response.destroy();
  }

  #drained(): void {
    if (this.#state !== 'full') return;
    this.#state = 'open';
    this.#hold?.set(0);
    this.#wheel.arm(this, heartbeatMs);
    this.owner?.onDrain();
  }

  #closed(): void {
    const wasEnding = this.#state === 'ending';
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#wheel.disarm(this);
    this.#hold?.end();
    if (!wasEnding) this.owner?.onGone();
  }
}

/**
 * Cuts a client that does not take what was written to it as a whole, and counts it until then. Costs nothing where the socket took
 * it at once.
 */
export function cutIfStuck(response: ServerResponse, wheel: Wheel, principalId = ''): void {
  if (response.writableLength === 0) return;
  const cut = (): void => void response.destroy();
  const hold = shareOf(principalId).hold(cut);
  if (!hold.set(response.writableLength)) {
    cut();
    return;
  }
  const taking = new Taking(response);
  let takenTick = wheel.ticks;
  const waiting = new Later(() => {
    if (taking.goesOn()) takenTick = wheel.ticks;
    hold.set(response.writableLength);
    if (wheel.msOf(wheel.ticks - takenTick) >= stuckClientMs) cut();
    else wheel.arm(waiting, slowClientLookMs);
  });
  wheel.arm(waiting, slowClientLookMs);
  response.on('close', () => {
    wheel.disarm(waiting);
    hold.end();
  });
}
