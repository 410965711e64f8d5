/** The one place where answers and faults become HTTP. Every fault has the same form and names nothing of the inside. */
import type { ServerResponse } from 'node:http';
import { errorBody, GatewayError } from '../errors.ts';
import { lingerBytes, lingerMs } from './limits.ts';

/** A whole JSON-RPC answer in one write. `token` is the session token of an `initialize` answer. */
export function respondJson(response: ServerResponse, body: Buffer | string, token?: string): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(length)];
  if (token !== undefined) headers.push('Mcp-Session-Id', token);
  response.writeHead(200, headers);
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
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const known = fault instanceof GatewayError ? fault : new GatewayError('internal', String(fault), { cause: fault });
  const body = errorBody(known, id);
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))];
  if (known.code === 'verb_not_allowed') headers.push('Allow', 'GET, POST, DELETE');
  if (known.code === 'draining') headers.push('Retry-After', '1');
  // The rest of a body that is too large is not read, so the connection can serve nothing more. One that is kept while the
  // process drains would bring the next request here again.
  if (known.code === 'body_too_large' || known.code === 'draining') headers.push('Connection', 'close');
  response.writeHead(known.status, headers);
  if (known.code === 'body_too_large') endAfterBody(response, body);
  else response.end(body);
}

/**
 * To close while the client still sends would reset the connection, and the reset overtakes the answer (RFC 9112 §9.6). So
 * the answer leaves at once, and what the client sends after it is dropped for a while before the connection closes.
 */
function endAfterBody(response: ServerResponse, body: string): void {
  const { req: request } = response;
  let left = lingerBytes;
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  request.on('end', end);
  request.on('close', end);
  response.write(body);
  request.resume();
}
