/**
 * The way back of one call: the upstream's answer, message by message as it comes, to the outlet of its request. Requests of
 * the server that come on the way get sealed ids (protocol.md D6.1); a `ping` is answered here and goes no further (D4).
 */
import { isQuestion, isRound, mayAsk } from '../aggregate/rounds.ts';
import { GatewayError, type ErrorCode } from '../errors.ts';
import { echoes } from '../protocol/echoed-id.ts';
import { readServerMessage, type Message } from '../protocol/envelope.ts';
import { understandsPriming } from '../protocol/revisions.ts';
import { encodeEvent, encodePriming, encodeRetry, type SseEvent } from '../protocol/sse.ts';
import type { Call } from '../clients/call.ts';
import type { Client, InFlight } from '../clients/client.ts';
import { carrying } from '../transport/upstream/credentials.ts';
import { callCeilingMs, maxResumptions } from '../transport/http/limits.ts';
import type { OutletOwner } from '../transport/downstream/outlet.ts';
import { isPassing, resumptionDelayMs } from '../streams/resumption.ts';
import type { Gathering, Sent, Suspension } from './questions/suspension.ts';
import { Places } from '../streams/places.ts';
import { notificationToClient, requestToClient, responseToClient } from '../clients/translate.ts';
import { ownAnswer, undeclared } from '../clients/undeclared.ts';
import type { AnswerSink, CallUnderWay, Exchange, Link } from '../transport/upstream/adapter.ts';

/** What a relay needs of the gateway. */
export interface RelayHost {
  /** The upstream no longer knows the session of `relay`; true when the call will be sent again. */
  heal(relay: Relay): boolean;
  /** The headers made of `relay` do not fit what the upstream wants by now; true when it will be sent again with others. */
  realign(relay: Relay): boolean;
  /** Notifications that concern the gateway as well. */
  noticed(link: Link, client: Client, method: string): void;
  /** Whether a log message is one that the request has asked for. */
  wantsLog(relay: Relay, message: Message): boolean;
  /** Sends a message of the gateway to the upstream, without waiting. */
  reply(link: Link, body: string): void;
  /** Takes up the answer of `relay` after the upstream's event `lastEventId`, in `afterMs`. */
  resume(relay: Relay, lastEventId: string, afterMs: number): void;
  /** The upstream answered `relay` with an error. */
  refused(relay: Relay, answer: Message): void;
  /** The client was given an event id, so it can take the answer up at another replica. */
  promised(relay: Relay): void;
  /** The client has left, which takes its request back. */
  takenBack(relay: Relay): void;
  /** The upstream wants input before it goes on, and its client is asked by requests (protocol.md D6.4). */
  ask(relay: Relay, round: Message): void;
  /** The upstream asks by a request on the stream of the call, and its client by rounds (protocol.md D6.3). */
  park(relay: Relay, question: Message): void;
  /** The call is over; `outcome` is `ok`, `error` or a fault's code. */
  finished(relay: Relay, outcome: 'ok' | 'error' | ErrorCode): void;
}

export class Relay implements AnswerSink, OutletOwner, CallUnderWay {
  call: Call;
  sent: Sent;
  link: Link;
  exchange: Exchange | undefined;
  /** Its entry among what the client has under way. */
  flight: InFlight | undefined;
  /** Called once the upstream's stream is open. */
  onOpened: (() => void) | undefined;
  healed = false;
  realigned = false;
  /** Questions of the upstream that are being gathered, or that the call waits with. */
  parking: Gathering | undefined;
  /** Its stream was begun at another time, by whichever replica. */
  isTakenUp = false;
  /** Set while the client is asked. */
  suspension: Suspension | undefined;
  /** Rounds of questions until now. */
  rounds = 0;
  /** The upstream's latest event id, and how often in a row it was asked to go on from there. */
  lastEventId: string | undefined;

  readonly #host: RelayHost;
  /** Made with the first event id of the upstream: most answers have none. */
  #places: Places | undefined;
  #retryMs: number | undefined;
  #resumptions = 0;
  #over = false;
  /** What came while the call waits for its client: reading does not stop at once, nor at all when the upstream closes. */
  readonly #late: (() => void)[] = [];

  constructor(host: RelayHost, call: Call, link: Link, sent: Sent) {
    this.#host = host;
    this.call = call;
    this.link = link;
    this.sent = sent;
    call.outlet.owner = this;
  }

  get upstreamId(): string {
    return this.sent.upstreamId;
  }

  /** The client has caught up. */
  onDrain(): void {
    this.exchange?.resume();
  }

