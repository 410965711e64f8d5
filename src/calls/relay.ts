/**
 * The way back of one call: passes the upstream's answer, message by message, to the outlet of the request. Requests of the server
 * get sealed ids (docs/session-token.md). A `ping` is answered here.
 */
import { isQuestion, isRound, mayAsk } from '../aggregate/rounds.ts';
import type { Call } from '../clients/call.ts';
import type { InFlight } from '../clients/client.ts';
import { passesOnCall } from '../clients/passes.ts';
import { receive, type Receiver } from '../clients/receive.ts';
import { notificationToClient, requestToClient, responseToClient } from '../clients/translate.ts';
import { undeclared } from '../clients/undeclared.ts';
import { GatewayError } from '../errors.ts';
import { echoes } from '../protocol/echoed-id.ts';
import { readServerMessage, type Message } from '../protocol/envelope.ts';
import { understandsPriming } from '../protocol/revisions.ts';
import { encodeEvent, encodePriming, encodeRetry, type SseEvent } from '../protocol/sse.ts';
import { Places } from '../streams/places.ts';
import { isPassing, resumptionDelayMs } from '../streams/resumption.ts';
import type { OutletOwner } from '../transport/downstream/outlet.ts';
import { callCeilingMs, maxResumptions } from '../transport/http/limits.ts';
import type { AnswerSink, Exchange } from '../transport/upstream/adapter.ts';
import type { CallUnderWay, Outbound, UpstreamSession } from '../transport/upstream/session.ts';
import type { CallHost } from './host.ts';
import type { Gathering, Sent, Suspension } from './questions/suspension.ts';

/** The state of a call. Only the methods of `Relay` change it. */
type Phase =
  /** The upstream does not have it: before the first attempt, and between two attempts. */
  | { readonly kind: 'preparing' }
  /** The upstream has it. */
  | { readonly kind: 'under way'; readonly exchange: Exchange }
  /**
   * Its client is asked. `late` keeps what the upstream sends meanwhile: reading does not stop at once, and the upstream may close.
   */
  | {
      readonly kind: 'suspended';
      readonly by: Suspension;
      readonly exchange: Exchange | undefined;
      readonly late: (() => void)[];
    }
  | { readonly kind: 'over' };

const preparing: Phase = { kind: 'preparing' };
const over: Phase = { kind: 'over' };

/** The stream of the call was begun earlier, by any replica. */
export interface TakenUp {
  readonly lastEventId: string;
  /** The upstream's stream is open. */
  readonly onOpened: () => void;
}

export class Relay implements AnswerSink, Receiver, OutletOwner, CallUnderWay, InFlight {
  readonly #host: CallHost<Relay>;
  #call: Call;
  #session: UpstreamSession;
  #sent: Sent;
  #phase: Phase = preparing;
  #takenUp: TakenUp | undefined;
  /** Each recovery is tried once. */
  #hasHealed = false;
  #hasRealigned = false;
  /** Questions of the upstream that are being collected, or that the client is asked. */
  #gathering: Gathering | undefined;
  #rounds = 0;
  /** The upstream's latest event id, and the number of attempts to resume from there. */
  #lastEventId: string | undefined;
  /** Id of the event that is being read. */
  #eventId: string | undefined;
  #resumptions = 0;
  #retryMs: number | undefined;
  /** Made with the first event id of the upstream: most answers have none. */
  #places: Places | undefined;

  constructor(host: CallHost<Relay>, call: Call, session: UpstreamSession, sent: Sent, takenUp?: TakenUp) {
    this.#host = host;
    this.#call = call;
    this.#session = session;
    this.#sent = sent;
    this.#takenUp = takenUp;
    this.#lastEventId = takenUp?.lastEventId;
    call.outlet.owner = this;
  }

  get call(): Call {
    return this.#call;
  }

  get session(): UpstreamSession {
    return this.#session;
  }

  get sent(): Sent {
    return this.#sent;
  }

  get upstreamId(): string {
    return this.#sent.upstreamId;
  }

  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  get isOver(): boolean {
    return this.#phase.kind === 'over';
  }

