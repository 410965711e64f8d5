/**
 * A call that an upstream of 2026-07-28 has turned into a task, for a client without such tasks: the gateway polls the task until
 * it is done, and its result is the answer to the call (SEP-2663). Questions of the task become a round of questions of the call,
 * whose retry brings the answers (2026-07-28 basic/patterns/mrtr).
 */
import { randomUUID } from 'node:crypto';
import { isTaskResult, readTask, roundOfTask, settledResponse } from '../../aggregate/task-forms.ts';
import { GatewayError } from '../../errors.ts';
import { readServerMessage, type Message } from '../../protocol/envelope.ts';
import { rawOf, textOf } from '../../protocol/scan.ts';
import { bytesOf, type SseEvent } from '../../protocol/sse.ts';
import { callCeilingMs, maxMissedPolls, maxPollMs, minPollMs, taskPollMs } from '../http/limits.ts';
import { Waiting, type Wheel } from '../http/wheel.ts';
import type { AnswerSink, Exchange } from './adapter.ts';
import type { Outbound } from './session.ts';

export interface PollingHost {
  readonly wheel: Wheel;
  ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer>;
  /** In ms. */
  now(): number;
}

/** The task that a retry of the call belongs to, and the questions of it that were asked. */
export interface Waited {
  readonly taskId: string;
  readonly asked: readonly string[];
}

/**
 * Part of the round's state, which never leaves this process. A client cannot write it, so it cannot name another client's task.
 */
const mark = `task ${randomUUID()} `;

/** Undefined for every call except a retry with answers for a task. */
export function waitedFor({ bytes, params }: Message): Waited | undefined {
  const state = params?.member('requestState');
  const text = state?.kind === 'string' ? textOf(bytes, state) : '';
  return text.startsWith(mark) ? (JSON.parse(text.slice(mark.length)) as Waited) : undefined;
}

export class TaskPolling extends Waiting implements AnswerSink, Exchange {
  /** The call itself. */
  call: Exchange | undefined;
  readonly #host: PollingHost;
  readonly #to: Outbound;
  /** Id of the call, as raw JSON. */
  readonly #id: string;
  readonly #sink: AnswerSink;
  readonly #startedMs: number;
  #taskId: string | undefined;
  #asked: readonly string[] = [];
  #missed = 0;
  /** A round has been passed on, and its stream is not closed yet. */
  #isRoundOut = false;
  #over = false;

  constructor(host: PollingHost, to: Outbound, id: string, sink: AnswerSink) {
    super();
    this.#host = host;
    this.#to = to;
    this.#id = id;
    this.#sink = sink;
    this.#startedMs = host.now();
  }

