/**
 * An SSE stream to a client. Headers are sent at once, heartbeats are comments, and a client that reads slowly slows the source.
 * Heartbeats and checks of slow clients use the shared timer wheel, not a timer per stream.
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

/** Gets the events of a stream's client. An object, because one closure per stream outlives its stream in V8's old space. */
export interface StreamOwner {
  /** A slow client has read what was buffered for it. */
  onDrain(): void;
  /** The client disconnected before the end of the stream. Called once. */
  onGone(): void;
}

export class EventStream extends Waiting {
  owner: StreamOwner | undefined;

  readonly #response: ServerResponse;
  readonly #wheel: Wheel;
  /** `full`: the client is slow. `ending`: the last byte is written, but the client has not read it yet. */
  #state: 'new' | 'open' | 'full' | 'ending' | 'over' = 'new';
  #wroteSinceBeat = false;
  readonly #principalId: string;
  /** Both are created when the client is slow for the first time. */
  #hold: Hold | undefined;
  #taking: Taking | undefined;
  /** The tick at which the client last read something. */
  #takenTick = 0;

  /** `principalId`: the caller whose share of the memory budget counts the bytes buffered for this client. */
  constructor(response: ServerResponse, wheel: Wheel, principalId = '') {
    super();
    this.#response = response;
    this.#wheel = wheel;
    this.#principalId = principalId;
    response.on('close', () => this.#closed());
  }

  /** The client is slow: bytes are still buffered for it. */
  get isFull(): boolean {
    return this.#state === 'full';
  }

  get isOpen(): boolean {
    return this.#state === 'open' || this.#state === 'full';
  }

  /** Sends the headers, and `first` in the same packet if given. `extraHeaders` is a raw list. */
  open(first?: Buffer, extraHeaders: readonly string[] = []): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    this.#response.writeHead(200, extraHeaders.length === 0 ? streamHeaders : [...streamHeaders, ...extraHeaders]);
    if (first !== undefined) this.#response.write(first);
    this.#response.on('drain', () => this.#drained());
    this.#wheel.arm(this, heartbeatMs);
  }

  /** Sends the headers at once if no event was written yet. */
  flush(): void {
    if (this.#state === 'open' && !this.#wroteSinceBeat) this.#response.flushHeaders();
  }

  /** Writes one or more encoded events. Returns false if the client is slow: wait for the owner's `onDrain`. */
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

  /** Ends the stream, after `last` if given. */
  end(last?: Buffer): void {
    if (this.#state === 'over' || this.#state === 'ending') return;
    // The stream is over when the client has read the rest, or does not read any more.
    this.#state = 'ending';
    if (last === undefined) this.#response.end();
    else endInOneWrite(this.#response, last);
    this.#watch();
    if (this.#response.writableLength > 0) this.#count();
  }

  /** Sends a heartbeat; for a slow client, checks whether it still reads. */
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

  /** Starts the checks whether the client reads what is buffered for it. */
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

  /** Counts the buffered bytes in the memory budget. If the budget is exhausted, disconnects the client, which can resume. */
  #count(): void {
    this.#hold ??= shareOf(this.#principalId).hold(() => this.#cut());
    if (!this.#hold.set(this.#response.writableLength)) this.#cut();
  }

  #cut(): void {
    // The state changes before the socket reports its close, so that nothing is written in between.
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
 * For a response that was written in one piece: counts its unsent bytes in the memory budget, and disconnects a client that does
 * not read them. Costs nothing if the socket accepted all bytes at once.
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
