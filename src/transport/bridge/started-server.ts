/**
 * One running server from start to end. The bridge itself sends `initialize` and `notifications/initialized` (2025-11-25
 * basic/lifecycle §Initialization), so a start is independent of HTTP requests and continues if a client leaves. The current user
 * of the server gets its messages.
 */
import { errorBody, GatewayError } from '../../errors.ts';
import { readBatch, readServerMessage, type Message } from '../../protocol/envelope.ts';
import type { Tolerated } from '../../telemetry/tolerated.ts';
import { initializedWaitMs } from '../http/limits.ts';
import { readGreeting, type Greeting, type Offer } from './greetings.ts';
import type { BridgeLimits } from './limits.ts';
import { LineLog } from './line-log.ts';
import { asText } from './raw-id.ts';
import type { BridgeLog, RunningServer, ServerOwner } from './running-server.ts';

/** Receives the messages of a server. */
export interface ServerUser {
  receive(message: Message): void;
  /** A message was too large to read. The arguments are its first and last bytes. */
  oversized(head: Buffer, tail: Buffer): void;
  /** The server has ended. Called once. */
  ended(fault: GatewayError): void;
}

export interface StartDeps {
  readonly log: BridgeLog;
  readonly limits: BridgeLimits;
  readonly tolerated: Tolerated;
  readonly startTimeoutMs: number;
  /** `byItself`: the server exited without being asked to. */
  readonly onOver: (server: StartedServer, byItself: boolean) => void;
}

const initialized = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}');
const initializeId = '0';

export class StartedServer implements ServerOwner {
  readonly offer: Offer;
  readonly startedMs = performance.now();
  /** Its answer to `initialize`. Rejects with a GatewayError when there is none. */
  readonly greeted: Promise<Greeting>;
  /** Set once it has answered. */
  greeting: Greeting | undefined;
  over = false;
  /** The last entry that it wrote to stderr. */
  lastSaid: string | undefined;
  readonly #user: ServerUser;
  readonly #deps: StartDeps;
  readonly #server: RunningServer;
  readonly #unreadable: LineLog;
  readonly #greeted = Promise.withResolvers<Greeting>();
  readonly #timer: NodeJS.Timeout;
  #isEnding = false;

  constructor(open: (owner: ServerOwner) => RunningServer, offer: Offer, user: ServerUser, deps: StartDeps) {
    this.offer = offer;
    this.#user = user;
    this.#deps = deps;
    this.#unreadable = new LineLog(deps.log, deps.limits);
    this.greeted = this.#greeted.promise;
    // Marks the promise as handled: it may reject while nobody waits for it.
    this.greeted.catch(() => {});
    this.#server = open(this);
    this.#timer = setTimeout(() => this.#tooLate(), deps.startTimeoutMs);
    const hello = `{"jsonrpc":"2.0","id":${initializeId},"method":"initialize","params":${offer.params}}`;
    this.#server.send(oneLine(Buffer.from(hello))).catch((fault: unknown) => this.#failed(asFault(fault)));
  }

  get label(): RunningServer['label'] {
    return this.#server.label;
  }

  /** See `RunningServer.send`. Must not be called before `greeted` has resolved. */
  send(message: Buffer): Promise<void> {
    return this.#server.send(message);
  }

  room(): Promise<void> | undefined {
    return this.#server.room();
  }

  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  /** Ends the server. Resolves when all its processes have ended. */
  end(): Promise<void> {
    this.#isEnding = true;
    this.#finish(new GatewayError('upstream_session_lost', 'ended by the bridge'));
    return this.#server.end();
  }

  message(bytes: Buffer): void {
    if (this.over) return;
    try {
      for (const part of readBatch(bytes) ?? [bytes]) this.#receive(readServerMessage(part));
    } catch (fault) {
      if (!(fault instanceof GatewayError)) throw fault;
      this.#server.stray();
      this.#deps.tolerated.count('output_line');
      // Output that is not JSON is a stray print and is useful in the log. JSON may contain results, which are never logged.
      const shown = fault.code === 'json_malformed' ? bytes.toString('utf8', 0, this.#deps.limits.maxLoggedBytes) : '';
      this.#unreadable.write(
        'warn',
        { ...this.label, fault: fault.message },
        'skipped output that is no message',
        shown,
        performance.now(),
      );
    }
  }

  oversized(head: Buffer, tail: Buffer): void {
    this.#deps.log.warn(this.label, 'skipped a message that is too large');
    this.#deps.tolerated.count('output_oversized');
    this.#user.oversized(head, tail);
  }

  marked(): void {
    this.#deps.tolerated.note('byte_order_mark');
  }

  said(entry: string): void {
    this.lastSaid = entry;
  }

  ended(fault: GatewayError): void {
    this.#finish(fault);
  }

  #receive(message: Message): void {
    if (this.greeting === undefined && message.kind === 'response') {
      if (message.id === undefined || asText(message.id) === initializeId) this.#onGreeting(message);
      return;
    }
    this.#user.receive(message);
  }

  /** Answers a request of the server when there is no client: a ping with a result, everything else with "method not found". */
  answerForNobody(request: Message): void {
    const id = request.id ?? 'null';
    const answer =
      request.method === 'ping'
        ? `{"jsonrpc":"2.0","id":${id},"result":{}}`
        : errorBody(new GatewayError('method_unknown'), id);
    this.#server.send(Buffer.from(answer)).catch(() => {});
  }

  #onGreeting(answer: Message): void {
    const greeting = readGreeting(answer);
    if (greeting === undefined) {
      this.#failed(new GatewayError('upstream_refused', 'initialize was answered with an error'));
      return;
    }
    clearTimeout(this.#timer);
    this.greeting = greeting;
    const ms = Math.round(performance.now() - this.startedMs);
    this.#deps.log.info({ ...this.label, ms }, 'server is ready');
    const open = setTimeout(() => {
      this.#deps.tolerated.note('initialized_open');
      this.#greeted.resolve(greeting);
    }, initializedWaitMs);
    this.#server
      .send(initialized)
      .then(
        () => this.#greeted.resolve(greeting),
        (fault: unknown) => {
          // A server that answers this notification with an HTTP status, even a refusal, is running. Its calls show whether it
          // works.
          if (!(fault instanceof GatewayError && fault.code === 'upstream_refused')) this.#failed(asFault(fault));
          else {
            this.#deps.tolerated.note('initialized_refused', fault.detail);
            this.#greeted.resolve(greeting);
          }
        },
      )
      .finally(() => clearTimeout(open));
  }

  #tooLate(): void {
    const ms = this.#deps.startTimeoutMs;
    this.#deps.log.error({ ...this.label, ms }, 'server did not answer initialize in time and is ended (startTimeout)');
    this.#failed(new GatewayError('upstream_timeout', `no answer to initialize within ${ms} ms`));
  }

  #failed(fault: GatewayError): void {
    this.#finish(fault);
    void this.#server.end();
  }

  #finish(fault: GatewayError): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.#timer);
    this.#greeted.reject(fault);
    this.#user.ended(fault);
    this.#deps.onOver(this, !this.#isEnding);
  }
}

/** Line ends occur in a JSON message only as white space between tokens: inside strings they are escaped. */
export function oneLine(message: Buffer): Buffer {
  if (!message.includes(0x0a) && !message.includes(0x0d)) return message;
  const line = Buffer.from(message);
  for (let at = 0; at < line.length; at++) if (line[at] === 0x0a || line[at] === 0x0d) line[at] = 0x20;
  return line;
}

function asFault(fault: unknown): GatewayError {
  return fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault });
}
