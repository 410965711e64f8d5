/**
 * A real upstream of 2026-07-28 and of no other revision: the SDK's own server, in this process. It logs what it is told to log
 * and says that a resource has changed when the test does.
 */
import type { IncomingMessage } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { listen } from './listener.ts';
import { closedAtTheEnd } from './started.ts';

export interface ModernServer {
  readonly url: string;
  readonly port: number;
  /** Filters of the subscriptions that have arrived, in order. */
  readonly listens: readonly Readonly<Record<string, unknown>>[];
  /** Tells every subscription to `uri`. */
  touch(uri: string): void;
  changed(): void;
  /** Stops listening and cuts every connection, until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;

/** Starts it on a free port. */
export async function startModernServer(): Promise<ModernServer> {
  const listens: Readonly<Record<string, unknown>>[] = [];
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(
        { name: 'modern', version: '1' },
        {
          capabilities: {
            tools: { listChanged: true },
            resources: { subscribe: true, listChanged: true },
            logging: {},
          },
        },
      );
      server.registerTool(
        'log',
        {
          description: 'Logs one line at each of the levels',
          inputSchema: z.object({ levels: z.array(z.enum(levels)) }),
        },
        async (args, context) => {
          for (const level of args.levels) await context.mcpReq.log(level, `a line of ${level}`);
          return { content: [{ type: 'text', text: 'logged' }] };
        },
      );
      server.registerResource('today', 'memo://today', {}, (uri) => ({
        contents: [{ uri: uri.href, text: 'nothing' }],
      }));
      return server;
    },
    { legacy: 'reject' },
  );
  const serve = toNodeHandler({
    fetch: async (request) => {
      const { method, params } = (await request.clone().json()) as {
        method?: string;
        params?: { notifications?: object };
      };
      if (method === 'subscriptions/listen') listens.push({ ...params?.notifications });
      return handler.fetch(request);
    },
  });
  const listener = await listen((incoming, response) => {
    // A request that a server reads has both; Node's type covers the client's side as well.
    serve(incoming as IncomingMessage & { method: string; url: string }, response).catch(() => response.destroy());
  });
  closedAtTheEnd(async () => {
    await handler.close();
    await listener.stop();
  });
  return {
    url: `${listener.origin}/mcp`,
    port: listener.port,
    listens,
    touch: (uri) => handler.notify.resourceUpdated(uri),
    changed: () => handler.notify.toolsChanged(),
    stop: () => listener.stop(),
    start: () => listener.start(),
  };
}
