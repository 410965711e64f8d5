/**
 * Passes the upstream's answer of one call to the client: each message goes to the outlet of the client's request as it arrives.
 * Requests of the server that come before the answer get sealed ids. A `ping` is answered here and not passed on.
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

/** Data of a call whose stream is resumed. The stream was opened earlier, by this replica or another one. */
export interface TakenUp {
  readonly lastEventId: string;
  /** Called when the upstream's stream is open. */
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
  /** Each recovery is tried once. */
  #hasHealed = false;
  #hasRealigned = false;
  /** The arguments that the upstream wanted in headers when the call was sent. */
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

  /** The target of requests to the upstream that belong to this call. */
  get to(): Outbound {
    return { session: this.#session, caller: this.#call.caller };
  }

  // Called by the dispatcher.

  /** Whether the session may be opened again for this call: once, and only while the body is still available. */
  mayHeal(): boolean {
    const may = !this.#hasHealed && this.#sent.body.length > 0;
    this.#hasHealed = true;
    return may;
  }

  /** Whether the headers of this call may be computed again: once. */
  mayRealign(): boolean {
    const may = !this.#hasRealigned && this.#call.message.method === 'tools/call';
    this.#hasRealigned = true;
    return may;
  }

  /** Continues on a session that replaces a lost one. Questions on the lost session no longer belong to this call. */
  moveTo(session: UpstreamSession): void {
    this.#session.underWay?.delete(this);
    this.#session = session;
  }

  /** Prepares the call to be sent again, with this body and id. */
  replace(sent: Sent): void {
    this.#sent = sent;
    this.phase.prepare();
  }

  // Called by the code that waits for the client (questions/).

  /** Waits on this replica with the stream paused, so nothing is lost. The body is not kept: the retry has one. */
  waitWith(call: Call): void {
    this.phase.exchange?.pause();
    this.#call = call;
    this.#sent = { ...this.#sent, body: nothing };
  }

  /**
   * The client has sent its answers: the rest of the upstream's answer goes to its new request. Returns a function that passes on
   * the messages that arrived meanwhile, in order.
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

  // Called for events of the client.

  /** The client has read what was buffered for it. */
  onDrain(): void {
    this.phase.exchange?.resume();
  }

  /**
   * In the session era, a disconnect does not cancel the call. If the answer can be resumed, the exchange is closed; otherwise the
   * answer is read to its end.
   */
  onGone(): void {
    if (this.isOver) return;
    const { suspension } = this.phase;
    if (suspension !== undefined) {
      // The client has disconnected: it cannot be asked, and the answer cannot be delivered.
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

  // Called for events of the upstream.

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
      // A message that arrived before the fault may be the answer.
      if (this.phase.isLate) this.phase.keep(() => this.onFault(fault));
      else suspension.end();
      return;
    }
    // If the session is lost during an answer, the rest of the answer is lost too. If it is lost before the answer, the upstream
    // has not run the call, so the call can be sent again.
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
   * Closes the client's stream, so that the client resumes on another replica. If the client cannot resume, its stream stays
   * open.
   */
  disconnect(retryMs: number): void {
    if (this.isOver || !this.#stream.isPromised || !understandsPriming(this.#call.client.revision)) return;
    this.#stream.retryMs = retryMs;
    this.phase.exchange?.abort();
    this.#passDisconnect();
  }

  /** The client has cancelled: ends its stream without an answer (2025-11-25 basic/utilities/cancellation). */
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

  /** Ends the call without an answer, because the client is gone. */
  abandon(): void {
    if (this.isOver) return;
    const exchange = this.phase.end();
    // For an upstream without sessions, the close is the cancellation. A session-era upstream also gets a notification (2025-11-25
    // basic/utilities/cancellation).
    exchange?.cancel?.();
    exchange?.abort();
    this.#host.takenBack(this);
    this.#call.outlet.finish();
  }

  /** Ends the call with a complete response made by the gateway, as JSON text. */
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
   * If the upstream sent event ids, the gateway resumes the answer, and the client does not notice the interruption (2025-11-25
   * basic/transports §Resumability and Redelivery).
   */
  #interrupted(fault: GatewayError): void {
    const isLate = performance.now() - this.#call.startedMs > callCeilingMs;
    const next = isLate || !this.#session.keepsSession ? undefined : this.#stream.nextResumption();
    if (next === undefined) this.#fail(fault);
    else this.#host.resume(this, next.lastEventId, next.afterMs);
  }

  /**
   * The upstream closed the stream to be polled (2025-11-25 basic/transports §Sending Messages to the Server 6). The client's
   * stream is closed too, and the client polls.
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
   * Whether the answer may be the refusal of an unknown method, which a 2026-07-28 client gets with status 404 (2026-07-28
   * basic/transports/streamable-http). So if no revision has the method, its stream is not opened before its first event.
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

  /** If the response is a round of questions and the client is asked by requests, asks it. A later call has the answers. */
  #asks(message: Message): boolean {
    if (!this.#session.asksByRounds || this.#call.client.wording.asksByRounds || !isRound(message)) return false;
    // Nothing may follow a round. The end of this stream must not be taken for the end of the next one.
    this.phase.exchange?.abort();
    this.#host.ask(this, message);
    return true;
  }

  #write(body: Buffer): void {
    if (this.#call.outlet.gone) return;
    this.phase.answerBytes += body.length;
    if (!this.#call.outlet.events(encodeEvent(body, this.#seal()))) this.phase.exchange?.pause();
  }

  /** Sends an event without data, which only gives a position to resume from. Older clients fail on such an event. */
  #prime(): void {
    if (this.#call.outlet.gone || !understandsPriming(this.#call.client.revision)) return;
    const sealed = this.#seal();
    if (sealed !== undefined) this.#call.outlet.events(encodePriming(sealed, this.#stream.retryMs));
  }

  #seal(): string | undefined {
    return this.#stream.seal(this.#call.client, this.#session);
  }

  /** If a message cannot be translated, ends the call with `upstream_malformed`, whatever the internal code. */
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
