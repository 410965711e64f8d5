/**
 * The HTTP streams of one bridge session (2025-11-25 transports §Streamable HTTP): what is sent on which, what waits for one to
 * come, and what a broken one is resumed from.
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

/** One logical stream; its connection may break and be taken up again. Channel 0 is the one that GET opens. */
export interface Channel {
  readonly number: number;
  response: ServerResponse | undefined;
  stream: EventStream | undefined;
  /** Has events, so that it can only go on as a stream. */
  begun: boolean;
}

export interface ChannelsDeps {
  readonly upstream: string;
  readonly log: BridgeLog;
  readonly limits: BridgeLimits;
  readonly wheel: Wheel;
  /** The server that can be made to wait for a slow reader; undefined where several sessions use it. */
  readonly server: () => { pause(): void; resume(): void } | undefined;
}

export class Channels {
  /** The client has had a GET stream, and has none now. */
  hasLeft = false;
  readonly #deps: ChannelsDeps;
  readonly #standalone: Channel = { number: 0, response: undefined, stream: undefined, begun: true };
  /** Those of requests without an answer. */
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

  /** That of a request. Leaving is not cancelling: it stays when its connection goes. */
  open(response: ServerResponse): Channel {
    this.#count += 1;
    const channel: Channel = { number: this.#count, response, stream: undefined, begun: false };
    this.#open.set(channel.number, channel);
    response.once('close', () => this.#detach(channel, response));
    return channel;
  }

  /** The one that GET opened, while it has a connection. */
  get standalone(): Channel | undefined {
    return this.#standalone.stream === undefined ? undefined : this.#standalone;
  }

  /** GET. Throws `stream_taken` for a second stream, `message_invalid` for an event id that is not ours. */
  listen(response: ServerResponse, lastEventId: string | undefined): void {
    const from = lastEventId === undefined ? undefined : readEventId(lastEventId);
    if (lastEventId !== undefined && from === undefined) throw new GatewayError('message_invalid', 'Last-Event-ID');
    const number = from?.channel ?? 0;
    const channel = number === 0 ? this.#standalone : this.#open.get(number);
    if (channel?.response !== undefined) {
      if (from === undefined) throw new GatewayError('stream_taken');
      // Who resumes has lost the old connection, even if its end has not been noticed here yet.
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

  /** What is about the session as a whole. */
  tell(message: Buffer): void {
    if (this.standalone === undefined) this.park(message);
    else this.send(this.#standalone, message);
  }

  /** Keeps it for the GET stream that may come. */
  park(message: Buffer): void {
    // A copy of its own size: a small message must not keep the whole chunk it came in.
    const copy = Buffer.allocUnsafeSlow(message.length);
    message.copy(copy);
    const dropped = this.#parked.push(copy);
    if (dropped.length === 0) return;
    const { log, upstream } = this.#deps;
    log.warn({ upstream, dropped: dropped.length }, 'dropped messages that no stream came to fetch');
  }

  /** The answer to the request, and the end of its channel. */
  answer(channel: Channel, body: Buffer | string): void {
    this.close(channel);
    if (channel.begun) {
      const event = this.#events.add(channel.number, body);
      channel.stream?.end(event);
    } else if (channel.response !== undefined) respondJson(channel.response, body);
    else this.#deps.log.debug({ upstream: this.#deps.upstream }, 'dropped an answer that nobody waits for');
  }

  /** There will be no answer on it. */
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

  /** One slow reader slows the server; `EventStream` cuts a reader that stays stuck. A server of several is not slowed for one of them. */
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
