/**
 * One JSON-RPC 2.0 message as bytes, with the members that the gateway reads (JSON-RPC 2.0 §4, §5; 2025-11-25 basic/index §Messages).
 * The form of the message is checked here. Whether its method is known and its params make sense is not.
 */
import { GatewayError } from '../errors.ts';
import { compileNames, findName } from './name-table.ts';
import { rawOf, scan, textOf } from './scan.ts';
import { removeMembers, splice } from './splice.ts';
import type { CompiledShape, Found } from './scan.ts';

export interface Message {
  readonly bytes: Buffer;
  readonly root: Found;
  readonly kind: 'request' | 'notification' | 'response';
  /** Raw JSON text, so that 1 is not "1" and 12345678901234567890 is exact; undefined in a notification, or for null. */
  readonly id: string | undefined;
  /** Empty in a response. */
  readonly method: string;
  /** Always an object. */
  readonly params: Found | undefined;
}

/* Found without creating a string. Any other method works too, but more slowly. */
const commonMethods = compileNames([
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
  'sampling/createMessage',
  'elicitation/create',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/message',
]);

/**
 * The shape must name jsonrpc, id, method, params, result and error. Throws what `scan` throws, and `message_invalid` for
 * anything but a request, notification or response.
 */
export function readMessage(bytes: Buffer, shape: CompiledShape): Message {
  const root = scan(bytes, shape);
  // Some clients write absent params as null. That is invalid, so it is not forwarded.
  if (root.kind === 'object' && root.member('params')?.kind === 'null')
    return readMessage(splice(bytes, removeMembers(bytes, root, ['params'])), shape);
  if (root.kind !== 'object') throw invalid('not an object');
  const version = root.member('jsonrpc');
  if (version === undefined || !isTwo(bytes, version)) throw invalid('jsonrpc is not "2.0"');
  const id = root.member('id');
  if (id !== undefined && id.kind !== 'string' && id.kind !== 'number' && id.kind !== 'null') {
    throw invalid('id is neither a string nor a number');
  }
  const method = root.member('method');
  return method === undefined ? responseOf(bytes, root, id) : callOf(bytes, root, id, method);
}

function callOf(bytes: Buffer, root: Found, id: Found | undefined, method: Found): Message {
  if (root.member('result') !== undefined || root.member('error') !== undefined)
    throw invalid('both call and response');
  if (method.kind !== 'string') throw invalid('method is not a string');
  if (id?.kind === 'null') throw invalid('id of a request is null');
  const name = findName(bytes, method.start, method.end, commonMethods)?.text ?? textOf(bytes, method);
  if (name === '') throw invalid('method is empty');
  const params = root.member('params');
  if (params !== undefined && params.kind !== 'object') throw invalid('params is not an object');
  return {
    bytes,
    root,
    kind: id === undefined ? 'notification' : 'request',
    id: id === undefined ? undefined : rawOf(bytes, id),
    method: name,
    params,
  };
}

function responseOf(bytes: Buffer, root: Found, id: Found | undefined): Message {
  const error = root.member('error');
  if ((root.member('result') === undefined) === (error === undefined))
    throw invalid('not one of method, result, error');
  if (root.member('params') !== undefined) throw invalid('params in a response');
  if (error === undefined) {
    if (id === undefined || id.kind === 'null') throw invalid('a result without id');
  } else if (error.kind !== 'object') throw invalid('error is not an object');
  return {
    bytes,
    root,
    kind: 'response',
    id: id === undefined || id.kind === 'null' ? undefined : rawOf(bytes, id),
    method: '',
    params: undefined,
  };
}

/** `"2.0"` as it is nearly always written, else decoded. */
function isTwo(bytes: Buffer, version: Found): boolean {
  const { start, end } = version;
  if (end - start === 5 && bytes[start + 1] === 0x32 && bytes[start + 2] === 0x2e && bytes[start + 3] === 0x30)
    return true;
  return version.kind === 'string' && textOf(bytes, version) === '2.0';
}

export function invalid(detail: string): GatewayError {
  return new GatewayError('message_invalid', detail);
}
