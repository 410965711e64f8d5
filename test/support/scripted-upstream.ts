/**
 * An upstream of the session era whose handshake is done for the test, so that the script says only what matters: what it
 * answers to the other requests, to the byte.
 */
import type { ServerResponse } from 'node:http';
import type { Rpc } from './plain-client.ts';
import type { RawHandler, RawRequest, RawServer } from './raw-server.ts';
import { startRawServer } from './raw-server.ts';

/** Answers a request other than `initialize`. `message` is its body, parsed. */
export type Script = (message: Rpc, response: ServerResponse, request: RawRequest) => void | Promise<void>;

export interface Spoken {
  readonly revision?: string;
  readonly capabilities?: object;
  readonly instructions?: string;
  /** It keeps sessions, and this is the id of each. */
  readonly sessionId?: string;
  /** The same for each `initialize`, by what it says. */
  readonly opened?: (message: Rpc) => string;
  /** Answers GET; 405 unless given. */
  readonly get?: RawHandler;
  /** Called with each notification and answer of the client, before the 202. */
  readonly heard?: (message: Rpc) => void;
}

/** Starts it on a free port. */
export function startScripted(script: Script, spoken: Spoken = {}): Promise<RawServer> {
  return startRawServer(scripted(script, spoken));
}

export function scripted(script: Script, spoken: Spoken = {}): RawHandler {
  return async (request, response) => {
    if (request.method === 'GET' && spoken.get !== undefined) {
      await spoken.get(request, response);
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
      return;
    }
    const message = request.json as Rpc;
    if (message.method === 'initialize') greet(message, response, spoken);
    else if (message.id === undefined || message.method === undefined) {
      spoken.heard?.(message);
      response.writeHead(202).end();
    } else await script(message, response, request);
  };
}

function greet(message: Rpc, response: ServerResponse, spoken: Spoken): void {
  const { revision = '2025-11-25', capabilities = { tools: {} }, instructions, opened } = spoken;
  const sessionId = opened === undefined ? spoken.sessionId : opened(message);
  const result = {
    protocolVersion: revision,
    capabilities,
    serverInfo: { name: 'scripted', version: '1' },
    ...(instructions === undefined ? {} : { instructions }),
  };
  response
    .writeHead(200, {
      'content-type': 'application/json',
      ...(sessionId === undefined ? {} : { 'mcp-session-id': sessionId }),
    })
    .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
}

/** Answers with one JSON text. */
export function sayJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

/** Begins a stream; each call of what it gives writes one event. */
export function sayEvents(response: ServerResponse): (text: string, id?: string) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  return (text, id) => void response.write(`${id === undefined ? '' : `id: ${id}\n`}data: ${text}\n\n`);
}

/** A result for the request, as JSON text. */
export function resultOf(message: Rpc, result: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: message.id, result });
}
