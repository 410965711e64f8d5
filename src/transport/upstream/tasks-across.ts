/**
 * Clients of 2026-07-28 and the tasks of an upstream of 2025-11-25 (basic/utilities/tasks; extension of 2026-07-28: SEP-2663). A
 * tool that can only be called as a task is called so. A client that declared the extension gets the task; any replica can query
 * it, because its id contains its address. Any other client gets the result, for which `tasks/result` waits; questions in between
 * are handled like those of any call.
 */
import { withId } from '../../aggregate/rewrite.ts';
import {
  asTask,
  flatTask,
  notAsTask,
  readLegacyTask,
  taskToolSteps,
  type TaskTools,
  withoutRelation,
} from '../../aggregate/task-forms.ts';
import { errorBody, GatewayError } from '../../errors.ts';
import { clientCapability, serverCapability } from '../../protocol/capabilities.ts';
import { readClientMessage, readServerMessage, type Message } from '../../protocol/envelope.ts';
import { hasTasks, isLegacyRevision, type LegacyRevision } from '../../protocol/revisions.ts';
import { textOf } from '../../protocol/scan.ts';
import { callCeilingMs, maxTaskToolPages } from '../http/limits.ts';
import { inTurns } from '../http/turns.ts';
import type { AnswerSink, Exchange } from './adapter.ts';
import { UpstreamSession, type Outbound } from './session.ts';

export interface TasksHost {
  send(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange;
  ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer>;
}

/** Whether an upstream's tools may be called as tasks. */
export function takesTasks({ revision, capabilities }: UpstreamSession): boolean {
  return hasTasks(revision) && (capabilities & serverCapability.tasksToolCall) !== 0;
}

/** Undefined for a request that is sent unchanged. `body` is a request of a client of 2026-07-28. */
export function acrossEras(
  host: TasksHost,
  to: Outbound,
  body: Buffer,
  sink: AnswerSink,
  idleMs: number,
): Exchange | undefined {
  if (!takesTasks(to.session)) return undefined;
  const message = readClientMessage(body);
  switch (message.method) {
    case 'tools/call':
      return new TaskCall(host, to, sink, (under) => callTool(under, message, idleMs));
    case 'tasks/get':
    case 'tasks/update':
    case 'tasks/cancel':
      return new TaskCall(host, to, sink, (under) => askAbout(under, message, idleMs));
    default:
      return undefined;
  }
}

/** Everything in progress for one request. */
class TaskCall implements Exchange {
  readonly host: TasksHost;
  readonly to: Outbound;
  readonly sink: AnswerSink;
  /** The task that the call waits for, by the upstream's own id. */
  taskId: string | undefined;
  gone = false;
  isCancelled = false;
  #inner: Exchange | undefined;
  #paused = false;

  constructor(host: TasksHost, to: Outbound, sink: AnswerSink, run: (under: TaskCall) => Promise<void>) {
    this.host = host;
    this.to = to;
    this.sink = sink;
    run(this).catch((fault: unknown) => {
      if (!this.gone) sink.onFault(asFault(fault));
    });
  }

