/**
 * The bare relay: the least a Node process can do between a client and an upstream, and so the floor that every gateway
 * is held against. It knows nothing of MCP: no parse, no token, no log, no limit. `node bench/relay.ts UPSTREAM_URL [PORT]`
 * prints its URL, then serves.
 *
 * node:http in, undici `dispatch` out, raw header arrays, one write for a whole reply; event streams pass as they come.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';

const upstream = new URL(process.argv[2] ?? '');
const pool = new Pool(upstream.origin, {
  connections: 256,
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: 600_000,
});

/** RFC 9110 §7.6.1, and what undici writes by itself. */
const notRelayed: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
]);

const server = createServer((request, response) => {
  if (request.method !== 'POST') return forward(request, response, null);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    forward(request, response, chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks));
  });
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp\n`);
});

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  const headers = relayed(request.rawHeaders);
  const method = request.method ?? 'GET';
  pool.dispatch({ path: upstream.pathname, method, headers, body }, new Exchange(response));
}

/** Raw header pairs (name, value, name, value, …) without those of the hop. */
function relayed(raw: readonly (string | Buffer)[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = String(raw[i]);
    if (!notRelayed.has(name.toLowerCase())) kept.push(name, String(raw[i + 1]));
  }
  return kept;
}

/** One relayed reply. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #chunks: Buffer[] = [];
  #status = 502;
  #headers: string[] = [];
  #streams = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {}

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    this.#headers = relayed(controller.rawHeaders as Buffer[]);
    this.#streams = headers['content-type'] === 'text/event-stream';
    if (!this.#streams) return;
    this.#response.writeHead(status, this.#headers);
    this.#response.flushHeaders();
    // Only a stream outlives its client; a whole reply ends by itself, and the floor makes no closure for it.
    this.#response.on('close', () => controller.abort(new Error('the client has left')));
    this.#response.on('drain', () => controller.resume());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#streams) this.#chunks.push(chunk);
    else if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#streams) {
      this.#response.end();
      return;
    }
    const body = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#headers.push('Content-Length', String(body?.length ?? 0));
    this.#response.writeHead(this.#status, this.#headers);
    this.#response.end(body);
  }

  onResponseError(): void {
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(502).end();
  }
}
