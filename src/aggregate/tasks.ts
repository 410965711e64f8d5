/**
 * Seals and opens task ids, wherever a message of either era contains one (2025-11-25 basic/utilities/tasks; the extension
 * io.modelcontextprotocol/tasks). An upstream's id is sealed on its way to the client and opened on its way back. A task that a
 * client has started keeps the client's own id.
 */
import { readClientMessage, readServerMessage } from '../protocol/envelope.ts';
import type { Message } from '../protocol/envelope.ts';
import { textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import { splice } from '../protocol/splice.ts';
import type { Edit } from '../protocol/splice.ts';
import { relatedTask } from '../protocol/tasks.ts';

/**
 * A message of an upstream with every task id in its sealed form; the same message if it has none. `method` is that of the
 * request that a response answers, undefined if it is unknown.
 */
export function tasksOutward(message: Message, method: string | undefined, seal: (id: string) => string): Message {
  const { bytes, root, params } = message;
  const edits: Edit[] = [];
  const result = root.member('result');
  if (message.kind === 'response') {
    if (method === undefined || method === 'tools/call') editTaskId(bytes, result?.member('task'), seal, edits);
    if (result !== undefined && isTask(bytes, result, method)) editTaskId(bytes, result, seal, edits);
  } else if (message.kind === 'notification' && namingMethods.has(message.method)) {
    editTaskId(bytes, params, seal, edits);
  }
  editTaskId(bytes, (result ?? params)?.member('_meta')?.member(relatedTask), seal, edits);
  return edits.length === 0 ? message : readServerMessage(spliceSorted(bytes, edits));
}

/**
 * A message of a client, with the related tasks by their upstream's ids. `open` returns undefined for a text that is not an id of
 * that upstream; it stays unchanged, because the client may have started the task itself. The router handles the task that a
 * request is about.
 */
export function tasksInward(message: Message, open: (id: string) => string | undefined): Message {
  const edits: Edit[] = [];
  const content = message.params ?? message.root.member('result');
  editTaskId(message.bytes, content?.member('_meta')?.member(relatedTask), open, edits);
  return edits.length === 0 ? message : readClientMessage(spliceSorted(message.bytes, edits));
}

const namingMethods: ReadonlySet<string> = new Set(['notifications/tasks/status', 'notifications/tasks']);
const answeredByTask: ReadonlySet<string> = new Set(['tasks/get', 'tasks/cancel']);

/** Whether a result is a task itself. Other results can have a `taskId` of their own. */
function isTask(bytes: Buffer, result: Found, method: string | undefined): boolean {
  const type = result.member('resultType');
  if (type?.kind === 'string' && textOf(bytes, type) === 'task') return true;
  if (method !== undefined) return answeredByTask.has(method);
  return result.member('status')?.kind === 'string' && result.member('createdAt')?.kind === 'string';
}

function editTaskId(
  bytes: Buffer,
  holder: Found | undefined,
  change: (id: string) => string | undefined,
  edits: Edit[],
): void {
  const found = holder?.member('taskId');
  if (found?.kind !== 'string') return;
  const text = change(textOf(bytes, found));
  if (text !== undefined) edits.push({ start: found.start, end: found.end, text: JSON.stringify(text) });
}

function spliceSorted(bytes: Buffer, edits: Edit[]): Buffer {
  return splice(
    bytes,
    edits.sort((one, other) => one.start - other.start),
  );
}
