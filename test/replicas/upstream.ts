/**
 * The server behind the replicas, as a process of its own: the SDK's, with an event store per session, the tool `slow`, and a
 * numbered log message to every session now and then. `node test/replicas/upstream.ts PUSH_EVERY_MS` prints its URL.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { memoryEventStore } from '../support/event-store.ts';
import { fixtureServer, freshState } from '../support/fixture-server.ts';

const pushEveryMs = Number(process.argv[2]);
const sessions = new Map<string, StreamableHTTPServerTransport>();
const state = freshState();

async function open(): Promise<StreamableHTTPServerTransport> {
  const { server } = fixtureServer({ name: 'up', tools: ['slow', 'echo'] }, state);
  const marker = randomUUID();
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    eventStore: memoryEventStore<JSONRPCMessage>(),
  });
  let pushed = 0;
  const pushing = setInterval(() => {
    pushed += 1;
    server.sendLoggingMessage({ level: 'info', data: { marker, pushed } }).catch(() => {});
  }, pushEveryMs);
  server.onclose = () => {
    clearInterval(pushing);
    if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
  };
  await server.connect(transport);
  return transport;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = request.headers['mcp-session-id'];
  const known = typeof id === 'string' ? sessions.get(id) : undefined;
  if (id !== undefined && known === undefined) response.writeHead(404).end();
  else await (known ?? (await open())).handleRequest(request, response);
}

const listener = createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
});
listener.requestTimeout = 0;
listener.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://localhost:${(listener.address() as AddressInfo).port}/mcp\n`);
});
