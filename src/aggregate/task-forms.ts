/**
 * Translates tasks between the eras (docs/adr/0006-both-eras.md): a task of 2025-11-25 basic/utilities/tasks into the form of the
 * extension io.modelcontextprotocol/tasks, the reverse, and the answer that the call would have had without a task.
 */
import { GatewayError } from '../errors.ts';
import { noteCheckedPart } from '../protocol/checked.ts';
import { itemsInSteps, readListPlaces, type Message } from '../protocol/envelope.ts';
import { numberOf, rawOf, textOf, type Found } from '../protocol/scan.ts';
import { removeMembers, setMember, splice } from '../protocol/splice.ts';
import { relatedTask } from '../protocol/tasks.ts';
import { maxItemsPerList } from './page.ts';
import { inOneGo } from './steps.ts';

const statuses = ['working', 'input_required', 'completed', 'failed', 'cancelled'] as const;
export type TaskStatus = (typeof statuses)[number];

export interface TaskState {
  readonly taskId: string;
  readonly status: TaskStatus;
  /** In ms; undefined if the value is missing or invalid. */
  readonly pollIntervalMs: number | undefined;
}

/** A task of 2025-11-25, read completely, because the gateway writes it in another form. */
export interface LegacyTask extends TaskState {
  readonly statusMessage: string | undefined;
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  readonly ttlMs: number | null;
}

/** Maximum size of a task as JSON text, in bytes. A task contains the status of a call, not its result. */
const maxTaskBytes = 64 * 1024;

/** `found` is the task. Throws `upstream_malformed` when it is invalid or too large. */
export function readLegacyTask(bytes: Buffer, found: Found | undefined): LegacyTask {
  if (found?.kind !== 'object') throw malformed('no task');
  if (found.end - found.start > maxTaskBytes) throw malformed(`a task of ${found.end - found.start} bytes`);
  const task = JSON.parse(rawOf(bytes, found)) as Readonly<Record<string, unknown>>;
  const { taskId, status, statusMessage, createdAt, lastUpdatedAt, ttl, pollInterval } = task;
  if (typeof taskId !== 'string' || typeof createdAt !== 'string' || !isStatus(status)) throw malformed('no task');
  return {
    taskId,
    status,
    statusMessage: typeof statusMessage === 'string' ? statusMessage : undefined,
    createdAt,
    lastUpdatedAt: typeof lastUpdatedAt === 'string' ? lastUpdatedAt : createdAt,
    ttlMs: isDuration(ttl) ? ttl : null,
    pollIntervalMs: isDuration(pollInterval) ? pollInterval : undefined,
  };
}

/** The members of the same task in the extension, as JSON text without braces, with the id for the client. */
export function flatTask(task: LegacyTask, taskId: string, status: TaskStatus = task.status): string {
  const { statusMessage, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs } = task;
  return JSON.stringify({ taskId, status, statusMessage, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs }).slice(
    1,
    -1,
  );
}

/** The status of a task of the extension, from the answer to a call or to `tasks/get`. Throws `upstream_malformed`. */
export function readTask({ bytes, root }: Message): TaskState {
  const result = root.member('result');
  const taskId = result?.member('taskId');
  const status = result?.member('status');
  const interval = result?.member('pollIntervalMs');
  const said = status?.kind === 'string' ? textOf(bytes, status) : '';
  const pollIntervalMs = interval?.kind === 'number' ? numberOf(bytes, interval) : undefined;
  if (taskId?.kind !== 'string' || !isStatus(said)) throw malformed('no task');
  return {
    taskId: textOf(bytes, taskId),
    status: said,
    pollIntervalMs: isDuration(pollIntervalMs) ? pollIntervalMs : undefined,
  };
}

/** Whether a response is a task instead of an answer (2026-07-28). */
export function isTaskResult({ bytes, root }: Message): boolean {
  const type = root.member('result')?.member('resultType');
  return type?.kind === 'string' && textOf(bytes, type) === 'task';
}

