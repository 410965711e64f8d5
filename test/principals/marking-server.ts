/**
 * An upstream with sessions in which everything bears the marker of whoever it is for: the SDK's server, with an event store. Each
 * session remembers all markers that it was ever given and tells them with every answer, so that a session in the wrong
 * hands shows at once. Where it is told the user (`X-User`), its lists are that user's own.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  type JSONRPCMessage,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { memoryEventStore } from '../support/event-store.ts';
import { pageOf } from '../support/fixture.ts';
import { listen } from '../support/listener.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { markerOf } from './markers.ts';

export const groups = ['g0', 'g1', 'g2', 'g3'] as const;

/** So many that clients get the list in two pages, and a cursor between them. */
const fillers = 1_100;

interface Session {
  readonly transport: StreamableHTTPServerTransport;
  readonly server: Server;
  readonly watched: Set<string>;
}

/** Starts it on a free port. Gives `http://localhost:PORT/mcp`. */
export async function startMarking(): Promise<string> {
  const sessions = new Map<string, Session>();

  const open = async (user: string): Promise<StreamableHTTPServerTransport> => {
    const watched = new Set<string>();
    const server = marking(user, watched, (uri) => touch(sessions, uri));
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, { transport, server, watched }),
      eventStore: memoryEventStore<JSONRPCMessage>(),
    });
    server.onclose = () => void (transport.sessionId !== undefined && sessions.delete(transport.sessionId));
    await server.connect(transport);
    return transport;
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { 'mcp-session-id': id, 'x-user': user = '' } = request.headers;
    const known = typeof id === 'string' ? sessions.get(id)?.transport : undefined;
    if (id !== undefined && known === undefined) response.writeHead(404).end();
    else await (known ?? (await open(String(user)))).handleRequest(request, response);
  };
  const listener = await listen((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  closedAtTheEnd(async () => {
    await listener.stop();
    for (const { server } of sessions.values()) await server.close();
  });
  return `${listener.origin}/mcp`;
}

async function touch(sessions: ReadonlyMap<string, Session>, uri: string): Promise<void> {
  for (const { server, watched } of sessions.values())
    if (watched.has(uri)) await server.sendResourceUpdated({ uri }).catch(() => {});
}

function marking(user: string, watched: Set<string>, tell: (uri: string) => Promise<void>): Server {
  const server = new Server(
    { name: 'marks', version: '1' },
    { capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {}, logging: {} } },
  );
  const seen = new Set<string>();
  const own = user === '' ? 'for everyone' : markerOf(user, 'described');
  const told = (marker: string) => ({
    content: [{ type: 'text' as const, text: JSON.stringify({ marker, seen: [...seen] }) }],
  });
  const inputSchema = { type: 'object' as const };
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    const names = ['mark', 'touch', 'ask', ...groups.map((group) => `only_${group}`)];
    const tools = names.map((name) => ({ name, description: own, inputSchema }));
    const { page, ...next } = pageOf(tools, params?.cursor, 2);
    return { tools: page, ...next };
  });
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params }, { _meta: meta, sendNotification, sendRequest }) => {
      const {
        marker,
        times = 0,
        everyMs = 1,
        uri,
      } = params.arguments as {
        marker: string;
        times?: number;
        everyMs?: number;
        uri?: string;
      };
      seen.add(marker);
      if (uri !== undefined) await tell(uri);
      if (params.name === 'ask') {
        const requestedSchema = { type: 'object' as const, properties: { said: { type: 'string' as const } } };
        const { content } = await sendRequest(
          { method: 'elicitation/create', params: { message: marker, requestedSchema } },
          ElicitResultSchema,
        );
        seen.add(String(content?.['said']));
        return told(marker);
      }
      for (let progress = 1; progress <= times; progress += 1) {
        await sleep(everyMs);
        await sendNotification({ method: 'notifications/message', params: { level: 'info', data: marker } });
        if (meta?.progressToken === undefined) continue;
        const { progressToken } = meta;
        await sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, message: marker },
        });
      }
      return told(marker);
    },
  );
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: ['recall', ...groups.map((group) => `only_${group}`)].map((name) => ({ name, description: own })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    seen.add(params.arguments?.['marker'] ?? '');
    return { messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify([...seen]) } }] };
  });
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => ({
    completion: { values: [`${params.argument.value} ${own}`] },
  }));
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: ['state', ...groups].map((name) => ({ uri: `mark://${name}`, name, description: own })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [
      { uriTemplate: 'mark://watch/{who}', name: 'watch', description: own },
      ...Array.from({ length: fillers }, (_, at) => ({ uriTemplate: `mark://filler-${at}/{x}`, name: `filler-${at}` })),
    ],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
    contents: [{ uri, text: JSON.stringify([own, ...seen]) }],
  }));
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    watched.add(params.uri);
    return {};
  });
  return server;
}
