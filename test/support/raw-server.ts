/**
 * An upstream that answers exactly the bytes it is told, and records those it gets: for what no SDK server would say, such as
 * a broken reply, a foreign id, or a number that JSON.parse would change.
 */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from './listener.ts';
import { closedAtTheEnd } from './started.ts';

export interface RawRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came over the wire. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** `body` parsed as JSON; `undefined` when it is none. */
  readonly json: unknown;
  /** Aborted when the peer has closed before the answer was whole. */
  readonly signal: AbortSignal;
}

/** Answers one request. A fault it throws cuts the connection. */
export type RawHandler = (request: RawRequest, response: ServerResponse) => void | Promise<void>;

export interface RawServer {
  /** `http://localhost:PORT/mcp`; every path gives the same answers. */
  readonly url: string;
  readonly port: number;
  /** In order of arrival, each once its body is whole. */
  readonly requests: readonly RawRequest[];
  /** From then on answers with `handler`. */
  answerWith(handler: RawHandler): void;
  stop(): Promise<void>;
  restart(): Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts it on a free port, or on `port`. */
export async function startRawServer(handler: RawHandler, port?: number): Promise<RawServer> {
  const requests: RawRequest[] = [];
  let answer = handler;
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await read(incoming, response);
    requests.push(request);
    await answer(request, response);
  };
  const listener = await listen((incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  }, port);
  return {
    url: `${listener.origin}/mcp`,
    port: listener.port,
    requests,
    answerWith: (next) => void (answer = next),
    stop: () => listener.stop(),
    restart: async () => {
      await listener.stop();
      await listener.start();
    },
    close: closedAtTheEnd(() => listener.stop()),
  };
}

/** Answers `body` in one piece. */
export function answer(
  status: number,
  body: string | Buffer,
  headers: Record<string, string | string[]> = {},
): RawHandler {
  return (_request, response) => void response.writeHead(status, headers).end(body);
}

/** Answers a JSON body with status 200. */
export function answerJson(text: string): RawHandler {
  return answer(200, text, { 'content-type': 'application/json' });
}

/** Answers a stream of exactly `chunks`, each in a write of its own, `gapMs` apart; `end: false` leaves it open. */
export function answerEvents(
  chunks: readonly (string | Buffer)[],
  { gapMs = 1, end = true, headers = {} }: { gapMs?: number; end?: boolean; headers?: Record<string, string> } = {},
): RawHandler {
  return async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    response.flushHeaders();
    for (const chunk of chunks) {
      if (!response.write(chunk)) await once(response, 'drain', { signal: request.signal });
      await sleep(gapMs, undefined, { signal: request.signal });
    }
    if (end) response.end();
  };
}

/** Sends `body` one byte at a time, `gapMs` apart. */
export function dribble(body: string, gapMs: number, contentType = 'application/json'): RawHandler {
  return async (request, response) => {
    const bytes = Buffer.from(body);
    response.writeHead(200, { 'content-type': contentType, 'content-length': bytes.length });
    for (const [at] of bytes.entries()) {
      response.write(bytes.subarray(at, at + 1));
      await sleep(gapMs, undefined, { signal: request.signal });
    }
    response.end();
  };
}

/** Never answers; the connection stays open until a side closes it. */
export const hang: RawHandler = () => {};

/** Cuts the connection without an answer. */
export const cut: RawHandler = (_request, response) => void response.destroy();

async function read(incoming: IncomingMessage, response: ServerResponse): Promise<RawRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const left = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) left.abort();
  });
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body,
    json: parsed(body.toString()),
    signal: left.signal,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
