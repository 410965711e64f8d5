/**
 * The session era of the everything-server (2025-11-25 basic/transports, "Session Management"): a server and transport for each
 * session, with an event store, so that a client can resume a stream that was closed on it.
 */
import { randomUUID } from 'node:crypto';
import type { McpServer } from '@modelcontextprotocol/server';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { memoryEventStore } from '../../test/support/event-store.ts';

export interface Sessions {
  fetch(request: Request): Promise<Response>;
  /** Every server with a live session. */
  readonly servers: ReadonlySet<McpServer>;
  close(): Promise<void>;
}

/* How long a client waits before it resumes; the suite allows for no more than this and a little. */
const retryMs = 500;

/** Serves each session with a server of `factory`'s making. */
export function sessionsOf(factory: () => McpServer): Sessions {
  const transports = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const servers = new Set<McpServer>();

  const open = async (): Promise<WebStandardStreamableHTTPServerTransport> => {
    const server = factory();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: memoryEventStore(),
      retryInterval: retryMs,
      onsessioninitialized: (id) => {
        transports.set(id, transport);
        servers.add(server);
      },
    });
    server.server.onclose = () => {
      servers.delete(server);
      if (transport.sessionId !== undefined) transports.delete(transport.sessionId);
    };
    await server.connect(transport);
    return transport;
  };

  return {
    servers,
    fetch: async (request) => {
      const id = request.headers.get('mcp-session-id');
      const transport = id === null ? await open() : transports.get(id);
      if (transport !== undefined) return letGo(request, await transport.handleRequest(request));
      const error = { code: -32_001, message: 'Session not found' };
      return Response.json({ jsonrpc: '2.0', id: null, error }, { status: 404 });
    },
    close: async () => {
      for (const server of servers) await server.close();
    },
  };
}

/**
 * The answer, whose stream ends when its client has left. The SDK's `toNodeHandler` sees that with the next chunk only, and until
 * then the transport takes the stream for one in use, which nobody else may resume.
 */
function letGo({ signal }: Request, response: Response): Response {
  const body = response.body?.pipeThrough(new TransformStream(), { signal }) ?? null;
  return new Response(body, response);
}
