/**
 * Questions of a server to its client in their two forms: requests on a stream (session era) and rounds, in which a result holds
 * the questions and the retry of the call the answers (2026-07-28 basic/patterns/mrtr). This file
 * never reads their content: `rewrite.ts` does, in whichever form goes out.
 */
import { GatewayError } from '../errors.ts';
import { readClientMessage, readServerMessage, type Message } from '../protocol/envelope.ts';
import { numberOf, rawOf, textOf, type Found } from '../protocol/scan.ts';
import { removeMembers, setMember, setMembers, splice, type Edit } from '../protocol/splice.ts';

export interface Question {
  /** Names it within the round. */
  readonly key: string;
  readonly method: string;
  /** JSON text of an object; undefined where it has none. */
  readonly params: string | undefined;
}

export interface Round {
  readonly questions: readonly Question[];
  /** To be sent back with the answers. */
  readonly state: string | undefined;
}

/** Characters that are kept of questions. */
export function sizeOf(questions: readonly Question[]): number {
  return questions.reduce((size, { method, params }) => size + method.length + (params?.length ?? 0), 0);
}

/** A round with more questions is refused. */
export const maxQuestions = 32;

const inputRequired = 'input_required';
const askedMethods = new Set(['elicitation/create', 'sampling/createMessage', 'roots/list']);
/** 2026-07-28 basic/patterns/mrtr: requests that may be answered with a question. */
const askingMethods = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** Whether a call of this method may be answered with questions. */
export function mayAsk(method: string): boolean {
  return askingMethods.has(method);
}

/** Whether a request of a server is a question. */
export function isQuestion(method: string): boolean {
  return askedMethods.has(method);
}

/** Whether a response is no answer yet but a round of questions. */
export function isRound({ bytes, root }: Message): boolean {
  const type = root.member('result')?.member('resultType');
  return type?.kind === 'string' && textOf(bytes, type) === inputRequired;
}

/** Throws `upstream_malformed` for a round that asks nothing, too much, or what the revision does not have. */
export function readRound({ bytes, root }: Message): Round {
  const result = root.member('result');
  const asked = result?.member('inputRequests');
  const state = result?.member('requestState');
  const questions = (asked?.members ?? []).map(({ name, value }): Question => {
    const method = value.member('method');
    const params = value.member('params');
    const text = method?.kind === 'string' ? textOf(bytes, method) : '';
    if (!askedMethods.has(text)) throw malformed('a question of an unknown kind');
    if (params !== undefined && params.kind !== 'object') throw malformed('a question whose params are no object');
    return { key: name, method: text, params: params === undefined ? undefined : rawOf(bytes, params) };
  });
  if (questions.length > maxQuestions) throw malformed(`a round of ${questions.length} questions`);
  if (state !== undefined && state.kind !== 'string') throw malformed('requestState is no string');
  if (questions.length === 0 && state === undefined) throw malformed('a round that asks nothing');
  return { questions, state: state === undefined ? undefined : textOf(bytes, state) };
}

/**
 * A question of a round as the request of a server, under an id that nobody sees. Url mode needs an `elicitationId` in the
 * session era, which this one does not have.
 */
export function questionMessage({ method, params }: Question, elicitationId: string): Message {
  const text = params === undefined ? '' : `,"params":${params}`;
  const message = readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":0,"method":"${method}"${text}}`));
  if (message.params === undefined || !isUrlMode(message)) return message;
  return readServerMessage(
    splice(message.bytes, [setMember(message.bytes, message.params, 'elicitationId', JSON.stringify(elicitationId))]),
  );
}

function isUrlMode({ bytes, params }: Message): boolean {
  const mode = params?.member('mode');
  return mode?.kind === 'string' && textOf(bytes, mode) === 'url';
}

/** What holds for the request of a server alone, and has no place in a round. */
const requestMembers: readonly string[] = ['elicitationId', 'task', '_meta'];

/** The request of a server as a question of a round. `roots/list` has no params there. */
export function questionOf({ bytes, method, params }: Message, key: string): Question {
  if (params === undefined || method === 'roots/list') return { key, method, params: undefined };
  const part = bytes.subarray(params.start, params.end);
  const edits = removeMembers(bytes, params, requestMembers).map(({ start, end, text }): Edit => ({
    start: start - params.start,
    end: end - params.start,
    text,
  }));
  return { key, method, params: splice(part, edits).toString() };
}

