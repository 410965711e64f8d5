/** Turns answers and faults into HTTP responses. Every fault has the same form and names no internals. */
import type { ServerResponse } from 'node:http';
import { errorBody, GatewayError, type ErrorCode } from '../../errors.ts';
import { Dropped } from './dropped.ts';
import { lingerBytes, lingerMs } from './limits.ts';
import { BodyTurn } from './turns.ts';

/** A whole JSON-RPC answer in one write. `token` is the session token of an `initialize` answer. */
export function respondJson(response: ServerResponse, body: Buffer | string, token?: string, status = 200): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(length)];
  if (token !== undefined) headers.push('Mcp-Session-Id', token);
  response.writeHead(status, headers);
  endInOneWrite(response, body);
}

/** Larger bodies are not worth a copy. */
const maxJoinedBytes = 16 * 1024;

/** Node joins head and body in one write only where both are strings, and a small answer in two writes costs half as much again. */
export function endInOneWrite(response: ServerResponse, body: Buffer | string): void {
  if (typeof body === 'string' || body.length > maxJoinedBytes) response.end(body);
  else response.end(body.toString('latin1'), 'latin1');
}

/** Notifications and answers that were taken: 202 without a body (2025-11-25 transports §Sending Messages 4). */
export function respondAccepted(response: ServerResponse): void {
  response.writeHead(202, acceptedHeaders);
  response.end();
}

const acceptedHeaders = ['Content-Length', '0'];

/**
 * A fault before any byte of an answer was sent. `id` is the request's id as raw JSON, where it could be read.
 * Anything that is not a GatewayError is `internal`.
 */
export function respondFault(response: ServerResponse, fault: unknown, id?: string): void {
  const known = fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault });
  respondWorded(response, { body: errorBody(known, id), status: known.status }, known.code, known.headers);
}

/** The same in the words of a client's era. */
export function respondWorded(
  response: ServerResponse,
  { body, status }: { readonly body: string; readonly status: number },
  code: ErrorCode,
  /** Further headers, names and values in turn. */
  more: readonly string[] = [],
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)), ...more];
  if (code === 'verb_not_allowed') headers.push('Allow', allowedVerbs);
  // RFC 9110 §15.6.4 and RFC 6585 §4.
  if ((status === 503 || status === 429) && !more.includes('Retry-After'))
    headers.push('Retry-After', retryAfterSeconds);
  // The rest of a body that there is no room for is not read, so the connection can serve nothing more. One that is kept while
  // the process drains would bring the next request here again.
  const isUnread = (code === 'body_too_large' || code === 'overloaded') && !response.req.complete;
  if (isUnread || code === 'draining') headers.push('Connection', 'close');
  response.writeHead(status, headers);
  if (isUnread) endAfterBody(response, body);
  else response.end(body);
}

export const allowedVerbs = 'GET, POST, DELETE, OPTIONS';
/** `Retry-After` for temporary faults. */
const retryAfterSeconds = '1';

/**
 * To close while the client still sends would reset the connection, and the reset overtakes the answer (RFC 9112 §9.6). So
 * the answer leaves at once, and what the client sends after it is dropped for a while before the connection closes. That is a
 * courtesy: where many are refused at once, the rest of most of them stays unread.
 */
function endAfterBody(response: ServerResponse, body: string): void {
  const { req: request } = response;
  let left = lingerBytes;
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  const turn = new BodyTurn(() => {
    readOn();
    return !request.destroyed;
  });
  const readOn = (): void => {
    const waitMs = dropped.waitMs();
    if (waitMs === 0) request.resume();
    else if (waitMs < lingerMs) setTimeout(readOn, waitMs).unref();
  };
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    dropped.spend(chunk.length);
    if (left < 0) end();
    if (!turn.took(chunk.length)) request.pause();
    else if (dropped.waitMs() > 0) {
      request.pause();
      readOn();
    }
  });
  request.on('end', end);
  request.on('close', end);
  response.write(body);
  readOn();
}

const dropped = new Dropped();
