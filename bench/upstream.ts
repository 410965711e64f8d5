/**
 * The MCP server behind every target: sessionful, one tool, as little work as the protocol allows (Streamable HTTP,
 * 2025-11-25). It runs as its own process: `node bench/upstream.ts [PORT]` prints its URL, then serves.
 *
 * The tool `echo` answers its argument `text`; with `reply: "sse"` it answers on an event stream of one event.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly name?: string;
    readonly arguments?: { readonly text?: unknown; readonly reply?: unknown };
  };
}

const revisions: ReadonlySet<unknown> = new Set(['2025-03-26', '2025-06-18', '2025-11-25']);
const newestRevision = '2025-11-25';
const sessions = new Set<string>();

const toolsList = {
  tools: [
    {
      name: 'echo',
      description: 'Answers the text it was given.',
      inputSchema: {
        type: 'object',
        properties: { text: { type: 'string' }, reply: { enum: ['json', 'sse'] } },
        required: ['text'],
      },
    },
  ],
};

const server = createServer((request, response) => {
  if (request.method === 'DELETE') return answer(response, sessions.delete(sessionIdOf(request)) ? 204 : 404);
  // §Listening for Messages 3: 405 says that there is no standing stream.
  if (request.method !== 'POST') return answer(response, 405);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    answerPost(request, response, chunks.length === 1 ? String(chunks[0]) : String(Buffer.concat(chunks)));
  });
});
// Pooled connections of a target must outlive the pauses between its turns.
server.keepAliveTimeout = 600_000;
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/echo\n`);
});

function answerPost(request: IncomingMessage, response: ServerResponse, text: string): void {
  const message = parse(text);
  if (message === undefined) return fail(response, 400, null, -32700, 'Parse error');
  if (message.method === 'initialize') return initialize(response, message);
  const sessionId = sessionIdOf(request);
  if (sessionId === '') return fail(response, 400, message.id ?? null, -32000, 'Bad Request: no session id');
  if (!sessions.has(sessionId)) return fail(response, 404, message.id ?? null, -32001, 'Session not found');
  if (message.id === undefined || message.method === undefined) return answer(response, 202);
  switch (message.method) {
    case 'tools/call':
      return callTool(response, message);
    case 'tools/list':
      return succeed(response, message, toolsList);
    case 'ping':
      return succeed(response, message, {});
    default:
      return fail(response, 200, message.id, -32601, 'Method not found');
  }
}

function parse(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function initialize(response: ServerResponse, message: Message): void {
  const sessionId = randomUUID();
  sessions.add(sessionId);
  const asked = message.params?.protocolVersion;
  const result = {
    protocolVersion: revisions.has(asked) ? asked : newestRevision,
    capabilities: { tools: {} },
    serverInfo: { name: 'bench-echo', version: '1.0.0' },
  };
  succeed(response, message, result, sessionId);
}

function callTool(response: ServerResponse, message: Message): void {
  if (message.params?.name !== 'echo') return fail(response, 200, message.id ?? null, -32602, 'Unknown tool');
  const result = { content: [{ type: 'text', text: message.params.arguments?.text }] };
  if (message.params.arguments?.reply !== 'sse') return succeed(response, message, result);
  const event = `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result })}\n\n`;
  response.writeHead(200, ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache']);
  response.end(event);
}

function succeed(response: ServerResponse, message: Message, result: object, sessionId?: string): void {
  answer(response, 200, JSON.stringify({ jsonrpc: '2.0', id: message.id, result }), sessionId);
}

function fail(
  response: ServerResponse,
  status: number,
  id: string | number | null,
  code: number,
  message: string,
): void {
  answer(response, status, JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }));
}

function answer(response: ServerResponse, status: number, body = '', sessionId?: string): void {
  const headers = ['Content-Length', String(Buffer.byteLength(body))];
  if (body !== '') headers.push('Content-Type', 'application/json');
  if (sessionId !== undefined) headers.push('Mcp-Session-Id', sessionId);
  response.writeHead(status, headers);
  response.end(body);
}

function sessionIdOf(request: IncomingMessage): string {
  const value = request.headers['mcp-session-id'];
  return typeof value === 'string' ? value : '';
}
