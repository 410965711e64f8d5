/**
 * The HTTP streams of one bridge session (2025-11-25 basic/transports §Streamable HTTP): which message goes to which stream,
 * which messages wait for a stream, and what a broken stream is resumed from.
 */
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../../errors.ts';
import { upstreamsShare } from '../http/budget.ts';
import { EventStream } from '../http/event-stream.ts';
import { respondJson } from '../http/respond.ts';
import type { Wheel } from '../http/wheel.ts';
import { BoundedQueue, EventLog, readEventId } from './event-log.ts';
import type { BridgeLimits } from './limits.ts';
import type { BridgeLog } from './running-server.ts';

/** One logical stream. Its connection may break and be replaced. Channel 0 is the one that GET opens. */
export interface Channel {
  readonly number: number;
  response: ServerResponse | undefined;
  stream: EventStream | undefined;
  /** Events have been sent, so it can only continue as a stream. */
  begun: boolean;
}

export interface ChannelsDeps {
  readonly upstream: string;
  readonly log: BridgeLog;
  readonly limits: BridgeLimits;
  readonly wheel: Wheel;
  /** The server to pause for a slow reader; undefined where several sessions use the server. */
  readonly server: () => { pause(): void; resume(): void } | undefined;
}

export class Channels {
  /** The client has had a GET stream, and has none now. */
  hasLeft = false;
  readonly #deps: ChannelsDeps;
  readonly #standalone: Channel = { number: 0, response: undefined, stream: undefined, begun: true };
  /** Channels of requests that have no answer yet. */
  readonly #open = new Map<number, Channel>();
  readonly #events: EventLog;
  readonly #parked: BoundedQueue<Buffer>;
  /** Streams whose readers are so slow that the server waits for them. */
  readonly #slow = new Set<ServerResponse>();
  #count = 0;

  constructor(deps: ChannelsDeps) {
    const { limits } = deps;
    this.#deps = deps;
    this.#events = new EventLog(limits.maxReplayEvents, limits.maxReplayBytes);
    this.#parked = new BoundedQueue(limits.maxParkedMessages, limits.maxParkedBytes, (message) => message.length);
  }

  /** Opens the channel of a request. A closed connection does not cancel the request, so the channel remains. */
  open(response: ServerResponse): Channel {
    this.#count += 1;
    const channel: Channel = { number: this.#count, response, stream: undefined, begun: false };
    this.#open.set(channel.number, channel);
    response.once('close', () => this.#detach(channel, response));
    return channel;
  }

  /** The channel of the GET stream, while it has a connection. */
  get standalone(): Channel | undefined {
    return this.#standalone.stream === undefined ? undefined : this.#standalone;
  }

  /**
   * Attaches a GET stream. Throws `stream_taken` for a second stream, `message_invalid` for an event id that is not one of ours.
   */
  listen(response: ServerResponse, lastEventId: string | undefined): void {
    const from = lastEventId === undefined ? undefined : readEventId(lastEventId);
    if (lastEventId !== undefined && from === undefined) throw new GatewayError('message_invalid', 'Last-Event-ID');
    const number = from?.channel ?? 0;
    const channel = number === 0 ? this.#standalone : this.#open.get(number);
    if (channel?.response !== undefined) {
      if (from === undefined) throw new GatewayError('stream_taken');
      // A client that resumes has lost its old connection, even if this side has not noticed yet.
      channel.response.destroy();
    }
    const replay = from === undefined ? [] : this.#events.after(from.channel, from.number);
    const stream = new EventStream(response, this.#deps.wheel, upstreamsShare);
    stream.open();
    for (const event of replay) stream.write(event);
    if (channel === undefined) {
      stream.end();
      return;
    }
    channel.response = response;
    channel.stream = stream;
    response.once('close', () => this.#detach(channel, response));
    if (channel === this.#standalone) {
      this.hasLeft = false;
      for (const message of this.#parked.takeAll()) this.send(channel, message);
    }
    stream.flush();
  }

  send(channel: Channel, message: Buffer): void {
    channel.begun = true;
    const event = this.#events.add(channel.number, message);
    const { response } = channel;
    if (response === undefined) return;
    if (channel.stream === undefined) {
      channel.stream = new EventStream(response, this.#deps.wheel, upstreamsShare);
      channel.stream.open();
    }
    if (!channel.stream.write(event) && response.writableLength > this.#deps.limits.maxStreamBacklogBytes)
      this.#waitFor(response);
  }

  /** Sends a message about the session as a whole. */
  tell(message: Buffer): void {
    if (this.standalone === undefined) this.park(message);
    else this.send(this.#standalone, message);
  }

  /** Keeps the message for a later GET stream. */
  park(message: Buffer): void {
    // An exact copy: a small message must not keep the whole received chunk in memory.
    const copy = Buffer.allocUnsafeSlow(message.length);
    message.copy(copy);
    const dropped = this.#parked.push(copy);
    if (dropped.length === 0) return;
    const { log, upstream } = this.#deps;
    log.warn({ upstream, dropped: dropped.length }, 'dropped messages that no stream came to fetch');
  }

  /** Sends the answer to the request and ends its channel. */
  answer(channel: Channel, body: Buffer | string): void {
    this.close(channel);
    if (channel.begun) {
      const event = this.#events.add(channel.number, body);
      channel.stream?.end(event);
    } else if (channel.response !== undefined) respondJson(channel.response, body);
    else this.#deps.log.debug({ upstream: this.#deps.upstream }, 'dropped an answer that nobody waits for');
  }

  /** Closes the channel without an answer. */
  close(channel: Channel): void {
    this.#open.delete(channel.number);
  }

  /** Ends the GET stream. */
  end(): void {
    this.#standalone.stream?.end();
  }

  #detach(channel: Channel, response: ServerResponse): void {
    if (channel.response !== response) return;
    channel.response = undefined;
    channel.stream = undefined;
    if (channel === this.#standalone) this.hasLeft = true;
  }

  /**
   * A slow reader slows the server down; `EventStream` disconnects a reader that makes no progress. A shared server is not slowed
   * down for one of its sessions.
   */
  #waitFor(response: ServerResponse): void {
    const server = this.#deps.server();
    if (server === undefined) {
      if (response.writableLength > this.#deps.limits.maxSharedBacklogBytes) response.destroy();
      return;
    }
    if (this.#slow.has(response)) return;
    this.#slow.add(response);
    server.pause();
    const goOn = (): void => {
      response.off('drain', goOn);
      response.off('close', goOn);
      if (this.#slow.delete(response) && this.#slow.size === 0) server.resume();
    };
    response.once('drain', goOn);
    response.once('close', goOn);
  }
}
