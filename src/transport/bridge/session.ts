/**
 * One client session of the bridge: the messages of one running server, dealt out to the POST and GET streams of one client
 * (2025-11-25 transports §Streamable HTTP). Messages pass as bytes; only what says where they belong is read.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { errorBody, GatewayError } from '../../errors.ts';
import { readBatch, readServerMessage, type Message } from '../../protocol/envelope.ts';
import { rawOf } from '../../protocol/scan.ts';
import { respondAccepted, respondJson } from '../http/respond.ts';
import { EventStream } from '../http/event-stream.ts';
import type { Wheel } from '../http/wheel.ts';
import type { BridgeLimits } from './limits.ts';
import { BoundedQueue, EventLog, readEventId } from './event-log.ts';
import { LineLog } from './line-log.ts';
import type { BridgeLog, Peer, PeerOwner } from './running-server.ts';

/** One logical stream; its connection may break and be taken up again. Channel 0 is the one that GET opens. */
interface Channel {
  readonly number: number;
  response: ServerResponse | undefined;
  stream: EventStream | undefined;
  /** Has events, so that it can only go on as a stream. */
  begun: boolean;
}

/** A request of the client without an answer. Ids and tokens are raw JSON text: 1 is not "1". */
interface Call {
  readonly id: string;
  readonly token: string | undefined;
  readonly initialize: boolean;
  readonly channel: Channel;
}

export interface SessionDeps {
  readonly log: BridgeLog;
  readonly limits: BridgeLimits;
  readonly wheel: Wheel;
  /** Called once, when the session is over; `byItself` when the server ended it. */
  readonly onOver: (session: BridgeSession, byItself: boolean) => void;
}

const aboutTheSession = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
]);

export class BridgeSession implements PeerOwner {
  readonly id = randomUUID();
  /** The server has answered `initialize`. */
  initialized = false;
  over = false;
  /** HTTP exchanges under way, and when the last one ended; for the idle sweep. */
  exchanges = 0;
  lastUsedMs = 0;

  readonly #deps: SessionDeps;
  readonly #peer: Peer;
  readonly #calls = new Map<string, Call>();
  readonly #byToken = new Map<string, Call>();
  readonly #standalone: Channel = { number: 0, response: undefined, stream: undefined, begun: true };
  readonly #events: EventLog;
  readonly #parked: BoundedQueue<Buffer>;
  readonly #unreadable: LineLog;
  /** Streams whose readers are so slow that the server waits for them. */
  readonly #slow = new Set<ServerResponse>();
  #channels = 0;

  constructor(open: (owner: PeerOwner) => Peer, deps: SessionDeps) {
    const { limits } = deps;
    this.#deps = deps;
    this.#events = new EventLog(limits.maxReplayEvents, limits.maxReplayBytes);
    this.#parked = new BoundedQueue(limits.maxParkedMessages, limits.maxParkedBytes, (message) => message.length);
    this.#unreadable = new LineLog(deps.log, limits);
    this.#peer = open(this);
  }

  /** Resolves when the server can take more; undefined when it can at once. */
  room(): Promise<void> | undefined {
    return this.#peer.room();
  }

