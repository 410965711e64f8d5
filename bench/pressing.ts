/**
 * An MCP server that pushes as fast as it is read: `node bench/pressing.ts` prints its URL, then serves. GET and the tool `push`
 * answer a stream of log messages of 64 KB each without an end. `/taken` tells as JSON what the kernel has taken of each stream
 * until now, in bytes, and how many streams are open.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Taken {
  readonly open: number;
  readonly bytes: number;
}

const event = Buffer.from(
  `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(64_000) } })}\n\n`,
);
const open = new Set<Socket>();
let takenByClosed = 0;

const server = createServer((request, response) => {
  if (request.url === '/taken') {
    let bytes = takenByClosed;
    for (const each of open) bytes += takenOf(each);
    answer(response, { open: open.size, bytes } satisfies Taken);
  } else if (request.method === 'GET') push(response);
  else if (request.method === 'POST') readPost(request, response);
  else response.writeHead(204).end();
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/pressing\n`);
});

function readPost(request: IncomingMessage, response: ServerResponse): void {
  let text = '';
  request.on('data', (chunk) => (text += String(chunk)));
  request.on('end', () => {
    const { id, method } = JSON.parse(text) as { id?: unknown; method?: string };
    if (id === undefined) response.writeHead(202).end();
    else if (method === 'tools/call') push(response);
    else if (method === 'initialize') {
      const capabilities = { tools: {}, logging: {} };
      const serverInfo = { name: 'pressing', version: '1.0.0' };
      response.setHeader('mcp-session-id', randomUUID());
      answer(response, { jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities, serverInfo } });
    } else {
      const tools = [{ name: 'push', inputSchema: { type: 'object' } }];
      answer(response, { jsonrpc: '2.0', id, result: method === 'tools/list' ? { tools } : {} });
    }
  });
}

function push(response: ServerResponse): void {
  const socket = response.socket!;
  open.add(socket);
  response.on('close', () => {
    takenByClosed += takenOf(socket);
    open.delete(socket);
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const more = (): void => {
    while (!response.destroyed && response.write(event));
  };
  response.on('drain', more);
  more();
}

/** Each stream has a connection of its own, as none of them ends before it. What waits in this process is not taken. */
function takenOf(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
