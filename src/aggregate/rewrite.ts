/**
 * The gateway's changes to a message, as edits on its bytes: ids, names, URIs and the few members that the client's revision does
 * not know. Everything else is passed on byte for byte (docs/adr/0003-byte-splicing-relay.md).
 */
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { readClientMessage, type Message } from '../protocol/envelope.ts';
import { hasResourceLinks, hasTitledEnums, newestLegacy } from '../protocol/revisions.ts';
import { textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import { setMember, setMembers, splice } from '../protocol/splice.ts';
import type { Edit } from '../protocol/splice.ts';
import { editAppMeta, editContent, editMessages, editUri } from './content.ts';
import type { Rendering } from './content.ts';
import { editElicitation } from './elicitation.ts';
import { editError, editForLegacy, editForModern } from './modern-result.ts';
import { editTitledEnums } from './titled-enums.ts';
import type { ModernAnswer } from './modern-result.ts';
import { argumentEdits, type ArgumentOverrides } from './overrides.ts';

/**
 * An upstream's response for a client of this revision, which has sessions. `id` is raw JSON text and replaces the id, for
 * shared upstream sessions; `asked` is the URI of the resource that the client asked for, as it wrote it. Throws
 * `upstream_malformed` for a URL elicitation that leads elsewhere than to the web.
 */
export function outwardResult(
  message: Message,
  upstream: UpstreamConfig,
  clientRevision: string,
  id?: string,
  asked?: string,
): Buffer {
  const edits: Edit[] = [];
  editId(message, id, edits);
  editResponse(message, { upstream, linksAsText: !hasResourceLinks(clientRevision), asked }, edits);
  const result = message.root.member('result');
  if (result?.kind === 'object') editForLegacy(message.bytes, result, edits);
  return spliceSorted(message.bytes, edits);
}

/** The same for a client of revision 2026-07-28. Throws what `outwardResult` and `editForModern` throw. */
export function outwardModernResult(
  message: Message,
  upstream: UpstreamConfig,
  answer: ModernAnswer,
  id?: string,
): Buffer {
  const edits: Edit[] = [];
  editId(message, id, edits);
  editResponse(message, { upstream, linksAsText: false, asked: answer.uri }, edits);
  editQuestions(message, upstream, answer, edits);
  if (answer.method === 'tasks/get') editTask(message.bytes, message.root.member('result'), upstream, edits);
  editForModern(message, answer, edits);
  return spliceSorted(message.bytes, edits);
}

/** A request with these members in `params._meta`, which replace members of the same names. */
export function withMeta(bytes: Buffer, entries: readonly (readonly [name: string, json: string])[]): Buffer {
  const { root, params } = readClientMessage(bytes);
  const meta = params?.member('_meta');
  if (meta?.kind === 'object') return splice(bytes, setMembers(bytes, meta, entries));
  const own = `{${entries.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join()}}`;
  if (params !== undefined) return splice(bytes, [setMember(bytes, params, '_meta', own)]);
  return splice(bytes, [setMember(bytes, root, 'params', `{"_meta":${own}}`)]);
}

/** The questions of an upstream: each names the upstream, and its state is sealed. */
function editQuestions({ bytes, root }: Message, upstream: UpstreamConfig, answer: ModernAnswer, edits: Edit[]): void {
  const result = root.member('result');
  const state = result?.member('requestState');
  if (state?.kind === 'string')
    edits.push({ start: state.start, end: state.end, text: JSON.stringify(answer.sealState(textOf(bytes, state))) });
  editInputRequests(bytes, result, upstream, edits);
}

function editInputRequests(bytes: Buffer, holder: Found | undefined, upstream: UpstreamConfig, edits: Edit[]): void {
  for (const { value } of holder?.member('inputRequests')?.members ?? []) {
    const method = value.member('method');
    const params = value.member('params');
    if (method?.kind !== 'string' || params === undefined) continue;
    if (textOf(bytes, method) === 'elicitation/create') editElicitation(bytes, params, upstream, edits);
    else editMessages(bytes, params.member('messages'), { upstream, linksAsText: false }, edits);
  }
}

/**
 * The content of an answer to `tasks/get` besides the state of the task: the result or error of its call, as it would have been
 * without a task.
 */
function editTask(bytes: Buffer, task: Found | undefined, upstream: UpstreamConfig, edits: Edit[]): void {
  const result = task?.member('result');
  if (result?.kind === 'object') {
    editContent(bytes, result.member('content'), { upstream, linksAsText: false }, edits);
    editAppMeta(bytes, result.member('_meta'), upstream, edits);
  }
  const error = task?.member('error');
  if (error?.kind !== 'object') return;
  editUri(bytes, error.member('data')?.member('uri'), upstream, edits);
  editError(bytes, error, {}, edits);
}

/** Edits the URIs of a response, and the questions inside an error. */
function editResponse({ bytes, root }: Message, rendering: Rendering, edits: Edit[]): void {
  const { upstream, asked } = rendering;
  const result = root.member('result');
  if (result?.kind === 'object') {
    editContent(bytes, result.member('content'), rendering, edits);
    editMessages(bytes, result.member('messages'), rendering, edits);
    editContents(bytes, result.member('contents'), rendering, edits);
    editAppMeta(bytes, result.member('_meta'), upstream, edits);
  }
  const data = root.member('error')?.member('data');
  if (data === undefined) return;
  editUri(bytes, data.member('uri'), upstream, edits, asked);
  const elicitations = data.member('elicitations');
  if (elicitations?.kind !== 'array') return;
  for (let each = elicitations.first; each !== undefined; each = each.next) {
    editElicitation(bytes, each, upstream, edits);
  }
}

/**
 * A notification of an upstream for a client: one names a URI, one holds a task. `watched` is the URI that the client has subscribed
 * to, as it wrote it. Throws as `outwardResult` does.
 */
export function outwardNotification(
  { bytes, method, params }: Message,
  upstream: UpstreamConfig,
  watched?: string,
): Buffer {
  const edits: Edit[] = [];
  if (method === 'notifications/resources/updated') editUri(bytes, params?.member('uri'), upstream, edits, watched);
  else if (method === 'notifications/tasks') {
    editInputRequests(bytes, params, upstream, edits);
    editTask(bytes, params, upstream, edits);
  }
  return spliceSorted(bytes, edits);
}

/**
 * A request of an upstream for a client: sampling, elicitation, roots, ping. The sealed texts are plain strings; a progress
 * token is replaced if the request has one. Throws `upstream_malformed` for a URL elicitation that leads elsewhere than to
 * the web.
 */
export function outwardRequest(
  message: Message,
  upstream: UpstreamConfig,
  sealedId: string,
  sealedProgressToken?: string,
  clientRevision: string = newestLegacy,
): Buffer {
  const { bytes, method, params } = message;
  const edits: Edit[] = [];
  editId(message, JSON.stringify(sealedId), edits);
  if (params !== undefined) {
    const token = params.member('_meta')?.member('progressToken');
    if (token !== undefined && sealedProgressToken !== undefined) {
      edits.push({ start: token.start, end: token.end, text: JSON.stringify(sealedProgressToken) });
    }
    if (method === 'sampling/createMessage') {
      editMessages(bytes, params.member('messages'), { upstream, linksAsText: false }, edits);
    }
    if (method === 'elicitation/create') {
      editElicitation(bytes, params, upstream, edits);
      const schema = params.member('requestedSchema');
      if (schema?.kind === 'object' && !hasTitledEnums(clientRevision)) editTitledEnums(bytes, schema, edits);
    }
  }
  return spliceSorted(bytes, edits);
}

/** The changes to a client's request for the upstream: its own names, and on shared sessions the gateway's tokens. */
export interface InwardTarget {
  readonly name?: string;
  readonly uri?: string;
  readonly refName?: string;
  readonly refUri?: string;
  readonly taskId?: string;
  readonly requestState?: string;
  /** Arguments of a tool that the operator has changed. */
  readonly changed?: ArgumentOverrides;
  /** Raw JSON text. */
  readonly id?: string;
  /** Raw JSON text; replaces the token of a request that has one. */
  readonly progressToken?: string;
}

/** A client's message for the upstream. Throws `params_invalid` if a name or URI is missing, and what `argumentEdits` throws. */
export function inwardCall(message: Message, target: InwardTarget): Buffer {
  const { bytes, params } = message;
  const edits: Edit[] = [];
  editId(message, target.id, edits);
  editString(bytes, params?.member('name'), target.name, edits);
  editString(bytes, params?.member('uri'), target.uri, edits);
  editString(bytes, params?.member('taskId'), target.taskId, edits);
  editString(bytes, params?.member('requestState'), target.requestState, edits);
  if (target.changed !== undefined) edits.push(...argumentEdits(bytes, params, target.changed));
  const ref = params?.member('ref');
  editString(bytes, ref?.member('name'), target.refName, edits);
  editString(bytes, ref?.member('uri'), target.refUri, edits);
  const token = params?.member('_meta')?.member('progressToken');
  if (token !== undefined && target.progressToken !== undefined) {
    edits.push({ start: token.start, end: token.end, text: target.progressToken });
  }
  return spliceSorted(bytes, edits);
}

/** The message with another id, which is raw JSON text. A message without an id is unchanged. */
export function withId(message: Message, id: string): Buffer {
  const edits: Edit[] = [];
  editId(message, id, edits);
  return splice(message.bytes, edits);
}

function editId({ root, id: present }: Message, id: string | undefined, edits: Edit[]): void {
  if (id === undefined || id === present) return;
  const found = root.member('id');
  if (found !== undefined) edits.push({ start: found.start, end: found.end, text: id });
}

function editString(bytes: Buffer, found: Found | undefined, text: string | undefined, edits: Edit[]): void {
  if (text === undefined) return;
  if (found?.kind !== 'string') throw new GatewayError('params_invalid', 'no string to replace');
  if (textOf(bytes, found) !== text) edits.push({ start: found.start, end: found.end, text: JSON.stringify(text) });
}

function editContents(bytes: Buffer, contents: Found | undefined, { upstream, asked }: Rendering, edits: Edit[]): void {
  if (contents?.kind !== 'array') return;
  for (let each = contents.first; each !== undefined; each = each.next) {
    editUri(bytes, each.member('uri'), upstream, edits, asked);
  }
}

/** Edits are found in the order of the rules, not of the bytes. */
function spliceSorted(bytes: Buffer, edits: Edit[]): Buffer {
  if (edits.length > 1) edits.sort((one, other) => one.start - other.start);
  return splice(bytes, edits);
}
