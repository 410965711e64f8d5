/**
 * A small MCP server, over Streamable HTTP or stdio, for a first try of Manifold. It keeps notes in memory (notes.ts).
 *
 *   node examples/notes-server.ts --port 1976
 *   node examples/notes-server.ts --stdio
 *
 * The port is that of --port, else of PORT, else 1976; 0 chooses a free one. The first line that it prints is its URL.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Request, Response } from 'express';
import { Notebook, notesServer } from './notes.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    stdio: { type: 'boolean' },
    'until-stdin-ends': { type: 'boolean' },
  },
});

const notebook = new Notebook();
const sessions = new Map<string, StreamableHTTPServerTransport>();

/** The transport of a request's session; a new one for `initialize`. Undefined if the request has already been answered. */
async function transportOf(request: Request, response: Response): Promise<StreamableHTTPServerTransport | undefined> {
  const id = request.header('mcp-session-id');
  const known = id === undefined ? undefined : sessions.get(id);
  if (known !== undefined) return known;
  if (id === undefined && isInitializeRequest(request.body)) return await newSession();
  const [status, code, message] =
    id === undefined ? [400, -32_000, 'Mcp-Session-Id header is required'] : [404, -32_001, 'Session not found'];
  response.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
  return undefined;
}

async function newSession(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  const { server, close } = notesServer(notebook);
  transport.onclose = () => {
    close();
    if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
  };
  await server.connect(transport);
  return transport;
}

function listen(): void {
  const app = createMcpExpressApp({ host: values.host });
  app.all('/mcp', async (request: Request, response: Response) => {
    const transport = await transportOf(request, response);
    await transport?.handleRequest(request, response, request.body);
  });

  const listener = app.listen(Number(values.port ?? process.env['PORT'] ?? 1976), values.host, (fault) => {
    if (fault !== undefined) {
      process.stderr.write(`notes-server: ${fault.message}\n`);
      process.exit(1);
    }
    process.stdout.write(`http://${values.host}:${(listener.address() as AddressInfo).port}/mcp\n`);
  });

  // The parent process can end the server by closing its stdin, however the parent ends.
  if (values['until-stdin-ends'] === true) process.stdin.on('end', () => process.exit(0)).resume();
}

if (values.stdio === true) await notesServer(notebook).server.connect(new StdioServerTransport());
else listen();