/** The response that asks: what a server of 2026-07-28 would have answered. `id` is raw JSON. */
export function roundMessage(id: string, questions: readonly Question[], state: string | undefined): Message {
  const asked = questions.map(({ key, method, params }) => {
    const text = params === undefined ? '' : `,"params":${params}`;
    return `${JSON.stringify(key)}:{"method":"${method}"${text}}`;
  });
  const told = state === undefined ? '' : `,"requestState":${JSON.stringify(state)}`;
  return readServerMessage(
    Buffer.from(
      `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"${inputRequired}","inputRequests":{${asked.join()}}${told}}}`,
    ),
  );
}

/** 2025-11-25 client/elicitation §URL Elicitation Required Error. */
const urlsRequired = -32042;

/** What the error by which a server of 2025-11-25 asks to visit URLs holds; nothing for every other response. */
function demandedIn({ bytes, root }: Message): readonly Found[] {
  const error = root.member('error');
  const code = error?.member('code');
  if (code?.kind !== 'number' || numberOf(bytes, code) !== urlsRequired) return [];
  return error?.member('data')?.member('elicitations')?.items ?? [];
}

/** This error as a round; undefined for every other response. */
export function roundOfUrls(answer: Message): Message | undefined {
  const { bytes, id } = answer;
  const questions = demandedIn(answer).flatMap((each, index): Question[] => {
    const url = each.member('url');
    const message = each.member('message');
    if (url === undefined || message === undefined) return [];
    const params = `{"mode":"url","message":${rawOf(bytes, message)},"url":${rawOf(bytes, url)}}`;
    return [{ key: `q${index + 1}`, method: 'elicitation/create', params }];
  });
  if (id === undefined || questions.length === 0 || questions.length > maxQuestions) return undefined;
  return roundMessage(id, questions, undefined);
}

/** The same for clients of revisions without URL elicitation: a text in the result of the tool. */
export function urlsAsText(answer: Message): Message | undefined {
  const { bytes, id } = answer;
  const lines = demandedIn(answer).flatMap((each) => {
    const url = each.member('url');
    const message = each.member('message');
    if (url?.kind !== 'string' || message?.kind !== 'string') return [];
    return [`${textOf(bytes, message)} ${textOf(bytes, url)}`];
  });
  if (id === undefined || lines.length === 0) return undefined;
  const result = JSON.stringify({ content: [{ type: 'text', text: lines.join('\n') }], isError: true });
  return readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${result}}`));
}

/** The call once more, under a new id, with the answers of one round (JSON text by key) and the state that came with it. */
export function retryOf(
  call: Buffer,
  id: string,
  answers: ReadonlyMap<string, string>,
  state: string | undefined,
): Buffer {
  const { bytes, root, params } = readClientMessage(call);
  const given = [...answers].map(([key, json]) => `${JSON.stringify(key)}:${json}`);
  const members: [string, string][] = [];
  if (answers.size > 0) members.push(['inputResponses', `{${given.join()}}`]);
  if (state !== undefined) members.push(['requestState', JSON.stringify(state)]);
  if (params === undefined) throw new GatewayError('internal', 'a call that asks has no params');
  const gone = ['inputResponses', 'requestState'].filter((name) => !members.some(([member]) => member === name));
  const renamed = root.member('id')!;
  const edits = [
    { start: renamed.start, end: renamed.end, text: id },
    ...setMembers(bytes, params, members),
    ...removeMembers(bytes, params, gone),
  ];
  return splice(
    bytes,
    edits.sort((one, other) => one.start - other.start),
  );
}

/** The answers of a client's retry, as JSON text by key. Throws `params_invalid` when they are no object. */
export function answersOf({ bytes, params }: Message): ReadonlyMap<string, string> {
  const found = params?.member('inputResponses');
  if (found === undefined) return new Map();
  if (found.kind !== 'object') throw new GatewayError('params_invalid', 'inputResponses is no object');
  return new Map(
    found.members.map(({ name, value }) => {
      if (value.kind !== 'object') throw new GatewayError('params_invalid', 'an answer is no object');
      return [name, rawOf(bytes, value)] as const;
    }),
  );
}

/** Takes out of a retry what only servers of 2026-07-28 know; `keepsState`: all but the state. */
export function withoutAnswers(call: Buffer, keepsState = false): Buffer {
  const { bytes, params } = readClientMessage(call);
  if (params === undefined) return call;
  return splice(bytes, removeMembers(bytes, params, ['inputResponses', ...(keepsState ? [] : ['requestState'])]));
}

function malformed(detail: string): GatewayError {
  return new GatewayError('upstream_malformed', detail);
}