  /** Leaving is no cancellation in this era: an answer that can be resumed is left to the upstream, another is read to its end. */
  onGone(): void {
    if (this.#over) return;
    if (this.suspension !== undefined) {
      // Whoever is not there cannot be asked, and the answer would be lost in any case.
      this.suspension.end();
      return;
    }
    if (this.call.client.wording.leavingCancels) {
      this.abandon();
      return;
    }
    if (!this.#promised) {
      this.exchange?.resume();
      return;
    }
    this.#over = true;
    this.exchange?.abort();
    this.#host.finished(this, 'ok');
  }

  onJson(body: Buffer): void {
    const message = this.#read(body);
    if (message === undefined) return;
    if (message.kind !== 'response' || !echoes(message.id, this.upstreamId)) {
      this.#fail(new GatewayError('upstream_malformed', 'answered with another id'));
      return;
    }
    if (this.#asks(message)) return;
    const answer = this.#translated(() =>
      responseToClient(message, this.link.upstream, this.call.client, this.call.message),
    );
    if (answer === undefined) return;
    this.#close(message);
    this.call.outlet.whole(answer.body, undefined, answer.status);
  }

  onStream(): void {
    this.isTakenUp = false;
    this.call.outlet.stream();
    this.onOpened?.();
  }

  onRetry(ms: number): void {
    this.#retryMs = ms;
  }

  onEvent(event: SseEvent): void {
    if (this.#over) return;
    if (this.suspension !== undefined) {
      this.#late.push(() => this.onEvent(event));
      return;
    }
    if (event.id !== undefined) this.lastEventId = event.id;
    this.#resumptions = 0;
    if (event.data === '') {
      this.#prime(event.id);
      return;
    }
    const message = this.#read(Buffer.from(event.data));
    if (message === undefined) return;
    this.#translated(() => this.#pass(message, event.id));
  }

  onEnd(): void {
    if (this.#over) return;
    if (this.suspension !== undefined) this.#late.push(() => this.onEnd());
    else if (this.#promised && understandsPriming(this.call.client.revision)) this.#passDisconnect();
    else this.#interrupted(new GatewayError('upstream_interrupted', 'ended without an answer'));
  }

  onFault(fault: GatewayError): void {
    if (this.#over) return;
    if (this.suspension !== undefined) {
      // What came before it may be the answer.
      if (this.#late.length > 0) this.#late.push(() => this.onFault(fault));
      else this.suspension.end();
      return;
    }
    // A session that is lost while an answer is under way takes the answer with it; before that nothing has been done.
    const isLost = fault.code === 'upstream_session_lost' || fault.code === 'upstream_revision_refused';
    if (isLost && this.lastEventId === undefined && this.#host.heal(this)) return;
    if (fault.code === 'upstream_headers_refused' && this.#host.realign(this)) return;
    if (isPassing(fault)) this.#interrupted(fault);
    else this.#fail(this.isTakenUp ? new GatewayError('state_invalid', fault.message, { cause: fault }) : fault);
  }

  /** Closes the client's stream so that it goes on at another replica; a client that would not come back is left as it is. */
  disconnect(retryMs: number): void {
    if (this.#over || !this.#promised || !understandsPriming(this.call.client.revision)) return;
    this.#retryMs = retryMs;
    this.exchange?.abort();
    this.#passDisconnect();
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** The client has cancelled: its stream ends without an answer (2025-11-25 basic/utilities/cancellation). */
  takeBack(): void {
    if (this.#over) return;
    if (this.suspension !== undefined) {
      this.suspension.end();
      return;
    }
    this.#over = true;
    this.exchange?.abort();
    this.#host.finished(this, 'ok');
    this.call.outlet.finish();
  }

  takeQuestion(question: Message): boolean {
    const { client, message } = this.call;
    if (this.#over || this.suspension !== undefined || !mayAsk(message.method) || !isQuestion(question.method))
      return false;
    if (undeclared(question, client.clientCapabilities) !== undefined) return false;
    this.#host.park(this, question);
    return true;
  }

  /** Ends the call without an answer, as nobody is there to get one. */
  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.takenBack(this);
    this.call.outlet.finish();
  }

  /** Ends the call with a response of the gateway's own making, whole, as JSON text. */
  conclude(body: Buffer | string, status?: number): void {
    if (this.#over) return;
    this.#over = true;
    this.exchange?.abort();
    this.#host.finished(this, 'ok');
    this.call.outlet.whole(body, undefined, status);
  }

  /** The client has come back with its answers: the rest of the upstream's answer is for this request of it. */
  reopen(call: Call, sent: Sent): void {
    this.call = call;
    this.sent = sent;
    this.parking = undefined;
    this.suspension = undefined;
    call.outlet.owner = this;
    if (call.outlet.gone) this.onGone();
  }

  /** After `reopen`: what came meanwhile, in its order. */
  catchUp(): void {
    for (const step of this.#late.splice(0)) step();
  }

  /** Ends the call with a fault. */
  fail(fault: unknown): void {
    if (!this.#over)
      this.#fail(fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault }));
  }

  /** An upstream that gave event ids is asked to go on where it was; the client sees no break (2025-11-25 §Resumability). */
  #interrupted(fault: GatewayError): void {
    const isLate = performance.now() - this.call.startedMs > callCeilingMs;
    const isOver = isLate || this.#resumptions >= maxResumptions || this.link.sessionId === undefined;
    if (this.lastEventId === undefined || isOver) {
      this.#fail(fault);
      return;
    }
    this.#host.resume(this, this.lastEventId, resumptionDelayMs(this.#resumptions, this.#retryMs));
    this.#resumptions += 1;
  }

  /** The upstream closed in good order to be polled (2025-11-25 transports §Sending Messages 6): the client does that itself. */
  #passDisconnect(): void {
    this.#over = true;
    this.#host.finished(this, 'ok');
    this.call.outlet.finish(this.#retryMs === undefined ? undefined : encodeRetry(this.#retryMs));
  }

  #pass(message: Message, eventId: string | undefined): void {
    const upstream = this.link.upstream;
    switch (message.kind) {
      case 'response': {
        // A response to anything but this request is not the client's to see (security.md T21).
        if (!echoes(message.id, this.upstreamId)) return;
        if (this.#asks(message)) return;
        const { body } = responseToClient(message, upstream, this.call.client, this.call.message);
        const last = encodeEvent(body, this.#seal(eventId));
        this.#close(message);
        this.exchange?.answered();
        this.call.outlet.finish(last);
        return;
      }
      case 'notification':
        this.#host.noticed(this.link, this.call.client, message.method);
        if (this.call.client.wording.passes(message.method, this.#isWantedLog(message)))
          this.#write(notificationToClient(message, upstream, this.call.client, this.sent.tokens), eventId);
        return;
      case 'request': {
        const own = ownAnswer(message, this.link, this.call.client, this.call.message.method);
        if (own !== undefined) this.#host.reply(carrying(this.link, this.call.rawHeaders), own);
        else if (this.call.client.wording.asksByRounds) this.#host.park(this, message);
        else this.#write(requestToClient(message, upstream, this.call.client), eventId);
      }
    }
  }

  #isWantedLog(message: Message): boolean {
    return message.method === 'notifications/message' && this.#host.wantsLog(this, message);
  }

  /** Whether the response is a round of questions to a client that is asked by requests; the answers go with a next call. */
  #asks(message: Message): boolean {
    if (!this.link.mirrors || this.call.client.wording.asksByRounds || !isRound(message)) return false;
    // Nothing may follow a round; the end of this stream must not be taken for that of the next.
    this.exchange?.abort();
    this.#host.ask(this, message);
    return true;
  }

  #write(body: Buffer, eventId: string | undefined): void {
    if (this.call.outlet.gone) return;
    if (!this.call.outlet.events(encodeEvent(body, this.#seal(eventId)))) this.exchange?.pause();
  }

  /** An event without data only names a place to resume from; older clients fail on it. */
  #prime(eventId: string | undefined): void {
    if (this.call.outlet.gone || !understandsPriming(this.call.client.revision)) return;
    const sealed = this.#seal(eventId);
    if (sealed !== undefined) this.call.outlet.events(encodePriming(sealed, this.#retryMs));
  }

  #seal(upstreamEventId: string | undefined): string | undefined {
    if (upstreamEventId === undefined) return undefined;
    this.#places ??= new Places(() => this.#host.promised(this));
    return this.#places.seal(this.call.client, this.link, upstreamEventId);
  }

  /** The client was given an event id to come back with. */
  get #promised(): boolean {
    return this.#places?.given === true;
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

  #close(response: Message): void {
    this.#over = true;
    const isError = response.root.member('error') !== undefined;
    if (isError) this.#host.refused(this, response);
    this.#host.finished(this, isError ? 'error' : 'ok');
  }

  #fail(fault: GatewayError): void {
    this.#over = true;
    this.exchange?.abort();
    this.#host.finished(this, fault.code);
    this.call.outlet.fault(fault, this.call.client.wording.fault(fault, this.call.message.id));
  }
}