/**
 * The response to the call of a finished task: the result or the error inside it. `id` is raw JSON. Throws `upstream_malformed`.
 */
export function settledResponse({ bytes, root }: Message, status: 'completed' | 'failed', id: string): Buffer {
  const member = status === 'completed' ? 'result' : 'error';
  const found = root.member('result')?.member(member);
  if (found?.kind !== 'object') throw malformed(`${status} without ${member}`);
  const part = bytes.subarray(found.start, found.end);
  noteCheckedPart(part, bytes, found.start);
  return splice(part, [
    { start: 0, end: 0, text: `{"jsonrpc":"2.0","id":${id},"${member}":` },
    { start: part.length, end: part.length, text: '}' },
  ]);
}

/**
 * The questions of a task as those of a call (2026-07-28 basic/patterns/mrtr), without those that were `answered`; undefined if
 * none is left. `state` is returned with the answers.
 */
export function roundOfTask(
  { bytes, root }: Message,
  answered: readonly string[],
  id: string,
  state: (keys: readonly string[]) => string,
): string | undefined {
  const open = (root.member('result')?.member('inputRequests')?.members ?? []).filter(
    ({ name }) => !answered.includes(name),
  );
  if (open.length === 0) return undefined;
  const requests = open.map(({ name, value }) => `${JSON.stringify(name)}:${rawOf(bytes, value)}`);
  const told = JSON.stringify(state(open.map(({ name }) => name)));
  return `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"input_required","inputRequests":{${requests.join()}},"requestState":${told}}}`;
}

/** A result of 2025-11-25 without its related task, which the extension does not have. JSON text. */
export function withoutRelation(bytes: Buffer, result: Found): string {
  const meta = result.member('_meta');
  if (meta?.kind !== 'object' || meta.member(relatedTask) === undefined) return rawOf(bytes, result);
  const edits =
    meta.members.length === 1 ? removeMembers(bytes, result, ['_meta']) : removeMembers(bytes, meta, [relatedTask]);
  const part = bytes.subarray(result.start, result.end);
  return splice(
    part,
    edits.map(({ start, end, text }) => ({ start: start - result.start, end: end - result.start, text })),
  ).toString();
}

/** The params of a call, as JSON text, for a tool that can only be called as a task. */
export function asTask({ bytes, params }: Message): string {
  if (params === undefined) throw new GatewayError('params_invalid', 'a call without params');
  const whole = splice(bytes, [setMember(bytes, params, 'task', '{}')]);
  return whole.toString('utf8', params.start, params.end + whole.length - bytes.length);
}

/** A call of revision 2026-07-28 has no `task`: servers ignore it (the extension io.modelcontextprotocol/tasks). */
export function notAsTask({ bytes, params }: Message): Buffer {
  return params === undefined ? bytes : splice(bytes, removeMembers(bytes, params, ['task']));
}

export interface TaskTools {
  readonly names: ReadonlySet<string>;
  readonly nextCursor: string | undefined;
}

/** Which tools of a page are called as tasks alone, by the upstream's own names. Throws as `readListPlaces` does. */
export function taskTools(reply: Buffer): TaskTools {
  return inOneGo(taskToolSteps(reply));
}

/** The same in steps, none of which takes long. */
export function* taskToolSteps(reply: Buffer): Generator<undefined, TaskTools> {
  const { places, nextCursor } = readListPlaces(reply, 'tools', maxItemsPerList);
  const names = new Set<string>();
  for (const item of itemsInSteps(reply, places)) {
    if (item === undefined) {
      yield;
      continue;
    }
    const { bytes, found } = item;
    const name = found?.member('name');
    const support = found?.member('execution')?.member('taskSupport');
    if (name?.kind === 'string' && support?.kind === 'string' && textOf(bytes, support) === 'required')
      names.add(textOf(bytes, name));
  }
  return { names, nextCursor };
}

function isStatus(value: unknown): value is TaskStatus {
  return statuses.some((status) => status === value);
}

function isDuration(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function malformed(detail: string): GatewayError {
  return new GatewayError('upstream_malformed', detail);
}
