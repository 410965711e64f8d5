/**
 * One client session of the bridge. It distributes the messages of a running server to the POST and GET streams of one client
 * (2025-11-25 basic/transports §Streamable HTTP). Messages pass as bytes; only the members needed for routing are read. The
 * session has no server of its own until a message needs one: pings, the log level and lists are answered without one.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { errorBody, GatewayError } from '../../errors.ts';
import type { Message } from '../../protocol/envelope.ts';
import { rawOf } from '../../protocol/scan.ts';
import { splice } from '../../protocol/splice.ts';
import { respondAccepted, respondFault } from '../http/respond.ts';
import type { Tolerated } from '../../telemetry/tolerated.ts';
import type { Wheel } from '../http/wheel.ts';
import { Channels, type Channel } from './channels.ts';
import type { Commons, Guest } from './commons.ts';
import type { Greeting } from './greetings.ts';
import type { BridgeLimits } from './limits.ts';
import { answeredTooLarge } from './oversized.ts';
import { otherForm } from './raw-id.ts';
import type { BridgeLog } from './running-server.ts';
import { oneLine, type ServerUser } from './started-server.ts';
import { Unmatched } from './unmatched.ts';

/** A client request without an answer. Ids and tokens are raw JSON text: 1 is not "1". */
interface Call {
  readonly id: string;
  readonly method: string;
  readonly token: string | undefined;
  readonly channel: Channel;
  /** The shared server that the call was sent to, if any. */
  commons: Commons | undefined;
}

/** Provides the servers of a session. Both methods reject with a GatewayError. */
export interface ServersOfSession {
  /** A server for this session alone, possibly still starting. */
  own(heir: ServerUser): Promise<Commons>;
  /** A ready server that several sessions use: for lists, or for everything where `isShared`. */
  together(): Promise<Commons>;
  /** The session no longer needs its own server. Resolves when that server has ended, or at once if it is still starting. */
  release(own: Commons): Promise<void>;
  readonly isShared: boolean;
}

export interface SessionDeps {
  readonly upstream: string;
  readonly log: BridgeLog;
  readonly tolerated: Tolerated;
  readonly limits: BridgeLimits;
  readonly wheel: Wheel;
  readonly servers: ServersOfSession;
  /** The answer to `initialize` that the client got. */
  readonly greeting: Greeting;
  /** The answer is a prediction; the server has not confirmed it yet. */
  readonly isLikely: boolean;
  /** Only one client uses the session, so any of its streams may carry any message. */
  readonly isOneClients: boolean;
  /** Called for each message that is dropped because its recipient is unknown. */
  readonly onDropped: (method: string) => void;
  /** Called once, when the session is over. */
  readonly onOver: (session: BridgeSession) => void;
}

const aboutTheSession: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
]);
const lists: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
]);

export class BridgeSession implements ServerUser {
  readonly id = randomUUID();
  over = false;
  /** HTTP exchanges in progress, and when the last one ended; used to find idle sessions. */
  exchanges = 0;
  lastUsedMs = performance.now();

  readonly #deps: SessionDeps;
  readonly #calls = new Map<string, Call>();
  readonly #byToken = new Map<string, Call>();
  readonly #channels: Channels;
  readonly #unmatched: Unmatched;
  readonly #guest: Guest;
  /** The session's own server; `#ready` resolves when it accepts messages. */
  #own: Commons | undefined;
  #ready: Promise<void> | undefined;
  #isReady = false;
  /** Every shared server that it has used. */
  readonly #commons = new Set<Commons>();
  /** The params of the last `logging/setLevel`, for a server that starts later. */
  #level: string | undefined;

