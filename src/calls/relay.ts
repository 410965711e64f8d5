/**
 * The way back of one call: each message of the upstream's answer is passed to the outlet of its request as it arrives. Requests
 * of the server in between get sealed ids; a `ping` is answered here and not passed on.
 */
import { isQuestion, isRound, mayAsk } from '../aggregate/rounds.ts';
import type { Call } from '../clients/call.ts';
import type { InFlight } from '../clients/client.ts';
import { faultToClient } from '../clients/faults.ts';
import { passesOnCall } from '../clients/passes.ts';
import { receive, type Receiver } from '../clients/receive.ts';
import { notificationToClient, requestToClient, responseToClient } from '../clients/translate.ts';
import { undeclared } from '../clients/undeclared.ts';
import { GatewayError } from '../errors.ts';
import { echoes } from '../protocol/echoed-id.ts';
import { readServerMessage, type Message } from '../protocol/envelope.ts';
import { methodLabel } from '../protocol/methods.ts';
import { understandsPriming } from '../protocol/revisions.ts';
import { bytesOf, encodeEvent, encodePriming, encodeRetry, type SseEvent } from '../protocol/sse.ts';
import { isPassing } from '../streams/resumption.ts';
import type { StreamOwner } from '../transport/http/event-stream.ts';
import { callCeilingMs } from '../transport/http/limits.ts';
import type { AnswerSink, Exchange } from '../transport/upstream/adapter.ts';
import type { CallUnderWay, Outbound, UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { AnswerStream } from './answer-stream.ts';
import type { CallHost } from './host.ts';
import { CallPhase } from './phase.ts';
import { Interview } from './questions/interview.ts';
import type { Sent } from './questions/suspension.ts';

/** The stream of the call was opened earlier, by this replica or another one. */
export interface TakenUp {
  readonly lastEventId: string;
  /** The upstream's stream is open. */
  readonly onOpened: () => void;
}

export class Relay implements AnswerSink, Receiver, StreamOwner, CallUnderWay, InFlight {
  readonly #host: CallHost<Relay>;
  #call: Call;
  #session: UpstreamSession;
  #sent: Sent;
  readonly phase = new CallPhase();
  readonly interview = new Interview();
  readonly #stream: AnswerStream;
  #takenUp: TakenUp | undefined;
  /** Each remedy is tried once. */
  #hasHealed = false;
  #hasRealigned = false;
  /** The arguments that its upstream wanted in headers when it was sent. */
  alignedTo: Upstream['paramHeaders'];

  constructor(host: CallHost<Relay>, call: Call, session: UpstreamSession, sent: Sent, takenUp?: TakenUp) {
    this.#host = host;
    this.#call = call;
    this.#session = session;
    this.#sent = sent;
    this.alignedTo = session.upstream.paramHeaders;
    this.#takenUp = takenUp;
    this.#stream = new AnswerStream(takenUp?.lastEventId, () => this.#host.promised(this));
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
    return this.#stream.lastEventId;
  }

  get isOver(): boolean {
    return this.phase.isOver;
  }

  /** A request to its upstream that belongs to the call. */
  get to(): Outbound {
    return { session: this.#session, caller: this.#call.caller };
  }

  // What its dispatcher does with it.

  /** Whether the session may be opened again for it: once, and only while the body is still available. */
  mayHeal(): boolean {
    const may = !this.#hasHealed && this.#sent.body.length > 0;
    this.#hasHealed = true;
    return may;
  }

  /** Whether its headers may be computed again: once. */
  mayRealign(): boolean {
    const may = !this.#hasRealigned && this.#call.message.method === 'tools/call';
    this.#hasRealigned = true;
    return may;
  }

  /** Continues at a session that replaces a lost one. Questions on the lost session no longer belong to it. */
  moveTo(session: UpstreamSession): void {
    this.#session.underWay?.delete(this);
    this.#session = session;
  }

  /** The call will be sent again. */
  replace(sent: Sent): void {
    this.#sent = sent;
    this.phase.prepare();
  }

  // What waits for its client does with it (questions/).

  /** Waits here with its stream. The stream is not read, so nothing is lost. The body is not kept: the retry brings one. */
  waitWith(call: Call): void {
    this.phase.exchange?.pause();
    this.#call = call;
    this.#sent = { ...this.#sent, body: nothing };
  }

  /**
   * The client has sent its answers: the rest of the upstream's answer goes to its new request. Returns a function that passes
   * on, in order, the messages that arrived meanwhile.
   */
  reopen(call: Call, sent: Sent): () => void {
    const late = this.phase.unsuspend();
    this.#call = call;
    this.#sent = sent;
    this.interview.gathered();
    call.outlet.owner = this;
    if (call.outlet.gone) this.onGone();
    return () => {
      for (const step of late) step();
    };
  }

  // What its client does.

  /** The client has caught up. */
  onDrain(): void {
    this.phase.exchange?.resume();
  }

  /**
   * In the session era a client that leaves does not cancel. An answer that can be resumed is left at the upstream; another is
   * read to its end.
   */
  onGone(): void {
    if (this.isOver) return;
    const { suspension } = this.phase;
    if (suspension !== undefined) {
      // A client that has left cannot be asked, and the answer could not be delivered.
      suspension.end();
      return;
    }
    if (this.#call.client.wording.leavingCancels) {
      this.abandon();
      return;
    }
    if (!this.#stream.isPromised) {
      this.phase.exchange?.resume();
      return;
    }
    this.phase.end()?.abort();
    this.#host.finished(this, 'ok');
  }

  // What its upstream does.

  onJson(body: Buffer): void {
    const message = this.#read(body);
    if (message === undefined) return;
    if (message.kind !== 'response' || !echoes(message.id, this.upstreamId)) {
      this.#fail(new GatewayError('upstream_malformed', 'answered with another id'));
      return;
    }
    if (message.id !== this.upstreamId) this.#session.upstream.tolerated.note('id_as_text');
    if (this.#asks(message)) return;
    const answer = this.#translated(() =>
      responseToClient(message, this.#session.upstream, this.#call.client, this.#call.message),
    );
    if (answer === undefined) return;
    this.phase.answerBytes += answer.body.length;
    this.#close(message);
    this.#call.outlet.whole(answer.body, undefined, answer.status);
  }

  onStream(): void {
    const takenUp = this.#takenUp;
    this.#takenUp = undefined;
    if (!this.#maybeUnknown()) this.#call.outlet.stream();
    takenUp?.onOpened();
  }

  onRetry(ms: number): void {
    this.#stream.retryMs = ms;
  }

  onEvent(event: SseEvent): void {
    if (this.isOver) return;
    if (this.phase.suspension !== undefined) {
      this.phase.keep(() => this.onEvent(event));
      return;
    }
    this.#stream.take(event);
    if (event.data === '') {
      this.#prime();
      return;
    }
    const message = this.#read(bytesOf(event));
    if (message === undefined) return;
    this.#translated(() => receive(message, this.#session, this.#call.client, this.#call.message.method, this));
  }

  onEnd(): void {
    if (this.isOver) return;
    if (this.phase.suspension !== undefined) this.phase.keep(() => this.onEnd());
    else if (this.#stream.isPromised && understandsPriming(this.#call.client.revision)) this.#passDisconnect();
    else this.#interrupted(new GatewayError('upstream_interrupted', 'ended without an answer'));
  }

  onFault(fault: GatewayError): void {
    if (this.isOver) return;
    const { suspension } = this.phase;
    if (suspension !== undefined) {
      // What came before it may be the answer.
      if (this.phase.isLate) this.phase.keep(() => this.onFault(fault));
      else suspension.end();
      return;
    }
    // If the session is lost during an answer, the rest of the answer is lost too. Before the answer nothing has been done, so
    // the call can be sent again.
    const isLost = fault.code === 'upstream_session_lost' || fault.code === 'upstream_revision_refused';
    if (isLost && this.lastEventId === undefined && this.#host.heal(this)) return;
    if (fault.code === 'upstream_headers_refused' && this.#host.realign(this)) return;
    if (isPassing(fault)) this.#interrupted(fault);
    else
      this.#fail(
        this.#takenUp !== undefined ? new GatewayError('state_invalid', fault.message, { cause: fault }) : fault,
      );
  }

  /**
   * Closes the client's stream, so that the client resumes at another replica. The stream of a client that cannot resume stays
   * open.
   */
  disconnect(retryMs: number): void {
    if (this.isOver || !this.#stream.isPromised || !understandsPriming(this.#call.client.revision)) return;
    this.#stream.retryMs = retryMs;
    this.phase.exchange?.abort();
    this.#passDisconnect();
  }

  /** The client has cancelled: its stream ends without an answer (2025-11-25 basic/utilities/cancellation). */
  takeBack(): void {
    if (this.isOver) return;
    const { suspension } = this.phase;
    if (suspension !== undefined) {
      suspension.end();
      return;
    }
    this.phase.end()?.abort();
    this.#host.finished(this, 'ok');
    this.#call.outlet.finish();
  }

  takeQuestion(question: Message): boolean {
    const { client, message } = this.#call;
    const isBusy = this.isOver || this.phase.suspension !== undefined;
    if (isBusy || !mayAsk(message.method) || !isQuestion(question.method)) return false;
    if (undeclared(question, client.clientCapabilities) !== undefined) return false;
    this.#host.park(this, question);
    return true;
  }

  /** Ends the call without an answer, as nobody is there to get one. */
  abandon(): void {
    if (this.isOver) return;
    const exchange = this.phase.end();
    // An upstream without sessions takes the close as cancellation. An older one gets a notification as well (2025-11-25
    // basic/utilities/cancellation).
    exchange?.cancel?.();
    exchange?.abort();
    this.#host.takenBack(this);
    this.#call.outlet.finish();
  }

  /** Ends the call with a complete response that the gateway made, as JSON text. */
  conclude(body: Buffer | string, status?: number): void {
    if (this.isOver) return;
    this.phase.end()?.abort();
    this.#host.finished(this, 'ok');
    this.#call.outlet.whole(body, undefined, status);
  }

  /** Ends the call with a fault. */
  fail(fault: unknown): void {
    if (!this.isOver)
      this.#fail(fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault }));
  }

  /**
   * If the upstream sent event ids, the answer is resumed; the client sees no break (2025-11-25 basic/transports §Resumability
   * and Redelivery).
   */
  #interrupted(fault: GatewayError): void {
    const isLate = performance.now() - this.#call.startedMs > callCeilingMs;
    const next = isLate || !this.#session.keepsSession ? undefined : this.#stream.nextResumption();
    if (next === undefined) this.#fail(fault);
    else this.#host.resume(this, next.lastEventId, next.afterMs);
  }

  /**
   * The upstream closed the stream to be polled (2025-11-25 basic/transports §Sending Messages to the Server 6): the client does
   * that itself.
   */
  #passDisconnect(): void {
    this.phase.end();
    this.#host.finished(this, 'ok');
    const { retryMs } = this.#stream;
    this.#call.outlet.finish(retryMs === undefined ? undefined : encodeRetry(retryMs));
  }

  response(message: Message): void {
    // A response to any other request is not passed to the client.
    if (!echoes(message.id, this.upstreamId) || this.#asks(message)) return;
    if (message.id !== this.upstreamId) this.#session.upstream.tolerated.note('id_as_text');
    const { body, status } = responseToClient(message, this.#session.upstream, this.#call.client, this.#call.message);
    if (status !== 200 && this.phase.answerBytes === 0 && this.#maybeUnknown()) {
      this.phase.answerBytes = body.length;
      this.#close(message)?.answered();
      this.#call.outlet.whole(body, undefined, status);
      return;
    }
    const last = encodeEvent(body, this.#seal());
    this.phase.answerBytes += body.length;
    this.#close(message)?.answered();
    this.#call.outlet.finish(last);
  }

  /**
   * A client of 2026-07-28 gets the refusal of an unknown method with status 404 (basic/transports/streamable-http), so the stream of a
   * method that no revision has is not opened before its first event.
   */
  #maybeUnknown(): boolean {
    const { client, message } = this.#call;
    return client.wording.asksByRounds && methodLabel(message.method) === 'other';
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

  /** Whether the response is a round of questions to a client that is asked by requests; the answers go with a later call. */
  #asks(message: Message): boolean {
    if (!this.#session.asksByRounds || this.#call.client.wording.asksByRounds || !isRound(message)) return false;
    // Nothing may follow a round; the end of this stream must not be mistaken for the end of the next one.
    this.phase.exchange?.abort();
    this.#host.ask(this, message);
    return true;
  }

  #write(body: Buffer): void {
    if (this.#call.outlet.gone) return;
    this.phase.answerBytes += body.length;
    if (!this.#call.outlet.events(encodeEvent(body, this.#seal()))) this.phase.exchange?.pause();
  }

  /** An event without data only gives a position to resume from; older clients fail on it. */
  #prime(): void {
    if (this.#call.outlet.gone || !understandsPriming(this.#call.client.revision)) return;
    const sealed = this.#seal();
    if (sealed !== undefined) this.#call.outlet.events(encodePriming(sealed, this.#stream.retryMs));
  }

  #seal(): string | undefined {
    return this.#stream.seal(this.#call.client, this.#session);
  }

  /** A message that cannot be translated is the upstream's fault, whatever the internal code, and ends the call. */
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

  #close(response: Message): Exchange | undefined {
    const exchange = this.phase.end();
    const isError = response.root.member('error') !== undefined;
    if (isError) this.#host.refused(this, response);
    this.#host.finished(this, isError ? 'error' : 'ok');
    return exchange;
  }

  #fail(fault: GatewayError): void {
    this.phase.end()?.abort();
    this.#host.finished(this, fault.code, fault);
    this.#call.outlet.fault(fault, faultToClient(this.#call, fault, this.#session.upstream));
  }
}

const nothing = Buffer.alloc(0);