  /** A request to its upstream that belongs to the call. */
  get to(): Outbound {
    return { session: this.#session, caller: this.#call.caller };
  }

  // What its dispatcher does with it.

  /** The upstream has it now. */
  underWay(exchange: Exchange): void {
    if (this.isOver) exchange.abort();
    else this.#phase = { kind: 'under way', exchange };
  }

  /** Whether a new session may be opened for it: once, and only while its body is kept. */
  mayHeal(): boolean {
    const may = !this.#hasHealed && this.#sent.body.length > 0;
    this.#hasHealed = true;
    return may;
  }

  /** Whether its headers may be made again: once. */
  mayRealign(): boolean {
    const may = !this.#hasRealigned && this.#call.message.method === 'tools/call';
    this.#hasRealigned = true;
    return may;
  }

  /** It continues on a session that replaces a lost one. Questions on the lost session are not about it. */
  moveTo(session: UpstreamSession): void {
    this.#session.underWay?.delete(this);
    this.#session = session;
  }

  /** It is to be sent once more. */
  replace(sent: Sent): void {
    this.#sent = sent;
    this.#phase = preparing;
  }

  // Used by questions/, which wait for the client.

  /** The questions that are being collected; `make` begins a collection. */
  gather(make: () => Gathering): Gathering {
    this.#gathering ??= make();
    return this.#gathering;
  }

  isGathering(gathering: Gathering): boolean {
    return this.#gathering === gathering && !this.isOver;
  }

  gathered(): void {
    this.#gathering = undefined;
  }

  /** The number of rounds of questions, including the one that begins now. */
  countRound(): number {
    this.#rounds += 1;
    return this.#rounds;
  }

  suspend(by: Suspension): void {
    if (this.isOver) return;
    this.#phase = { kind: 'suspended', by, exchange: this.#exchange, late: [] };
  }

  isSuspendedBy(by: Suspension): boolean {
    return this.#phase.kind === 'suspended' && this.#phase.by === by;
  }

  /** Stops asking. What came meanwhile is dropped. */
  unsuspend(): void {
    if (this.#phase.kind !== 'suspended') return;
    const { exchange } = this.#phase;
    this.#phase = exchange === undefined ? preparing : { kind: 'under way', exchange };
  }

  /** It waits here with its stream unread, so nothing is lost. Its body is not kept, as the retry brings it again. */
  waitWith(call: Call): void {
    this.#exchange?.pause();
    this.#call = call;
    this.#sent = { ...this.#sent, body: nothing };
  }

  /**
   * The client has come back with its answers: the rest of the upstream's answer goes to this request. The returned function passes
   * on, in order, what came meanwhile.
   */
  reopen(call: Call, sent: Sent): () => void {
    const late = this.#phase.kind === 'suspended' ? this.#phase.late : [];
    this.unsuspend();
    this.#call = call;
    this.#sent = sent;
    this.#gathering = undefined;
    call.outlet.owner = this;
    if (call.outlet.gone) this.onGone();
    return () => {
      for (const step of late.splice(0)) step();
    };
  }

  /** Reading goes on. */
  resume(): void {
    this.#exchange?.resume();
  }

  get #exchange(): Exchange | undefined {
    return this.#phase.kind === 'under way' || this.#phase.kind === 'suspended' ? this.#phase.exchange : undefined;
  }

  // Called for events of the client.

  /** The client has caught up. */
  onDrain(): void {
    this.#exchange?.resume();
  }

  /** In the session era a disconnect cancels nothing: an answer that can be resumed is dropped here, any other is read to its end. */
  onGone(): void {
    if (this.#phase.kind === 'over') return;
    if (this.#phase.kind === 'suspended') {
      // A client that has left cannot be asked, and would not get the answer.
      this.#phase.by.end();
      return;
    }
    if (this.#call.client.wording.leavingCancels) {
      this.abandon();
      return;
    }
    if (!this.#promised) {
      this.#exchange?.resume();
      return;
    }
    this.#end()?.abort();
    this.#host.finished(this, 'ok');
  }

  // Called for events of the upstream.

  onJson(body: Buffer): void {
    const message = this.#read(body);
    if (message === undefined) return;
    if (message.kind !== 'response' || !echoes(message.id, this.upstreamId)) {
      this.#fail(new GatewayError('upstream_malformed', 'answered with another id'));
      return;
    }
    if (this.#asks(message)) return;
    const answer = this.#translated(() =>
      responseToClient(message, this.#session.upstream, this.#call.client, this.#call.message),
    );
    if (answer === undefined) return;
    this.#close(message);
    this.#call.outlet.whole(answer.body, undefined, answer.status);
  }

  onStream(): void {
    const takenUp = this.#takenUp;
    this.#takenUp = undefined;
    this.#call.outlet.stream();
    takenUp?.onOpened();
  }

  onRetry(ms: number): void {
    this.#retryMs = ms;
  }

  onEvent(event: SseEvent): void {
    if (this.#phase.kind === 'over') return;
    if (this.#phase.kind === 'suspended') {
      this.#phase.late.push(() => this.onEvent(event));
      return;
    }
    if (event.id !== undefined) this.#lastEventId = event.id;
    this.#resumptions = 0;
    if (event.data === '') {
      this.#prime(event.id);
      return;
    }
    const message = this.#read(Buffer.from(event.data));
    if (message === undefined) return;
    this.#eventId = event.id;
    this.#translated(() => receive(message, this.#session, this.#call.client, this.#call.message.method, this));
  }

  onEnd(): void {
    if (this.#phase.kind === 'over') return;
    if (this.#phase.kind === 'suspended') this.#phase.late.push(() => this.onEnd());
    else if (this.#promised && understandsPriming(this.#call.client.revision)) this.#passDisconnect();
    else this.#interrupted(new GatewayError('upstream_interrupted', 'ended without an answer'));
  }

  onFault(fault: GatewayError): void {
    if (this.#phase.kind === 'over') return;
    if (this.#phase.kind === 'suspended') {
      const { late, by } = this.#phase;
      // What came before the fault may be the answer.
      if (late.length > 0) late.push(() => this.onFault(fault));
      else by.end();
      return;
    }
    // A session lost during the answer loses the answer too. Before the answer, the call has not run.
    const isLost = fault.code === 'upstream_session_lost' || fault.code === 'upstream_revision_refused';
    if (isLost && this.#lastEventId === undefined && this.#host.heal(this)) return;
    if (fault.code === 'upstream_headers_refused' && this.#host.realign(this)) return;
    if (isPassing(fault)) this.#interrupted(fault);
    else
      this.#fail(
        this.#takenUp !== undefined ? new GatewayError('state_invalid', fault.message, { cause: fault }) : fault,
      );
  }

  /** Closes the client's stream so that it resumes at another replica. A client that cannot resume keeps its stream. */
  disconnect(retryMs: number): void {
    if (this.isOver || !this.#promised || !understandsPriming(this.#call.client.revision)) return;
    this.#retryMs = retryMs;
    this.#exchange?.abort();
    this.#passDisconnect();
  }

  /** The client has cancelled: its stream ends without an answer (2025-11-25 basic/utilities/cancellation). */
  takeBack(): void {
    if (this.#phase.kind === 'over') return;
    if (this.#phase.kind === 'suspended') {
      this.#phase.by.end();
      return;
    }
    this.#end()?.abort();
    this.#host.finished(this, 'ok');
    this.#call.outlet.finish();
  }

  takeQuestion(question: Message): boolean {
    const { client, message } = this.#call;
    const isBusy = this.#phase.kind === 'over' || this.#phase.kind === 'suspended';
    if (isBusy || !mayAsk(message.method) || !isQuestion(question.method)) return false;
    if (undeclared(question, client.clientCapabilities) !== undefined) return false;
    this.#host.park(this, question);
    return true;
  }

  /** Ends the call without an answer, as its client has left. */
  abandon(): void {
    if (this.isOver) return;
    const exchange = this.#end();
    // Closing cancels at an upstream without sessions; others get a notification too (2025-11-25 basic/utilities/cancellation).
    exchange?.cancel?.();
    exchange?.abort();
    this.#host.takenBack(this);
    this.#call.outlet.finish();
  }

  /** Ends the call with a whole response made by the gateway, as JSON text. */
  conclude(body: Buffer | string, status?: number): void {
    if (this.isOver) return;
    this.#end()?.abort();
    this.#host.finished(this, 'ok');
    this.#call.outlet.whole(body, undefined, status);
  }

  /** Ends the call with a fault. */
  fail(fault: unknown): void {
    if (!this.isOver)
      this.#fail(fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault }));
  }

  /** Resumes at an upstream that gave event ids; the client sees no break (2025-11-25 basic/transports §Resumability and Redelivery). */
  #interrupted(fault: GatewayError): void {
    const isLate = performance.now() - this.#call.startedMs > callCeilingMs;
    const isOver = isLate || this.#resumptions >= maxResumptions || !this.#session.keepsSession;
    if (this.#lastEventId === undefined || isOver) {
      this.#fail(fault);
      return;
    }
    this.#host.resume(this, this.#lastEventId, resumptionDelayMs(this.#resumptions, this.#retryMs));
    this.#resumptions += 1;
  }

  /** The upstream closed the stream to be polled (2025-11-25 transports §Sending Messages 6): the client does that itself. */
  #passDisconnect(): void {
    this.#end();
    this.#host.finished(this, 'ok');
    this.#call.outlet.finish(this.#retryMs === undefined ? undefined : encodeRetry(this.#retryMs));
  }

  response(message: Message): void {
    // Only the response to this request goes to the client.
    if (!echoes(message.id, this.upstreamId) || this.#asks(message)) return;
    const { body } = responseToClient(message, this.#session.upstream, this.#call.client, this.#call.message);
    const last = encodeEvent(body, this.#seal(this.#eventId));
    this.#close(message)?.answered();
    this.#call.outlet.finish(last);
  }

  notification(message: Message): void {
    const { client } = this.#call;
    void this.#host.told(this.#session, client, message.method, this);
    if (!passesOnCall(message, this.#session, this.#call, this.#sent.tokens)) {
      this.#host.dropped('not_of_this_call', this.#session);
      return;
    }
    if (client.wording.passes(message.method, this.#isWantedLog(message)))
      this.#write(notificationToClient(message, this.#session.upstream, client, this.#sent.tokens));
  }

  question(message: Message): void {
    const { client } = this.#call;
    if (client.wording.asksByRounds) this.#host.park(this, message);
    else this.#write(requestToClient(message, this.#session.upstream, client));
  }

  reply(body: string): void {
    this.#host.reply(this.to, body);
  }

  #isWantedLog(message: Message): boolean {
    return message.method === 'notifications/message' && this.#host.wantsLog(this, message);
  }

  /** Whether the response is `input_required` for a client that is asked by requests; its answers go with the next call. */
  #asks(message: Message): boolean {
    if (!this.#session.asksByRounds || this.#call.client.wording.asksByRounds || !isRound(message)) return false;
    // Nothing follows a round. The end of this stream must not be taken for the end of the next call's stream.
    this.#exchange?.abort();
    this.#host.ask(this, message);
    return true;
  }

  #write(body: Buffer): void {
    if (this.#call.outlet.gone) return;
    if (!this.#call.outlet.events(encodeEvent(body, this.#seal(this.#eventId)))) this.#exchange?.pause();
  }

  /** Sends an event with an id and no data, to resume from. Clients before 2025-11-25 fail on it. */
  #prime(eventId: string | undefined): void {
    if (this.#call.outlet.gone || !understandsPriming(this.#call.client.revision)) return;
    const sealed = this.#seal(eventId);
    if (sealed !== undefined) this.#call.outlet.events(encodePriming(sealed, this.#retryMs));
  }

  #seal(upstreamEventId: string | undefined): string | undefined {
    if (upstreamEventId === undefined) return undefined;
    this.#places ??= new Places(() => this.#host.promised(this));
    return this.#places.seal(this.#call.client, this.#session, upstreamEventId);
  }

  /** The client has an event id to resume from. */
  get #promised(): boolean {
    return this.#places?.given === true;
  }

  /** A message that cannot be translated is a fault of the upstream, whatever was thrown, and ends the call. */
  #translated<T>(translate: () => T): T | undefined {
    try {
      return translate();
    } catch (cause) {
      this.#fail(new GatewayError('upstream_malformed', String(cause), { cause }));
      return undefined;
    }
  }

  #read(bytes: Buffer): Message | undefined {
    try {
      return readServerMessage(bytes);
    } catch (cause) {
      this.#fail(new GatewayError('upstream_malformed', 'not a JSON-RPC message', { cause }));
      return undefined;
    }
  }

  /** Passes on nothing more. Gives the exchange that was under way. */
  #end(): Exchange | undefined {
    const exchange = this.#exchange;
    this.#phase = over;
    return exchange;
  }

  #close(response: Message): Exchange | undefined {
    const exchange = this.#end();
    const isError = response.root.member('error') !== undefined;
    if (isError) this.#host.refused(this, response);
    this.#host.finished(this, isError ? 'error' : 'ok');
    return exchange;
  }

  #fail(fault: GatewayError): void {
    this.#end()?.abort();
    this.#host.finished(this, fault.code);
    this.#call.outlet.fault(fault, this.#call.client.wording.fault(fault, this.#call.message.id));
  }
}

const nothing = Buffer.alloc(0);
