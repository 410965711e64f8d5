/**
 * An upstream of 2026-07-28 that answers `server/discover` by itself, so that the script says only what matters: what it answers
 * to the other requests, to the byte. It knows nothing of sessions and of `initialize`.
 */
import type { ServerResponse } from 'node:http';
import type { Rpc } from './plain-client.ts';
import type { RawRequest, RawServer } from './raw-server.ts';
import { startRawServer } from './raw-server.ts';
import { resultOf, sayJson } from './scripted-upstream.ts';

/** Answers a request other than `server/discover`. `message` is its body, parsed. */
type ModernScript = (message: Rpc, response: ServerResponse, request: RawRequest) => void | Promise<void>;

interface Arrived {
  readonly headers: RawRequest['headers'];
  /** The body as it came. */
  readonly text: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface ModernUpstream {
  readonly url: string;
  readonly server: RawServer;
  /** Requests of one method until now, in order. */
  requestsOf(method: string): RawRequest[];
  /** The latest of one method. Throws when none has come. */
  lastOf(method: string): Arrived;
  /** From then on answers with `script`. */
  answerWith(script: ModernScript): void;
}

/** Starts it on a free port. `said` is laid over each answer to `server/discover`. */
export async function startModern(
  script: ModernScript,
  capabilities: object = { tools: {} },
  said: () => object = () => ({}),
): Promise<ModernUpstream> {
  let answer = script;
  const server = await startRawServer(async (request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const message = request.json as Rpc;
    if (message.method === 'server/discover')
      sayJson(response, resultOf(message, { ...discovered(capabilities), ...said() }));
    else if (message.method === 'initialize')
      sayError(response, message, 400, { code: -32_022, message: 'modern only' });
    else await answer(message, response, request);
  });
  const requestsOf = (method: string): RawRequest[] =>
    server.requests.filter(({ json }) => (json as Rpc).method === method);
  return {
    url: server.url,
    server,
    requestsOf,
    lastOf: (method) => {
      const last = requestsOf(method).at(-1);
      if (last === undefined) throw new Error(`${method} has not arrived`);
      const { params = {} } = last.json as Rpc;
      return { headers: last.headers, text: last.body.toString(), params };
    },
    answerWith: (next) => void (answer = next),
  };
}

function discovered(capabilities: object): object {
  return { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'private' };
}

/** A complete result for the request, as JSON text. */
export function completed(message: Rpc, result: object): string {
  return resultOf(message, { resultType: 'complete', ...result });
}

export function sayError(response: ServerResponse, message: Rpc, status: number, error: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
}
