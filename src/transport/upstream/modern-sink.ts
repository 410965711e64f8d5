/**
 * Converts the answers of an upstream of 2026-07-28 into the form of the session era, which the rest of the gateway uses. Errors
 * about this hop alone end here, and a subscription looks like the stream of a session.
 */
import { smallJson } from '../../protocol/small-json.ts';
import { isRound, mayAsk } from '../../aggregate/rounds.ts';
import { GatewayError } from '../../errors.ts';
import { readServerMessage, type Message } from '../../protocol/envelope.ts';
import { metaKey } from '../../protocol/modern.ts';
import { numberOf, textOf } from '../../protocol/scan.ts';
import { removeMembers, splice } from '../../protocol/splice.ts';
import { bytesOf, type SseEvent } from '../../protocol/sse.ts';
import type { Said } from '../../protocol/said.ts';
import type { AnswerSink, Exchange } from './adapter.ts';
import { RevisionRefused } from './revision-refused.ts';

const methodNotFound = -32601;
const headerMismatch = -32020;
const missingCapability = -32021;
const unsupportedVersion = -32022;
const invalidParams = -32602;

/** Hides errors about this hop, and passes on the rest in the form of the session era. */
export class ModernSink implements AnswerSink {
  exchange: Exchange | undefined;
  readonly #sink: AnswerSink;
  readonly #method: string;
  readonly #said: Said | undefined;
  /** The extension was declared with the request, so the answer may be a task. */
  readonly #mayTask: boolean;
  #over = false;

  constructor(sink: AnswerSink, method: string, said: Said | undefined, mayTask: boolean) {
    this.#sink = sink;
    this.#method = method;
    this.#said = said;
    this.#mayTask = mayTask;
  }

  get upstreamId(): string | undefined {
    return this.#sink.upstreamId;
  }
  get isOwn(): boolean {
    return this.#sink.isOwn === true;
  }

  onJson(body: Buffer): void {
    const answer = this.#judged(body);
    if (Buffer.isBuffer(answer)) this.#sink.onJson(answer);
    else this.#refuse(answer);
  }
  onStream(): void {
    this.#sink.onStream();
  }
  onEvent(event: SseEvent): void {
    if (event.data === '' || this.#over) return;
    const given = bytesOf(event);
    const answer = this.#judged(given);
    if (!Buffer.isBuffer(answer)) {
      this.#refuse(answer);
      return;
    }
    const data = answer === given ? event.data : answer.toString();
    // This revision has no resumption, so event ids are ignored.
    this.#sink.onEvent({ data, id: undefined, event: event.event, bytes: answer });
  }
  onRetry(): void {}
  onEnd(): void {
    if (!this.#over) this.#sink.onEnd();
  }
  onFault(fault: GatewayError): void {
    if (!this.#over) this.#sink.onFault(fault);
  }

  /** The request may be sent again at once, so the rest of this answer is dropped. */
  #refuse(fault: GatewayError): void {
    this.#over = true;
    this.exchange?.abort();
    this.#sink.onFault(fault);
  }

  #judged(body: Buffer): Buffer | GatewayError {
    let message: Message;
    try {
      message = readServerMessage(body);
    } catch (cause) {
      return new GatewayError('upstream_malformed', 'not a JSON-RPC message', { cause });
    }
    // A server of the session era that did not understand the request: its error reveals its era.
    if (message.kind === 'response' && message.id === undefined)
      return new GatewayError('upstream_refused', 'an error that names no request');
    // Servers send no requests in this revision (2026-07-28 basic/transports/streamable-http).
    if (message.kind === 'request')
      return new GatewayError('upstream_malformed', 'a request on the stream of a request');
    const type = message.root.member('result')?.member('resultType');
    if (type !== undefined && !this.#mayBe(message, type.kind === 'string' ? textOf(body, type) : ''))
      return new GatewayError('upstream_malformed', 'a result that asks for what was never declared');
    const code = message.root.member('error')?.member('code');
    if (code?.kind !== 'number') return body;
    switch (numberOf(body, code)) {
      case missingCapability:
        // The upstream got the client's own capabilities, so the client lacks one.
        if (this.#said?.itself === true) return body;
        return new GatewayError('upstream_refused', 'wants a capability that was not declared');
      case headerMismatch:
        return new GatewayError('upstream_headers_refused', 'the headers that the gateway made of the request');
      case unsupportedVersion:
        return new RevisionRefused(supportedIn(message));
      case invalidParams:
        // Earlier revisions have their own code for a missing resource: -32002 (2025-11-25 server/resources §Error Handling).
        if (this.#said?.itself === true || this.#method !== 'resources/read') return body;
        return splice(body, [{ start: code.start, end: code.end, text: '-32002' }]);
      default:
        return body;
    }
  }

  /** Only calls on behalf of a client can be answered with questions (2026-07-28 basic/patterns/mrtr), or with a task. */
  #mayBe(message: Message, type: string): boolean {
    if (type === 'complete') return true;
    if (type === 'task') return this.#mayTask;
    return this.#said?.itself === true || (this.#said !== undefined && mayAsk(this.#method) && isRound(message));
  }
}

/** `data.supported` of an error, parsed. */
function supportedIn({ bytes, root }: Message): unknown {
  const data = smallJson(bytes, root.member('error')?.member('data'));
  return typeof data === 'object' && data !== null && 'supported' in data ? data.supported : undefined;
}

/** Makes a subscription look like a session's stream: without acknowledgement, result and subscription id. */
export class SubscribedSink implements AnswerSink {
  readonly #sink: AnswerSink;
  #isOpen = false;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** An unknown method means that the server has no subscriptions; any other error may be temporary. */
  onJson(body: Buffer): void {
    const { bytes, root } = readServerMessage(body);
    const code = root.member('error')?.member('code');
    const isUnknown = code?.kind === 'number' && numberOf(bytes, code) === methodNotFound;
    this.#sink.onFault(
      new GatewayError(isUnknown ? 'upstream_verb_refused' : 'upstream_unreachable', 'no subscription'),
    );
  }
  onStream(): void {}
  onEvent(event: SseEvent): void {
    const message = readServerMessage(bytesOf(event));
    // The upstream listens when the acknowledgement, its first message, has arrived.
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#sink.onStream();
    }
    if (message.kind !== 'notification' || message.method === 'notifications/subscriptions/acknowledged') return;
    const meta = message.params?.member('_meta');
    const body =
      meta?.kind === 'object'
        ? splice(message.bytes, removeMembers(message.bytes, meta, [metaKey.subscriptionId]))
        : message.bytes;
    this.#sink.onEvent({ data: body.toString(), id: undefined, event: undefined, bytes: body });
  }
  onRetry(): void {}
  onEnd(): void {
    this.#sink.onEnd();
  }
  onFault(fault: GatewayError): void {
    this.#sink.onFault(fault);
  }
}