  /** The result goes directly to the sink. */
  send(body: Buffer, idleMs: number): void {
    if (this.gone) return;
    this.#inner = this.host.send(this.to, body, this.sink, idleMs);
    if (this.#paused) this.#inner.pause();
  }

  answer(body: Buffer): void {
    if (!this.gone) this.sink.onJson(body);
  }

  pause(): void {
    this.#paused = true;
    this.#inner?.pause();
  }
  resume(): void {
    this.#paused = false;
    this.#inner?.resume();
  }
  answered(): void {
    this.taskId = undefined;
    this.#inner?.answered();
  }
  /** The client has left for good. */
  cancel(): void {
    if (this.gone) return;
    this.isCancelled = true;
    if (this.taskId !== undefined) cancel(this, this.taskId);
  }
  abort(): void {
    if (this.gone) return;
    this.gone = true;
    this.#inner?.abort();
  }
}

function cancel({ host, to }: TaskCall, taskId: string): void {
  host.ask(to, 'tasks/cancel', JSON.stringify({ taskId }), to.session.upstream.config.timeoutMs).catch(() => {});
}

async function callTool(under: TaskCall, message: Message, idleMs: number): Promise<void> {
  const { host, to } = under;
  const { session, said } = to;
  const name = message.params?.member('name');
  const required = session.upstream.taskTools ?? (await learn(host, to, idleMs));
  if (name?.kind !== 'string' || !required.has(textOf(message.bytes, name))) {
    under.send(notAsTask(message), idleMs);
    return;
  }
  const reply = readServerMessage(await host.ask(to, 'tools/call', asTask(message), idleMs));
  const created = reply.root.member('result')?.member('task');
  if (created === undefined) {
    under.answer(withId(reply, message.id!));
    return;
  }
  const task = readLegacyTask(reply.bytes, created);
  if (under.gone) {
    if (under.isCancelled) cancel(under, task.taskId);
    return;
  }
  if (((said?.capabilities ?? 0) & clientCapability.tasksExtension) !== 0) {
    under.answer(response(message, `"resultType":"task",${flatTask(task, addressOf(session, task.taskId))}`));
    return;
  }
  under.taskId = task.taskId;
  const params = JSON.stringify({ taskId: task.taskId });
  const waiting = `{"jsonrpc":"2.0","id":${message.id!},"method":"tasks/result","params":${params}}`;
  // A task may be silent for a long time.
  under.send(Buffer.from(waiting), callCeilingMs);
}

async function askAbout(under: TaskCall, message: Message, deadlineMs: number): Promise<void> {
  const found = message.params?.member('taskId');
  const address = found?.kind === 'string' ? readAddress(textOf(message.bytes, found)) : undefined;
  if (address === undefined) throw new GatewayError('task_unknown');
  const { session, caller } = under.to;
  const at = {
    session: new UpstreamSession(session.upstream, { ...address, capabilities: session.capabilities }, true),
    caller,
  };
  const params = JSON.stringify({ taskId: address.taskId });
  const ask = async (method: string): Promise<Message> =>
    readServerMessage(await under.host.ask(at, method, params, deadlineMs));
  try {
    under.answer(await aboutTask(message, ask, addressOf(at.session, address.taskId)));
  } catch (fault) {
    // Its session is lost, and the task with it.
    if (!(fault instanceof GatewayError) || fault.code !== 'upstream_session_lost') throw fault;
    under.answer(Buffer.from(errorBody(new GatewayError('task_unknown'), message.id)));
  }
}

/** The response for the client, under the id that it knows. */
async function aboutTask(
  message: Message,
  ask: (method: string) => Promise<Message>,
  outerId: string,
): Promise<Buffer> {
  // In the extension only an unknown task cannot be cancelled; here a finished one cannot either.
  const cancelled = message.method === 'tasks/cancel' ? await ask('tasks/cancel') : undefined;
  if (cancelled?.root.member('result') !== undefined) return response(message, '"resultType":"complete"');
  let got = await ask('tasks/get');
  if (got.root.member('result') === undefined) return withId(got, message.id!);
  if (message.method !== 'tasks/get') return response(message, '"resultType":"complete"');
  let task = readLegacyTask(got.bytes, got.root.member('result'));
  // It asks on a stream that nobody reads. It is cancelled instead of waiting for ever, and the client is told so.
  if (task.status === 'input_required') {
    got = await ask('tasks/cancel');
    if (got.root.member('result') === undefined) return withId(got, message.id!);
    task = readLegacyTask(got.bytes, got.root.member('result'));
  }
  if (task.status !== 'completed' && task.status !== 'failed')
    return response(message, complete(flatTask(task, outerId)));
  const { bytes, root } = await ask('tasks/result');
  const result = root.member('result');
  const error = root.member('error');
  // In the extension, the failure that a tool reports itself is a result (SEP-2663).
  const settled =
    result === undefined
      ? `${flatTask(task, outerId, 'failed')},"error":${bytes.toString('utf8', error?.start, error?.end)}`
      : `${flatTask(task, outerId, 'completed')},"result":${withoutRelation(bytes, result)}`;
  return response(message, complete(settled));
}

/** Learns which tools can only be called as tasks, if no list has been read yet. */
async function learn(host: TasksHost, to: Outbound, deadlineMs: number): Promise<ReadonlySet<string>> {
  const required = new Set<string>();
  let cursor: string | undefined;
  for (let pages = 0; pages < maxTaskToolPages; pages++) {
    const params = cursor === undefined ? '{}' : JSON.stringify({ cursor });
    const { names, nextCursor } = await readTools(await host.ask(to, 'tools/list', params, deadlineMs));
    for (const name of names) required.add(name);
    cursor = nextCursor;
    if (cursor === undefined) break;
  }
  to.session.upstream.taskTools = required;
  return required;
}

async function readTools(reply: Buffer): Promise<TaskTools> {
  try {
    return await inTurns(taskToolSteps(reply));
  } catch (cause) {
    throw new GatewayError('upstream_malformed', 'no list of tools', { cause });
  }
}

/** The address of a task for any replica: the upstream's session and its own id. It is sealed before it is sent. */
function addressOf({ sessionId, revision }: UpstreamSession, taskId: string): string {
  return JSON.stringify([sessionId ?? null, revision, taskId]);
}

interface TaskAddress {
  readonly sessionId: string | undefined;
  readonly revision: LegacyRevision;
  readonly taskId: string;
}

/** Undefined for the id of a task that the upstream created in another era. */
function readAddress(text: string): TaskAddress | undefined {
  if (!text.startsWith('[')) return undefined;
  // Sealed by a replica of this gateway, or given by an upstream: an upstream with such ids only finds its own tasks.
  const [sessionId, revision, taskId] = JSON.parse(text) as unknown[];
  if (typeof taskId !== 'string' || typeof revision !== 'string' || !isLegacyRevision(revision)) return undefined;
  return { sessionId: typeof sessionId === 'string' ? sessionId : undefined, revision, taskId };
}

function complete(members: string): string {
  return `"resultType":"complete",${members}`;
}

function response({ id }: Message, members: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${id!},"result":{${members}}}`);
}

function asFault(fault: unknown): GatewayError {
  return fault instanceof GatewayError
    ? fault
    : new GatewayError('upstream_malformed', String(fault), { cause: fault });
}
