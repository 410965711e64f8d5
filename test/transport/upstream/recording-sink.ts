/** Takes the answer to one call and keeps what it was told, in order. */
import type { GatewayError } from '../../../src/errors.ts';
import type { SseEvent } from '../../../src/protocol/sse.ts';
import type { AnswerSink } from '../../../src/transport/upstream/adapter.ts';

export class RecordingSink implements AnswerSink {
  readonly upstreamId: string | undefined;
  /** `json …`, `stream`, `event …`, `retry …`, `end`, or the code of a fault. */
  readonly told: string[] = [];
  /** Resolves at the end of the answer. */
  readonly over: Promise<void>;
  #finish: () => void = () => {};

  /** `upstreamId`: raw JSON of the id that the answer has to have. */
  constructor(upstreamId?: string) {
    this.upstreamId = upstreamId;
    this.over = new Promise((resolve) => (this.#finish = resolve));
  }

  onJson(body: Buffer): void {
    this.told.push(`json ${body.toString()}`);
  }
  onStream(): void {
    this.told.push('stream');
  }
  onEvent({ data, id }: SseEvent): void {
    this.told.push(`event ${id === undefined ? '' : `${id} `}${data}`);
  }
  onRetry(ms: number): void {
    this.told.push(`retry ${ms}`);
  }
  onEnd(): void {
    this.told.push('end');
    this.#finish();
  }
  onFault(fault: GatewayError): void {
    this.told.push(fault.code);
    this.#finish();
  }
}