  /** A request. Throws `message_invalid` for an id in flight and `upstream_refused` when too many are. */
  call(message: Message, response: ServerResponse): void {
    const id = message.id ?? '';
    if (this.#calls.has(id)) throw new GatewayError('message_invalid', 'id of a request in flight');
    if (this.#calls.size >= this.#deps.limits.maxCallsInFlight)
      throw new GatewayError('upstream_refused', 'too many requests in flight');
    this.#channels += 1;
    const channel: Channel = { number: this.#channels, response, stream: undefined, begun: false };
    const progress = message.params?.member('_meta')?.member('progressToken');
    const token = progress === undefined ? undefined : rawOf(message.bytes, progress);
    const call: Call = { id, token, initialize: message.method === 'initialize', channel };
    this.#calls.set(id, call);
    if (token !== undefined) this.#byToken.set(token, call);
    response.once('close', () => {
      this.#detach(channel, response);
      // Nobody knows the id of a session whose opening was not heard. Any other call goes on: leaving is not cancelling.
      if (call.initialize && this.#calls.get(id) === call) void this.end('the client left during initialize');
    });
    this.#peer.send(oneLine(message.bytes)).catch((fault: unknown) => {
      if (this.#calls.get(id) !== call) return;
      if (call.initialize) this.ended(fault);
      else this.#answer(call, errorBody(fault, id), true);
    });
  }

  /** A notification or a response: 202 once the server has taken it. Rejects as `Peer.send`. */
  async tell(message: Message, response: ServerResponse): Promise<void> {
    await this.#peer.send(oneLine(message.bytes));
    respondAccepted(response);
    if (message.method === 'notifications/cancelled') this.#cancelled(message);
  }

  /** The server does not answer what was cancelled (2025-11-25 cancellation), yet the POST that asked must end. */
  #cancelled(message: Message): void {
    const id = message.params?.member('requestId');
    const call = id === undefined ? undefined : this.#calls.get(rawOf(message.bytes, id));
    if (call === undefined || call.initialize) return;
    this.#answer(call, errorBody(new GatewayError('upstream_interrupted', 'cancelled'), call.id), true);
  }

  /** GET. Throws `stream_taken` for a second stream, `message_invalid` for an event id that is not ours. */
  listen(response: ServerResponse, lastEventId: string | undefined): void {
    const from = lastEventId === undefined ? undefined : readEventId(lastEventId);
    if (lastEventId !== undefined && from === undefined) throw new GatewayError('message_invalid', 'Last-Event-ID');
    const channel = from === undefined ? this.#standalone : this.#channel(from.channel);
    if (channel?.response !== undefined) {
      if (from === undefined) throw new GatewayError('stream_taken');
      // Who resumes has lost the old connection, even if its end has not been noticed here yet.
      channel.response.destroy();
    }
    const replay = from === undefined ? [] : this.#events.after(from.channel, from.number);
    const stream = new EventStream(response, this.#deps.wheel);
    stream.open();
    for (const event of replay) stream.write(event);
    if (channel === undefined) {
      stream.end();
      return;
    }
    channel.response = response;
    channel.stream = stream;
    response.once('close', () => this.#detach(channel, response));
    if (channel === this.#standalone) for (const message of this.#parked.takeAll()) this.#send(channel, message);
    stream.flush();
  }

  /** Ends session and server. Resolves when nothing of the server is left. */
  end(why: string): Promise<void> {
    this.#finish(new GatewayError('upstream_session_lost', why), false);
    return this.#peer.end();
  }

  message(bytes: Buffer): void {
    if (this.over) return;
    try {
      for (const part of readBatch(bytes) ?? [bytes]) this.#receive(readServerMessage(part));
    } catch (fault) {
      if (!(fault instanceof GatewayError)) throw fault;
      // What is no JSON is a stray print and worth reading; what is JSON may hold results, which are never logged.
      const shown = fault.code === 'json_malformed' ? bytes : empty;
      this.#unreadable.write(
        'warn',
        { ...this.#peer.label, fault: fault.message },
        'skipped output that is no message',
        shown,
        performance.now(),
      );
    }
  }

  /** A call need not wait for its deadline when its answer was too large to read: ids stand first or last in a message. */
  oversized(head: Buffer, tail: Buffer): void {
    this.#deps.log.warn(this.#peer.label, 'skipped a message that is too large');
    const start = head.toString('latin1');
    const end = tail.toString('latin1').trimEnd();
    for (const call of this.#calls.values()) {
      if (!start.startsWith(`{"jsonrpc":"2.0","id":${call.id},"`) && !end.endsWith(`,"id":${call.id}}`)) continue;
      this.#answer(call, errorBody(new GatewayError('upstream_malformed', 'too large'), call.id), true);
      return;
    }
  }

  ended(fault: unknown): void {
    this.#finish(fault, true);
  }

  #receive(message: Message): void {
    if (message.kind === 'response') {
      const call = message.id === undefined ? undefined : this.#calls.get(message.id);
      if (call === undefined) this.#deps.log.debug(this.#peer.label, 'dropped an answer to no request in flight');
      else this.#answer(call, message.bytes, message.root.member('error') !== undefined);
      return;
    }
    const channel = this.#channelFor(message);
    if (channel === undefined) this.#park(message.bytes);
    else this.#send(channel, message.bytes);
  }

  /** Each message goes out on exactly one stream (§Multiple Connections); stdio does not say which, so it is inferred. */
  #channelFor(message: Message): Channel | undefined {
    if (message.method === 'notifications/progress') {
      const token = message.params?.member('progressToken');
      const call = token === undefined ? undefined : this.#byToken.get(rawOf(message.bytes, token));
      // A call whose stream broke gets its progress when it resumes.
      if (call !== undefined && (call.channel.response !== undefined || call.channel.begun)) return call.channel;
    }
    const standalone = this.#standalone.stream === undefined ? undefined : this.#standalone;
    if (standalone !== undefined && aboutTheSession.has(message.method)) return standalone;
    let newest: Channel | undefined;
    for (const { channel, initialize } of this.#calls.values()) {
      // The answer to `initialize` stays plain JSON unless the server insists on asking something first.
      if (channel.response !== undefined && !(initialize && message.kind === 'notification')) newest = channel;
    }
    return newest ?? standalone;
  }

  #send(channel: Channel, message: Buffer): void {
    channel.begun = true;
    const event = this.#events.add(channel.number, message);
    const { response } = channel;
    if (response === undefined) return;
    if (channel.stream === undefined) {
      channel.stream = new EventStream(response, this.#deps.wheel);
      channel.stream.open(undefined, this.#sessionHeader(channel));
    }
    if (!channel.stream.write(event) && response.writableLength > this.#deps.limits.maxStreamBacklogBytes)
      this.#waitFor(response);
  }

  #answer(call: Call, body: Buffer | string, failed: boolean): void {
    const { channel } = call;
    this.#calls.delete(call.id);
    if (call.token !== undefined) this.#byToken.delete(call.token);
    if (call.initialize) this.initialized = !failed;
    if (channel.begun) {
      const event = this.#events.add(channel.number, body);
      channel.stream?.end(event);
    } else if (channel.response === undefined)
      this.#deps.log.debug(this.#peer.label, 'dropped an answer that nobody waits for');
    else respondJson(channel.response, body, call.initialize && !failed ? this.id : undefined);
    if (call.initialize && failed) void this.end('initialize failed');
  }

  #park(message: Buffer): void {
    // Copied: a small message must not keep the whole chunk it came in.
    const dropped = this.#parked.push(Buffer.from(message));
    if (dropped.length > 0)
      this.#deps.log.warn(
        { ...this.#peer.label, dropped: dropped.length },
        'dropped messages that no stream came to fetch',
      );
  }

  #channel(number: number): Channel | undefined {
    if (number === 0) return this.#standalone;
    for (const { channel } of this.#calls.values()) if (channel.number === number) return channel;
    return undefined;
  }

  #sessionHeader(channel: Channel): readonly string[] {
    for (const call of this.#calls.values())
      if (call.channel === channel && call.initialize) return ['Mcp-Session-Id', this.id];
    return [];
  }

  #detach(channel: Channel, response: ServerResponse): void {
    if (channel.response !== response) return;
    channel.response = undefined;
    channel.stream = undefined;
  }

  /** One slow reader slows the server; `EventStream` cuts a reader that stays stuck. */
  #waitFor(response: ServerResponse): void {
    if (this.#slow.has(response)) return;
    this.#slow.add(response);
    this.#peer.pause();
    const goOn = (): void => {
      response.off('drain', goOn);
      response.off('close', goOn);
      if (this.#slow.delete(response) && this.#slow.size === 0) this.#peer.resume();
    };
    response.once('drain', goOn);
    response.once('close', goOn);
  }

  #finish(fault: unknown, byItself: boolean): void {
    if (this.over) return;
    this.over = true;
    for (const call of this.#calls.values()) this.#answer(call, errorBody(fault, call.id), true);
    this.#standalone.stream?.end();
    this.#deps.onOver(this, byItself);
  }
}

/** A message holds line ends only as space between tokens: in strings JSON has them escaped. */
function oneLine(message: Buffer): Buffer {
  if (!message.includes(0x0a) && !message.includes(0x0d)) return message;
  return Buffer.from(message.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte)));
}

const empty = Buffer.alloc(0);
