/**
 * A real upstream of 2025-11-25 with experimental tasks: SDK server and Streamable HTTP transport, one per session. Its tools work
 * for a few ms as tasks, ask their client something on the way, or ask it for a task of its own.
 */
import { randomUUID } from 'node:crypto';
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import type {
  CreateTaskRequestHandlerExtra,
  TaskRequestHandlerExtra,
} from '@modelcontextprotocol/sdk/experimental/tasks';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { listen } from './listener.ts';
import { closedAtTheEnd } from './started.ts';

export interface TaskServer {
  readonly url: string;
  /** The server's own ids of the tasks it has begun, oldest first. */
  taskIds(): string[];
  statusOf(taskId: string): string | undefined;
}

/** Long enough for a client to see it at work, in ms. */
const workMs = 150;

/** Starts it on a free port. With an event store its streams can be taken up again. */
export async function startTaskServer(name = 'tasks', eventStore?: EventStore): Promise<TaskServer> {
  const taskStore = new InMemoryTaskStore();
  const taskMessageQueue = new InMemoryTaskMessageQueue();
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const servers = new Set<McpServer>();

  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      ...(eventStore === undefined ? {} : { eventStore }),
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    const server = new McpServer(
      { name, version: '1' },
      {
        capabilities: { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
        taskStore,
        taskMessageQueue,
      },
    );
    offer(server);
    servers.add(server);
    await server.connect(transport);
    return transport;
  };

  const listener = await listen((request, response) => {
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (id !== undefined && known === undefined) {
      response.writeHead(404).end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
      return;
    }
    const serve = async (): Promise<void> => await (known ?? (await open())).handleRequest(request, response);
    serve().catch(() => response.destroy());
  });
  closedAtTheEnd(async () => {
    await listener.stop();
    for (const server of servers) await server.close();
    taskStore.cleanup();
  });
  return {
    url: `${listener.origin}/mcp`,
    taskIds: () => taskStore.getAllTasks().map(({ taskId }) => taskId),
    statusOf: (taskId) => taskStore.getAllTasks().find((task) => task.taskId === taskId)?.status,
  };
}

function offer(server: McpServer): void {
  const tasks = server.experimental.tasks;
  const reading = {
    getTask: (extra: TaskRequestHandlerExtra) => extra.taskStore.getTask(extra.taskId),
    getTaskResult: async (extra: TaskRequestHandlerExtra) =>
      (await extra.taskStore.getTaskResult(extra.taskId)) as CallToolResult,
  };
  const working = (finish: (extra: CreateTaskRequestHandlerExtra, taskId: string) => Promise<CallToolResult>) => ({
    createTask: async (extra: CreateTaskRequestHandlerExtra) => {
      const task = await extra.taskStore.createTask({ ttl: extra.taskRequestedTtl ?? 60_000, pollInterval: 20 });
      const work = async (): Promise<void> => {
        const result = await finish(extra, task.taskId);
        const status = result.isError === true ? 'failed' : 'completed';
        await extra.taskStore.storeTaskResult(task.taskId, status, result);
      };
      // A task that was cancelled meanwhile takes no result.
      work().catch(() => {});
      return { task };
    },
    ...reading,
  });
  tasks.registerToolTask(
    'work',
    { description: 'Works as a task alone', execution: { taskSupport: 'required' } },
    working(async () => {
      await elapsed(workMs);
      return {
        content: [
          { type: 'text', text: 'worked' },
          { type: 'resource_link', uri: 'memo://made', name: 'made' },
        ],
      };
    }),
  );
  tasks.registerToolTask(
    'fail',
    { description: 'Fails as a tool does', execution: { taskSupport: 'required' } },
    working(async () => {
      await elapsed(workMs);
      return { content: [{ type: 'text', text: 'no luck' }], isError: true };
    }),
  );
  tasks.registerToolTask(
    'endless',
    { description: 'Works until it is cancelled', execution: { taskSupport: 'required' } },
    working(() => new Promise(() => {})),
  );
  for (const [name, taskSupport] of [
    ['confirm', 'optional'],
    ['consent', 'required'],
  ] as const)
    tasks.registerToolTask(
      name,
      { description: 'Asks before it is done', execution: { taskSupport } },
      working(async (extra, taskId) => {
        await extra.taskStore.updateTaskStatus(taskId, 'input_required');
        const answer = await server.server.request(
          {
            method: 'elicitation/create',
            params: { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: {} } },
          },
          ElicitResultSchema,
          { relatedTask: { taskId } },
        );
        return { content: [{ type: 'text', text: answer.action }] };
      }),
    );
  server.registerTool('plain', { description: 'Works at once' }, () => ({
    content: [{ type: 'text', text: 'at once' }],
  }));
  server.registerTool('delegate', { description: 'Has its client sample as a task' }, async (extra) => {
    const stream = server.server.experimental.tasks.createMessageStream(
      { messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }], maxTokens: 10 },
      { task: { ttl: 60_000 }, relatedRequestId: extra.requestId },
    );
    const steps: unknown[] = [];
    for await (const step of stream) {
      steps.push(step.type);
      if (step.type === 'taskCreated') steps.push(step.task.taskId);
      if (step.type === 'result') steps.push(step.result.content);
      if (step.type === 'error') steps.push(step.error.message);
    }
    return { content: [{ type: 'text', text: JSON.stringify(steps) }] };
  });
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