  constructor(deps: SessionDeps) {
    const { limits } = deps;
    this.#deps = deps;
    this.#channels = new Channels({ ...deps, server: () => this.#own?.server });
    this.#unmatched = new Unmatched(deps.log, limits, { upstream: deps.upstream }, deps.tolerated);
    this.#guest = {
      answered: (id, answer) => this.#answerTo(id, answer),
      about: (id, message) => {
        const call = this.#calls.get(id);
        if (call !== undefined) this.#channels.send(call.channel, message);
      },
      told: (message) => this.#channels.tell(message),
      ended: (fault) => {
        if (deps.servers.isShared) this.ended(fault);
      },
    };
  }

  /** The client has had a GET stream, and has none now. */
  get hasLeftStream(): boolean {
    return this.#channels.hasLeft;
  }

  /** The session has a process, or a connection, of its own. */
  get hasServer(): boolean {
    return this.#ready !== undefined;
  }

  /** Its own server has not answered `initialize` yet. */
  get isStarting(): boolean {
    return this.hasServer && !this.#isReady;
  }

  /** Resolves when the server can take more input; undefined when it can at once. */
  room(): Promise<void> | undefined {
    return this.#own?.server.room();
  }

  /**
   * Handles a request. Throws `message_invalid` for an id that is in use and `upstream_refused` when too many are in progress.
   */
  call(message: Message, response: ServerResponse): void {
    const id = message.id ?? '';
    if (this.#calls.has(id)) throw new GatewayError('message_invalid', 'id of a request in flight');
    if (this.#calls.size >= this.#deps.limits.maxCallsInFlight)
      throw new GatewayError('upstream_refused', 'too many requests in flight');
    const channel = this.#channels.open(response);
    const progress = message.params?.member('_meta')?.member('progressToken');
    const token = progress === undefined ? undefined : rawOf(message.bytes, progress);
    const call: Call = { id, method: message.method, token, channel, commons: undefined };
    this.#calls.set(id, call);
    if (token !== undefined) this.#byToken.set(token, call);
    this.#forward(call, message).catch((fault: unknown) => {
      if (this.#calls.get(id) === call) this.#answer(call, errorBody(fault, id));
    });
  }

  /** Handles a notification or a response: 202 once the server has taken it. Rejects like `RunningServer.send`. */
  async tell(message: Message, response: ServerResponse): Promise<void> {
    const isCancelled = message.method === 'notifications/cancelled';
    // The bridge itself sends `initialized` to each server. Without a server, the other notifications have no recipient.
    if (message.method !== 'notifications/initialized' && this.#ready !== undefined && !isCancelled) {
      await this.#ready;
      await this.#own?.server.send(oneLine(message.bytes));
    }
    if (isCancelled) await this.#cancelled(message);
    respondAccepted(response);
  }

  /** A server does not answer a cancelled request (2025-11-25 basic/utilities/cancellation), but its POST must still end. */
  async #cancelled(message: Message): Promise<void> {
    const id = message.params?.member('requestId');
    const call = id === undefined ? undefined : this.#calls.get(rawOf(message.bytes, id));
    if (call?.commons !== undefined) call.commons.cancel(this.#guest, call.id);
    else if (this.#isReady) await this.#own?.server.send(oneLine(message.bytes));
    if (call === undefined) return;
    this.#unmatched.expect(call.id);
    this.#answer(call, errorBody(new GatewayError('upstream_interrupted', 'cancelled'), call.id));
  }

  /** Attaches a GET stream. Throws the same faults as `Channels.listen`. */
  listen(response: ServerResponse, lastEventId: string | undefined): void {
    this.#channels.listen(response, lastEventId);
  }

  /** Ends the session and its own server. Resolves when that server has ended. */
  async end(why: string): Promise<void> {
    this.#finish(new GatewayError('upstream_session_lost', why));
    if (this.#own !== undefined) await this.#deps.servers.release(this.#own);
  }

  receive(message: Message): void {
    if (this.over) return;
    if (message.kind === 'response') {
      this.#respond(message);
      return;
    }
    if (message.method === 'notifications/progress') {
      this.#progress(message);
      return;
    }
    if (message.kind === 'request' && message.method === 'ping') {
      // On this connection the bridge is the client, and there may be no stream that could carry the request further.
      this.#own?.server.answerForNobody(message);
      return;
    }
    const channel = this.#channelFor(message.method);
    if (channel !== undefined) this.#channels.send(channel, message.bytes);
    else if (message.kind === 'request' && this.#calls.size > 1) {
      // One of these calls waits for the answer, but it is unknown which.
      this.#deps.onDropped(message.method);
      this.#own?.server.answerForNobody(message);
    } else this.#channels.park(message.bytes);
  }

  /** A call whose answer was too large to read fails at once, not at its deadline. */
  oversized(head: Buffer, tail: Buffer): void {
    const id = answeredTooLarge(this.#calls.keys(), head, tail);
    if (id !== undefined) this.#answerTo(id, errorBody(new GatewayError('upstream_malformed', 'too large'), id));
  }

  ended(fault: GatewayError): void {
    this.#finish(fault);
  }

  async #forward(call: Call, message: Message): Promise<void> {
    if (this.#deps.servers.isShared) {
      await this.#together(call, message);
    } else if (this.#ready === undefined && message.method === 'ping') {
      this.#answer(call, `{"jsonrpc":"2.0","id":${call.id},"result":{}}`);
    } else if (this.#ready === undefined && message.method === 'logging/setLevel' && this.#logs) {
      this.#level = message.params === undefined ? '{}' : rawOf(message.bytes, message.params);
      this.#answer(call, `{"jsonrpc":"2.0","id":${call.id},"result":{}}`);
    } else if (this.#ready === undefined && lists.has(message.method)) {
      await this.#together(call, message);
    } else {
      this.#ready ??= this.#start();
      if (!this.#isReady) await this.#ready;
      if (this.#calls.get(call.id) === call) await this.#own?.server.send(oneLine(message.bytes));
    }
  }

  get #logs(): boolean {
    return this.#deps.greeting.capabilities.includes('"logging"');
  }

  /** Starts the session's own server. If its answer to `initialize` differs from the client's, the session ends. */
  async #start(): Promise<void> {
    const { servers, greeting, isLikely } = this.#deps;
    try {
      const own = await servers.own(this);
      this.#own = own;
      if (this.over) {
        void servers.release(own);
        return;
      }
      const said = await own.server.greeted;
      if (isLikely && (said.revision !== greeting.revision || said.capabilities !== greeting.capabilities))
        throw new GatewayError('session_unreadable', 'the server answers initialize otherwise than it did to others');
      if (this.#level !== undefined) own.say('logging/setLevel', this.#level);
      this.#isReady = true;
    } catch (fault) {
      // The waiting calls fail when the session ends.
      this.#finish(fault);
      if (this.#own !== undefined) void servers.release(this.#own);
    }
  }

  async #together(call: Call, message: Message): Promise<void> {
    const commons = await this.#deps.servers.together();
    if (this.#calls.get(call.id) !== call) return;
    this.#commons.add(commons);
    if (message.method === 'resources/unsubscribe' && commons.unwatch(this.#guest, message)) {
      this.#answer(call, `{"jsonrpc":"2.0","id":${call.id},"result":{}}`);
      return;
    }
    call.commons = commons;
    await commons.call(this.#guest, message);
  }

  #respond(message: Message): void {
    const { id } = message;
    const other = id === undefined ? undefined : otherForm(id);
    const exact = id === undefined ? undefined : this.#calls.get(id);
    // Some servers echo a number as a string, or a string as a number.
    const call = exact ?? (other === undefined ? undefined : this.#calls.get(other));
    if (call === undefined || call.commons !== undefined) this.#unmatched.dropped(id, this.#calls.values());
    else if (call === exact) this.#answer(call, message.bytes);
    else {
      this.#deps.tolerated.note('id_as_text', call.method);
      const { start, end } = message.root.member('id')!;
      this.#answer(call, splice(message.bytes, [{ start, end, text: call.id }]));
    }
  }

  /** Progress belongs to a call only if it carries the token of that call. */
  #progress(message: Message): void {
    const token = message.params?.member('progressToken');
    const raw = token === undefined ? undefined : rawOf(message.bytes, token);
    const other = raw === undefined ? undefined : otherForm(raw);
    const exact = raw === undefined ? undefined : this.#byToken.get(raw);
    const call = exact ?? (other === undefined ? undefined : this.#byToken.get(other));
    // A call whose stream broke gets its progress when the stream is resumed.
    if (
      token === undefined ||
      call?.token === undefined ||
      (call.channel.response === undefined && !call.channel.begun)
    )
      this.#deps.onDropped(message.method);
    else if (call === exact) this.#channels.send(call.channel, message.bytes);
    else
      this.#channels.send(
        call.channel,
        splice(message.bytes, [{ start: token.start, end: token.end, text: call.token }]),
      );
  }

  /**
   * Each message is sent on exactly one stream (§Multiple Connections), and stdio does not say which one. Where several clients
   * share this session, a message that could belong to one of several calls is not delivered.
   */
  #channelFor(method: string): Channel | undefined {
    const { standalone } = this.#channels;
    if (standalone !== undefined && aboutTheSession.has(method)) return standalone;
    if (this.#deps.isOneClients) return this.#newest() ?? standalone;
    const [only, another] = this.#calls.values();
    if (only === undefined || another !== undefined || only.channel.response === undefined) return standalone;
    return only.channel;
  }

  #newest(): Channel | undefined {
    let newest: Channel | undefined;
    for (const { channel } of this.#calls.values()) if (channel.response !== undefined) newest = channel;
    return newest;
  }

  #answerTo(id: string, body: Buffer | string): void {
    const call = this.#calls.get(id);
    if (call !== undefined) this.#answer(call, body);
  }

  #answer(call: Call, body: Buffer | string): void {
    this.#forget(call);
    this.#channels.answer(call.channel, body);
  }

  #forget(call: Call): void {
    this.#calls.delete(call.id);
    if (call.token !== undefined && this.#byToken.get(call.token) === call) this.#byToken.delete(call.token);
  }

  #finish(fault: unknown): void {
    if (this.over) return;
    this.over = true;
    const isLapsed = fault instanceof GatewayError && fault.code === 'session_unreadable';
    for (const call of this.#calls.values()) {
      const { response } = call.channel;
      if (isLapsed && response !== undefined && !call.channel.begun) {
        // Nothing has been done yet, so the client can start a new session and send the request again.
        this.#forget(call);
        this.#channels.close(call.channel);
        respondFault(response, fault);
      } else this.#answer(call, errorBody(fault, call.id));
    }
    this.#channels.end();
    for (const commons of this.#commons) commons.leave(this.#guest);
    this.#deps.onOver(this);
  }
}
