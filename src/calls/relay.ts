/**
 * The way back of one call: the upstream's answer, message by message as it comes, to the outlet of its request. Requests of
 * the server that come on the way get sealed ids; a `ping` is answered here and goes no further.
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

/** The stream of the call was begun at another time, by whichever replica. */
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

  /** Whether the session may be opened anew for it: once, and not when the body to send again is gone. */
  mayHeal(): boolean {
    const may = !this.#hasHealed && this.#sent.body.length > 0;
    this.#hasHealed = true;
    return may;
  }

  /** Whether its headers may be made anew: once. */
  mayRealign(): boolean {
    const may = !this.#hasRealigned && this.#call.message.method === 'tools/call';
    this.#hasRealigned = true;
    return may;
  }

  /** It goes on at a session in the place of a lost one. What is asked on the lost session is not about it. */
  moveTo(session: UpstreamSession): void {
    this.#session.underWay?.delete(this);
    this.#session = session;
  }

  /** It is to be sent once more. */
  replace(sent: Sent): void {
    this.#sent = sent;
    this.phase.prepare();
  }

  // What waits for its client does with it (questions/).

  /** It waits here with its stream: nothing more is read, so nothing is lost, and no body is kept. The retry brings one. */
  waitWith(call: Call): void {
    this.phase.exchange?.pause();
    this.#call = call;
    this.#sent = { ...this.#sent, body: nothing };
  }

  /**
   * The client has come back with its answers: the rest of the upstream's answer is for this request of it. What came meanwhile is
   * passed on in its order by the function that is given back.
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

  /** Leaving is no cancellation in the session era: an answer that can be resumed is left to the upstream, another is read to its end. */
  onGone(): void {
    if (this.isOver) return;
    const { suspension } = this.phase;
    if (suspension !== undefined) {
      // Whoever is not there cannot be asked, and the answer would be lost in any case.
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
    const message = this.#read(Buffer.from(event.data));
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
    // A session that is lost while an answer is under way takes the answer with it; before that nothing has been done.
    const isLost = fault.code === 'upstream_session_lost' || fault.code === 'upstream_revision_refused';
    if (isLost && this.lastEventId === undefined && this.#host.heal(this)) return;
    if (fault.code === 'upstream_headers_refused' && this.#host.realign(this)) return;
    if (isPassing(fault)) this.#interrupted(fault);
    else
      this.#fail(
        this.#takenUp !== undefined ? new GatewayError('state_invalid', fault.message, { cause: fault }) : fault,
      );
  }

  /** Closes the client's stream so that it goes on at another replica; a client that would not come back is left as it is. */
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
    // Closing is cancellation for an upstream without sessions; an older one is told besides (2025-11-25 basic/utilities/cancellation).
    exchange?.cancel?.();
    exchange?.abort();
    this.#host.takenBack(this);
    this.#call.outlet.finish();
  }

  /** Ends the call with a response of the gateway's own making, whole, as JSON text. */
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

  /** An upstream that gave event ids is asked to go on where it was; the client sees no break (2025-11-25 §Resumability). */
  #interrupted(fault: GatewayError): void {
    const isLate = performance.now() - this.#call.startedMs > callCeilingMs;
    const next = isLate || !this.#session.keepsSession ? undefined : this.#stream.nextResumption();
    if (next === undefined) this.#fail(fault);
    else this.#host.resume(this, next.lastEventId, next.afterMs);
  }

  /** The upstream closed in good order to be polled (2025-11-25 transports §Sending Messages 6): the client does that itself. */
  #passDisconnect(): void {
    this.phase.end();
    this.#host.finished(this, 'ok');
    const { retryMs } = this.#stream;
    this.#call.outlet.finish(retryMs === undefined ? undefined : encodeRetry(retryMs));
  }

  response(message: Message): void {
    // A response to anything but this request is not the client's to see.
    if (!echoes(message.id, this.upstreamId) || this.#asks(message)) return;
    if (message.id !== this.upstreamId) this.#session.upstream.tolerated.note('id_as_text');
    const { body } = responseToClient(message, this.#session.upstream, this.#call.client, this.#call.message);
    const last = encodeEvent(body, this.#seal());
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

  /** Whether the response is a round of questions to a client that is asked by requests; the answers go with a next call. */
  #asks(message: Message): boolean {
    if (!this.#session.asksByRounds || this.#call.client.wording.asksByRounds || !isRound(message)) return false;
    // Nothing may follow a round; the end of this stream must not be taken for that of the next.
    this.phase.exchange?.abort();
    this.#host.ask(this, message);
    return true;
  }

  #write(body: Buffer): void {
    if (this.#call.outlet.gone) return;
    if (!this.#call.outlet.events(encodeEvent(body, this.#seal()))) this.phase.exchange?.pause();
  }

  /** An event without data only names a place to resume from; older clients fail on it. */
  #prime(): void {
    if (this.#call.outlet.gone || !understandsPriming(this.#call.client.revision)) return;
    const sealed = this.#seal();
    if (sealed !== undefined) this.#call.outlet.events(encodePriming(sealed, this.#stream.retryMs));
  }

  #seal(): string | undefined {
    return this.#stream.seal(this.#call.client, this.#session);
  }

  /** What cannot be translated is the upstream's fault, whatever it is called inside, and ends the call. */
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
    this.#call.outlet.fault(fault, this.#call.client.wording.fault(fault, this.#call.message.id));
  }
}

const nothing = Buffer.alloc(0);
