/** Turns answers and faults into HTTP responses. Every fault has the same form and names no internals. */
import type { ServerResponse } from 'node:http';
import { errorBody, GatewayError, type ErrorCode } from '../../errors.ts';
import { Dropped } from './dropped.ts';
import { lingerBytes, lingerMs } from './limits.ts';
import { BodyTurn } from './turns.ts';

/** Sends a whole JSON-RPC answer in one write. `token` is the session token of an `initialize` answer. */
export function respondJson(response: ServerResponse, body: Buffer | string, token?: string, status = 200): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(length)];
  if (token !== undefined) headers.push('Mcp-Session-Id', token);
  response.writeHead(status, headers);
  endInOneWrite(response, body);
}

/** Larger bodies are not copied. */
const maxJoinedBytes = 16 * 1024;

/** Node joins head and body into one write only if both are strings. A small answer in two writes costs half as much again. */
export function endInOneWrite(response: ServerResponse, body: Buffer | string): void {
  if (typeof body === 'string' || body.length > maxJoinedBytes) response.end(body);
  else response.end(body.toString('latin1'), 'latin1');
}

/** Answer to notifications and responses: 202 without a body (2025-11-25 basic/transports §Sending Messages to the Server 4). */
export function respondAccepted(response: ServerResponse): void {
  response.writeHead(202, acceptedHeaders);
  response.end();
}

const acceptedHeaders = ['Content-Length', '0'];

/**
 * Sends a fault before any byte of an answer was sent. `id` is the request's id as raw JSON, if it could be read. An error that
 * is not a GatewayError is reported as `internal`.
 */
export function respondFault(response: ServerResponse, fault: unknown, id?: string): void {
  const known = fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault });
  respondWorded(response, { body: errorBody(known, id), status: known.status }, known.code, known.headers);
}

/** The same, with a body made for the client's era. */
export function respondWorded(
  response: ServerResponse,
  { body, status }: { readonly body: string; readonly status: number },
  code: ErrorCode,
  /** Further headers: names and values alternate. */
  more: readonly string[] = [],
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)), ...more];
  if (code === 'verb_not_allowed') headers.push('Allow', allowedVerbs);
  // `Retry-After`: RFC 9110 §15.6.4 and RFC 6585 §4.
  if ((status === 503 || status === 429) && !more.includes('Retry-After'))
    headers.push('Retry-After', retryAfterSeconds);
  // The rest of a refused body is not read, so the connection cannot serve another request. A connection that stays open while
  // the process drains would bring the next request here again.
  const isUnread = (code === 'body_too_large' || code === 'overloaded') && !response.req.complete;
  if (isUnread || code === 'draining') headers.push('Connection', 'close');
  response.writeHead(status, headers);
  if (isUnread) endAfterBody(response, body);
  else response.end(body);
}

export const allowedVerbs = 'GET, POST, DELETE, OPTIONS';
/** `Retry-After` in seconds, for temporary faults. */
const retryAfterSeconds = '1';

/**
 * Closing while the client still sends would reset the connection, and the reset can destroy the answer (RFC 9112 §9.6). So the
 * answer is sent at once, and further input is discarded for a while before the connection is closed. Where many bodies are refused
 * at once, the rest of most of them is not read.
 */
function endAfterBody(response: ServerResponse, body: string): void {
  const { req: request } = response;
  let left = lingerBytes;
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  const readOn = (): void => {
    if (dropped.mayRead()) request.resume();
    else dropped.wait(() => request.resume());
  };
  const turn = new BodyTurn(() => {
    if (!request.destroyed) readOn();
    return !request.destroyed;
  });
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) end();
    const mayReadOn = dropped.took(chunk.length);
    if (turn.took(chunk.length) && mayReadOn) return;
    request.pause();
    if (!turn.waits) readOn();
  });
  request.on('end', end);
  request.on('close', end);
  response.write(body);
  readOn();
}

const dropped = new Dropped();
