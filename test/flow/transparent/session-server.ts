/**
 * A server of 2025-11-25 on the first SDK that uses every member the revision has, and some that it has not. Requests reach it raw,
 * so that its tools can tell to the letter what has arrived.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as elapsed } from 'node:timers/promises';
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { Result, ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import { McpError, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { listen } from '../../support/listener.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import * as offer from './offer.ts';

type Json = Record<string, unknown>;
type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** What one session has brought. */
interface Session {
  readonly server: Server;
  readonly subscribed: Set<string>;
  /** Notifications of the client. */
  readonly heard: Json[];
  /** What requests outside of a call were answered. */
  readonly answers: unknown[];
  /** Tools whose call was cancelled, with the reason. */
  readonly cancelled: unknown[];
}

interface Asked {
  readonly session: Session;
  readonly params: Json;
  readonly args: Json;
  readonly extra: Extra;
}

const capabilities = {
  ...offer.capabilities,
  tasks: { cancel: {}, requests: { tools: { call: {} } } },
};

/** Starts it on a free port. */
export async function startSessionServer(): Promise<{ readonly url: string }> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const servers = new Set<Server>();
  const taskStore = new InMemoryTaskStore();

  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
    });
    const taskMessageQueue = new InMemoryTaskMessageQueue();
    const { serverInfo, instructions } = offer;
    const server = new Server(serverInfo, { capabilities, instructions, taskStore, taskMessageQueue });
    const session: Session = { server, subscribed: new Set(), heard: [], answers: [], cancelled: [] };
    server.removeRequestHandler('logging/setLevel');
    server.fallbackRequestHandler = async (request, extra) => {
      const params: Json = request.params ?? {};
      return await answer(request.method, { session, params, args: (params['arguments'] ?? {}) as Json, extra });
    };
    server.fallbackNotificationHandler = async ({ method, params }) => {
      session.heard.push({ method, ...(params === undefined ? {} : { params }) });
    };
    servers.add(server);
    await server.connect(transport);
    return transport;
  };

  const listener = await listen((request, response) => {
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? transports.get(id) : undefined;
    const serve = async (): Promise<void> => await (known ?? (await open())).handleRequest(request, response);
    serve().catch(() => response.destroy());
  });
  closedAtTheEnd(async () => {
    await listener.stop();
    for (const server of servers) await server.close();
    taskStore.cleanup();
  });
  return { url: `${listener.origin}/mcp` };
}

async function answer(method: string, asked: Asked): Promise<Result> {
  const { session, params } = asked;
  const uri = String(params['uri']);
  switch (method) {
    case 'tools/call': {
      const run = tools[String(params['name'])];
      const fixed = offer.results[String(params['name'])];
      if (fixed !== undefined) return fixed;
      if (run === undefined) throw new McpError(-32_602, `no tool ${String(params['name'])}`);
      return await run(asked);
    }
    case 'resources/subscribe':
      session.subscribed.add(uri);
      return {};
    case 'resources/unsubscribe':
      session.subscribed.delete(uri);
      return {};
    case 'logging/setLevel':
      if (!offer.levels.includes(String(params['level']))) throw new McpError(-32_602, 'no such level');
      return { _meta: { 'example.com/level': params['level'] } };
    default: {
      const result = offer.answered(method, params);
      if ('error' in result) throw new McpError(result.error.code, result.error.message, result.error.data);
      return result.result;
    }
  }
}

/** Tools by name; each shows one thing that can happen during a call. */
const tools: Readonly<Record<string, (asked: Asked) => Result | Promise<Result>>> = {
  mirror: ({ params }) => structured({ params }),
  whoami: ({ session: { server } }) =>
    structured({ info: server.getClientVersion(), capabilities: server.getClientCapabilities() }),
  refused: () => {
    throw new McpError(-32_050, 'refused', { why: ['as asked', { deep: null }] });
  },
  broken: () => {
    throw new Error('it broke');
  },
  need_url: () => {
    throw new McpError(-32_042, 'Visit it first', {
      elicitations: [{ mode: 'url', message: 'Sign in', url: 'https://example.com/in', elicitationId: 'e1' }],
    });
  },
  steps: async ({ params, extra }) => {
    const { progressToken } = (params['_meta'] ?? {}) as { progressToken?: string | number };
    for (const progress of [0.5, 1, 2])
      if (progressToken !== undefined)
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 2, message: `at ${progress}` },
        });
    return structured({ done: true });
  },
  lines: async ({ extra }) => {
    for (const level of offer.levels)
      await extra.sendNotification({
        method: 'notifications/message',
        params: { level, logger: 'l', data: { level } },
      } as ServerNotification);
    return structured({ logged: true });
  },
  /** Asks on the stream of the call. */
  ask: async ({ args, extra }) => structured(await told(extra.sendRequest(args as ServerRequest, ResultSchema))),
  /** Says it on the stream of the call. */
  say: async ({ args, extra }) => {
    await extra.sendNotification(args as ServerNotification);
    return structured({ said: true });
  },
  /** Asks on the stream of the session, and does not wait. */
  ask_apart: ({ args, session: { server, answers } }) => {
    void told(server.request(args as ServerRequest, ResultSchema)).then((each) => answers.push(each));
    return structured({ asked: true });
  },
  say_apart: async ({ args, session: { server } }) => {
    await server.notification(args as ServerNotification);
    return structured({ said: true });
  },
  /** Tells of the resource, if it was subscribed to. */
  touch: async ({ args, session: { server, subscribed } }) => {
    const uri = String(args['uri']);
    if (subscribed.has(uri)) await server.sendResourceUpdated({ uri });
    return structured({ told: subscribed.has(uri) });
  },
  /** What has reached the session besides calls. */
  heard: ({ session: { heard, answers, cancelled } }) => structured({ heard, answers, cancelled }),
  hang: async ({ session, extra }) => {
    await elapsed(60_000, undefined, { signal: extra.signal }).catch(() => {
      session.cancelled.push(String(extra.signal.reason));
    });
    return {};
  },
  /** Takes its question back. */
  unask: async ({ args, extra }) => {
    const leaving = new AbortController();
    const asked = told(extra.sendRequest(args as ServerRequest, ResultSchema, { signal: leaving.signal }));
    await elapsed(100);
    leaving.abort('no longer needed');
    await asked;
    return structured({ unasked: true });
  },
  work: async ({ params, args, extra }) => {
    const { ttl = null } = (params['task'] ?? {}) as { ttl?: number | null };
    const task = await extra.taskStore!.createTask({ ttl, pollInterval: 10 });
    if (args['endless'] !== true)
      await extra.taskStore!.storeTaskResult(task.taskId, 'completed', structured({ worked: args }));
    return { task };
  },
};

function structured(structuredContent: object): Result {
  return { content: [{ type: 'text', text: 'see the structure' }], structuredContent };
}

async function told(answering: Promise<unknown>): Promise<object> {
  try {
    return { result: await answering };
  } catch (fault) {
    if (!(fault instanceof McpError)) throw fault;
    return { error: { code: fault.code, message: fault.message, data: fault.data } };
  }
}