  /** The client has answered: its answers go to the task, and polling continues. */
  goOn({ taskId, asked }: Waited, { bytes, params }: Message): void {
    this.#taskId = taskId;
    this.#asked = asked;
    const answers = params?.member('inputResponses');
    const given = answers === undefined ? '{}' : rawOf(bytes, answers);
    this.#ask('tasks/update', `{"taskId":${JSON.stringify(taskId)},"inputResponses":${given}}`).then(
      (reply) => this.#guarded(() => this.#updated(readServerMessage(reply))),
      (fault: unknown) => this.#end(fault),
    );
  }

  get upstreamId(): string | undefined {
    return this.#sink.upstreamId;
  }
  get isOwn(): boolean {
    return this.#sink.isOwn === true;
  }

  onJson(body: Buffer): void {
    if (!this.#begins(body)) this.#sink.onJson(body);
  }
  onStream(): void {
    this.#sink.onStream();
  }
  onEvent(event: SseEvent): void {
    if (!this.#begins(bytesOf(event))) this.#sink.onEvent(event);
  }
  onRetry(ms: number): void {
    this.#sink.onRetry(ms);
  }
  onEnd(): void {
    if (this.#taskId === undefined) this.#sink.onEnd();
  }
  onFault(fault: GatewayError): void {
    if (this.#taskId === undefined) this.#sink.onFault(fault);
  }

  pause(): void {
    if (this.#taskId === undefined) this.call?.pause();
  }
  resume(): void {
    if (this.#taskId === undefined) this.call?.resume();
  }
  answered(): void {
    this.call?.answered();
  }

  /** If the call is aborted, its task is cancelled. The end of the stream of a round is not the end of its task. */
  abort(): void {
    if (this.#over) return;
    if (this.#isRoundOut) {
      this.#isRoundOut = false;
      return;
    }
    this.#close();
    if (this.#taskId !== undefined) this.#ask('tasks/cancel', JSON.stringify({ taskId: this.#taskId })).catch(() => {});
  }

  onDue(): void {
    if (this.#taskId === undefined) return;
    this.#ask('tasks/get', JSON.stringify({ taskId: this.#taskId })).then(
      (reply) => this.#guarded(() => this.#take(readServerMessage(reply))),
      (fault: unknown) => this.#miss(fault),
    );
  }

  #begins(body: Buffer): boolean {
    const message = readServerMessage(body);
    if (message.kind !== 'response' || message.id !== this.#id || !isTaskResult(message)) return false;
    this.#guarded(() => {
      const { taskId, pollIntervalMs } = readTask(message);
      this.#taskId = taskId;
      this.call?.answered();
      // The stream keeps the client's own timeout from expiring.
      this.#sink.onStream();
      this.#wait(pollIntervalMs);
    });
    return true;
  }

  #take(message: Message): void {
    if (message.root.member('result') === undefined)
      throw new GatewayError('upstream_refused', 'the task is not known any more');
    this.#missed = 0;
    const { status, pollIntervalMs } = readTask(message);
    switch (status) {
      case 'working':
        this.#wait(pollIntervalMs);
        return;
      case 'input_required': {
        const round = roundOfTask(message, this.#asked, this.#id, (keys) => this.#state(keys));
        if (round === undefined) this.#wait(pollIntervalMs);
        else {
          this.#isRoundOut = true;
          this.#sink.onEvent({ data: round, id: undefined, event: undefined });
        }
        return;
      }
      case 'completed':
      case 'failed': {
        const response = settledResponse(message, status, this.#id);
        this.#close();
        this.#sink.onEvent({ data: response.toString(), id: undefined, event: undefined, bytes: response });
        return;
      }
      case 'cancelled':
        throw new GatewayError('upstream_interrupted', 'the task was cancelled');
    }
  }

  #updated(message: Message): void {
    if (message.root.member('result') === undefined)
      throw new GatewayError('upstream_refused', 'the answers were not taken');
    this.#sink.onStream();
    this.#wait(minPollMs);
  }

  #state(keys: readonly string[]): string {
    const waited: Waited = { taskId: this.#taskId ?? '', asked: [...this.#asked, ...keys] };
    return mark + JSON.stringify(waited);
  }

  #wait(pollIntervalMs = taskPollMs): void {
    if (this.#over) return;
    if (this.#host.now() - this.#startedMs > callCeilingMs) {
      this.abort();
      this.#sink.onFault(new GatewayError('upstream_timeout', 'a task without end'));
      return;
    }
    this.#host.wheel.arm(this, Math.min(Math.max(pollIntervalMs, minPollMs), maxPollMs));
  }

  /** A request without an answer is repeated: `tasks/get` has no side effects. */
  #miss(fault: unknown): void {
    this.#missed += 1;
    if (this.#missed > maxMissedPolls) this.#end(fault);
    else this.#wait();
  }

  #guarded(step: () => void): void {
    if (this.#over) return;
    try {
      step();
    } catch (fault) {
      this.#end(fault);
    }
  }

  #end(fault: unknown): void {
    if (this.#over) return;
    this.abort();
    this.#sink.onFault(
      fault instanceof GatewayError ? fault : new GatewayError('upstream_malformed', String(fault), { cause: fault }),
    );
  }

  #close(): void {
    this.#over = true;
    this.#host.wheel.disarm(this);
    if (this.#taskId === undefined) this.call?.abort();
  }

  #ask(method: string, params: string): Promise<Buffer> {
    return this.#host.ask(this.#to, method, params, this.#to.session.upstream.config.timeoutMs);
  }
}
