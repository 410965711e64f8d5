/** Receives the answer to one request of the gateway's own. */
import { GatewayError } from '../../errors.ts';
import { echoes } from '../../protocol/echoed-id.ts';
import { readServerMessage, type Message } from '../../protocol/envelope.ts';
import { bytesOf, type SseEvent } from '../../protocol/sse.ts';
import type { AnswerSink, Exchange } from './adapter.ts';

/** Waits for the response with one id; all other messages are ignored. */
export class ResponseSink implements AnswerSink {
  readonly isOwn = true;
  exchange: Exchange | undefined;
  readonly #id: string;
  readonly #done: (message: Message) => void;
  readonly #failed: (fault: unknown) => void;
  readonly #onIdEchoed: () => void;
  #answered = false;

  constructor(id: string, done: (message: Message) => void, failed: (fault: unknown) => void, onIdEchoed = () => {}) {
    this.#id = id;
    this.#done = done;
    this.#failed = failed;
    this.#onIdEchoed = onIdEchoed;
  }

  get upstreamId(): string {
    return this.#id;
  }

  onJson(body: Buffer): void {
    this.#take(body);
  }
  onStream(): void {}
  onEvent(event: SseEvent): void {
    if (event.data !== '') this.#take(bytesOf(event));
  }
  onRetry(): void {}
  onEnd(): void {
    if (!this.#answered) this.#failed(new GatewayError('upstream_interrupted', 'ended without an answer'));
  }
  onFault(fault: GatewayError): void {
    if (!this.#answered) this.#failed(fault);
  }

  #take(bytes: Buffer): void {
    if (this.#answered) return;
    try {
      const message = readServerMessage(bytes);
      if (message.kind !== 'response' || !echoes(message.id, this.#id)) return;
      this.#answered = true;
      if (message.id !== this.#id) this.#onIdEchoed();
      this.#done(message);
    } catch (cause) {
      this.#answered = true;
      this.#failed(new GatewayError('upstream_malformed', 'answer is no JSON-RPC', { cause }));
    }
    this.exchange?.abort();
  }
}
