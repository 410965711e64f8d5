/**
 * Translates responses between the eras: the members that revision 2026-07-28 has in every result are added for its clients and
 * removed for older ones, and an error has only codes that the client's revision allows (2026-07-28 basic/index §ResultType,
 * server/utilities/caching; docs/adr/0006-both-eras.md).
 */
import { GatewayError } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import { metaKey } from '../protocol/modern.ts';
import { numberOf, rawOf, textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import { insertion, removeMembers, setMember, setMembers } from '../protocol/splice.ts';
import type { Edit } from '../protocol/splice.ts';
import { relatedTask } from '../protocol/tasks.ts';
import type { CacheHints } from './hints.ts';
import { mayAsk } from './rounds.ts';

/** The data for an answer to a modern client. */
export interface ModernAnswer {
  /** The method of the request. */
  readonly method: string;
  /** Who answers: an `Implementation` as JSON text. */
  readonly serverInfo: string;
  /** The URI that the client requested, if any: an error about a resource must name it. */
  readonly uri?: string | undefined;
  /** Seals the state that an upstream needs back. */
  readonly sealState: (state: string) => string;
}

/** 2026-07-28 server/utilities/caching: methods whose results have cache hints. */
const cacheableMethods = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
/**
 * Extension io.modelcontextprotocol/tasks: the only request that may be answered with a task. Whether the client allowed that is
 * checked elsewhere.
 */
const taskStart = 'tools/call';
const modernMembers: readonly string[] = ['resultType', 'ttlMs', 'cacheScope'];
const modernMetaKeys: readonly string[] = [metaKey.serverInfo, metaKey.subscriptionId];

/** The code of earlier revisions for a missing resource. */
const resourceNotFound = -32002;
const invalidParams = -32602;
const internalError = -32603;
/**
 * JSON-RPC's range of server errors. All its codes belong to older revisions or to the specification (2026-07-28 basic/index).
 */
const serverErrors = { from: -32099, to: -32000 };

/**
 * Adds the edits that convert an upstream's response to revision 2026-07-28. A result without `resultType` is complete; missing
 * or invalid cache hints become "do not cache"; the server is the gateway. Codes −32099 … −32000 become −32603 with the original
 * in `data`, except codes that a client may get. Throws `upstream_malformed` for a result type that the method does not have.
 */
export function editForModern({ bytes, root }: Message, answer: ModernAnswer, edits: Edit[]): void {
  const result = root.member('result');
  if (result?.kind === 'object') editResult(bytes, result, answer, edits);
  else if (result !== undefined) throw malformed('a result that is no object');
  const error = root.member('error');
  if (error !== undefined) editError(bytes, error, answer, edits);
}

/**
 * Adds the edits that remove from a result what only modern clients know: its members, the `_meta` keys that apply to one hop,
 * and structured content that is not an object. A `_meta` without other keys is removed as a whole.
 */
export function editForLegacy(bytes: Buffer, result: Found, edits: Edit[]): void {
  const structured = result.member('structuredContent');
  const hasOddContent = structured !== undefined && structured.kind !== 'object';
  const meta = result.member('_meta');
  const hasModernMeta = meta !== undefined && hasAny(meta, modernMetaKeys);
  if (!hasOddContent && !hasModernMeta && !hasAny(result, modernMembers)) return;
  const members = hasOddContent ? [...modernMembers, 'structuredContent'] : [...modernMembers];
  if (hasModernMeta) {
    const isWhole = meta.members.every(({ name }) => modernMetaKeys.includes(name));
    if (isWhole) members.push('_meta');
    else edits.push(...removeMembers(bytes, meta, modernMetaKeys));
  }
  edits.push(...removeMembers(bytes, result, members));
}

function hasAny(object: Found, names: readonly string[]): boolean {
  for (const name of names) if (object.member(name) !== undefined) return true;
  return false;
}

/** A result that the gateway made, for a modern client. It has none of the added members yet. */
export function modernResult(result: Buffer | string, serverInfo: string, hints?: CacheHints): Buffer {
  const text = typeof result === 'string' ? Buffer.from(result) : result;
  const cache = hints === undefined ? '' : `"ttlMs":${hints.ttlMs},"cacheScope":"${hints.cacheScope}",`;
  const head = `{"resultType":"complete",${cache}"_meta":${metaJson(serverInfo)}`;
  return Buffer.concat([Buffer.from(text.length > '{}'.length ? `${head},` : head), text.subarray(1)]);
}

/** Called for each answer to a modern client: all added members are one text and one edit. */
function editResult(bytes: Buffer, result: Found, { method, serverInfo }: ModernAnswer, edits: Edit[]): void {
  const type = result.member('resultType');
  const isComplete = type === undefined || isText(bytes, type, 'complete');
  const isOther =
    type !== undefined &&
    ((isText(bytes, type, 'input_required') && mayAsk(method)) ||
      (isText(bytes, type, 'task') && method === taskStart));
  if (!isComplete && !isOther) {
    throw malformed(`a result of type ${rawOf(bytes, type).slice(0, maxShownChars)}`);
  }
  let added = type === undefined ? '"resultType":"complete",' : '';
  if (isComplete && cacheableMethods.has(method)) {
    const ttl = result.member('ttlMs');
    if (ttl === undefined) added += '"ttlMs":0,';
    else if (!isTtl(bytes, ttl)) edits.push({ start: ttl.start, end: ttl.end, text: '0' });
    const scope = result.member('cacheScope');
    if (scope === undefined) added += '"cacheScope":"private",';
    else if (!isScope(bytes, scope)) edits.push({ start: scope.start, end: scope.end, text: '"private"' });
  }
  const meta = result.member('_meta');
  if (meta === undefined) added += `"_meta":${metaJson(serverInfo)},`;
  else if (meta.kind === 'object' && meta.member(relatedTask) === undefined)
    edits.push(setMember(bytes, meta, metaKey.serverInfo, serverInfo));
  // The task relation of an answer of 2025-11-25, which the client does not know.
  else if (meta.members.some(({ name }) => name !== relatedTask && name !== metaKey.serverInfo))
    edits.push(
      ...removeMembers(bytes, meta, [relatedTask, metaKey.serverInfo]),
      insertion(bytes, meta, `"${metaKey.serverInfo}":${serverInfo}`),
    );
  else edits.push({ start: meta.start, end: meta.end, text: metaJson(serverInfo) });
  if (added !== '') edits.push(insertion(bytes, result, added.slice(0, -1)));
}

/** Maximum length of a peer's text in a log detail. */
const maxShownChars = 64;

/** Adds the edits for an error, or for the error of a task inside a result. */
export function editError(bytes: Buffer, error: Found, { uri }: Pick<ModernAnswer, 'uri'>, edits: Edit[]): void {
  const found = error.member('code');
  if (found?.kind !== 'number') return;
  const code = numberOf(bytes, found);
  const data = error.member('data');
  if (code === resourceNotFound) {
    const members: (readonly [string, string])[] = [['code', String(invalidParams)]];
    if (data === undefined && uri !== undefined) members.push(['data', JSON.stringify({ uri })]);
    edits.push(...setMembers(bytes, error, members));
  } else if (code >= serverErrors.from && code <= serverErrors.to) {
    const original = `{"code":${rawOf(bytes, found)}`;
    if (data === undefined) {
      edits.push(
        ...setMembers(bytes, error, [
          ['code', String(internalError)],
          ['data', `${original}}`],
        ]),
      );
      return;
    }
    edits.push({ start: found.start, end: found.end, text: String(internalError) });
    edits.push({ start: data.start, end: data.start, text: `${original},"data":` });
    edits.push({ start: data.end, end: data.end, text: '}' });
  }
}

function metaJson(serverInfo: string): string {
  return `{"${metaKey.serverInfo}":${serverInfo}}`;
}

function isText(bytes: Buffer, found: Found, text: string): boolean {
  return found.kind === 'string' && textOf(bytes, found) === text;
}

function isTtl(bytes: Buffer, found: Found): boolean {
  if (found.kind !== 'number') return false;
  const ttlMs = numberOf(bytes, found);
  return Number.isSafeInteger(ttlMs) && ttlMs >= 0;
}

function isScope(bytes: Buffer, found: Found): boolean {
  return isText(bytes, found, 'public') || isText(bytes, found, 'private');
}

function malformed(detail: string): GatewayError {
  return new GatewayError('upstream_malformed', detail);
}
