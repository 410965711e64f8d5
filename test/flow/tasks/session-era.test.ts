/** Tasks of 2025-11-25 through the gateway, with a real SDK client and server, and two replicas (2025-11-25 basic/utilities/tasks). */
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { startReplicas } from '../../support/replicas.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';
import type { TaskServer } from '../../support/task-server.ts';
import { startTaskServer } from '../../support/task-server.ts';

let server: TaskServer;
let replicas: GatewayProcess[];

beforeAll(async () => {
  server = await startTaskServer();
  const plain = await startStatefulServer({ name: 'plain' });
  replicas = await startReplicas(2, { mcpServers: { up: { url: server.url }, plain: { url: plain.url } } });
});

interface Tool {
  readonly name: string;
  readonly execution?: unknown;
}

/** The session as each replica serves it. */
async function twice(capabilities: object = {}, revision = '2025-11-25'): Promise<[PlainSession, PlainSession]> {
  const first = await openSession(replicas[0]!.url, { capabilities, revision });
  return [first, first.at(replicas[1]!.url)];
}

async function toolsOf(session: PlainSession): Promise<Tool[]> {
  const { result = {} } = await session.ask('tools/list');
  return result['tools'] as Tool[];
}

const begin = { name: 'up__work', task: { ttl: 30_000 } };
const idOf = ({ result }: Rpc): string => (result?.['task'] as { taskId: string } | undefined)?.taskId ?? 'none';
const relatedTo = ({ result }: Rpc): unknown =>
  (result?.['_meta'] as Record<string, unknown> | undefined)?.['io.modelcontextprotocol/related-task'];

describe('tasks are declared', () => {
  test('to a client of 2025-11-25, without a list, which shows what others have begun', async () => {
    const [session] = await twice();
    expect(session.initialized['capabilities']).toMatchObject({
      tasks: { cancel: {}, requests: { tools: { call: {} } } },
    });
    expect(session.initialized['capabilities']).not.toHaveProperty('tasks.list');
    expect((await session.ask('tasks/list')).error?.code).toBe(-32601);
  });

  test('to no older client, nor does it read of them in the list of tools', async () => {
    for (const revision of ['2025-03-26', '2025-06-18']) {
      const [session] = await twice({}, revision);
      expect(session.initialized['capabilities']).not.toHaveProperty('tasks');
      const tools = await toolsOf(session);
      expect(tools.map(({ name }) => name)).toContain('up__work');
      // What forbids tasks says nothing that an older client could trip over.
      expect(JSON.stringify(tools)).not.toMatch(/"taskSupport":"(?:required|optional)"/);
    }
  });

  test('tool by tool where the server takes them', async () => {
    const [session] = await twice();
    const supports = Object.fromEntries((await toolsOf(session)).map((tool) => [tool.name, tool.execution]));
    expect(supports).toMatchObject({
      up__work: { taskSupport: 'required' },
      up__confirm: { taskSupport: 'optional' },
    });
    expect(supports['plain__echo']).toBeUndefined();
  });
});

describe('a task at a server', () => {
  test('runs to its result with the SDK’s own client, whose URIs are the gateway’s', async () => {
    const { client } = await sdkClient(replicas[0]!.url);
    await client.listTools();
    const steps: unknown[] = [];
    for await (const step of client.experimental.tasks.callToolStream({ name: 'up__work' })) {
      if (step.type === 'result') steps.push(step.result['content']);
      else if (steps.at(-1) !== step.type) steps.push(step.type);
    }
    expect(steps).toEqual([
      'taskCreated',
      'taskStatus',
      [
        { type: 'text', text: 'worked' },
        { type: 'resource_link', uri: 'up+memo://made', name: 'made' },
      ],
    ]);
  });

  test('has one id of the gateway’s in every message, good at every replica', async () => {
    const [here, there] = await twice();
    const created = await here.ask('tools/call', begin);
    const taskId = idOf(created);
    const own = server.taskIds();
    expect(own).not.toContain(taskId);
    expect(JSON.stringify(created)).not.toContain(own.at(-1));
    expect((await there.ask('tasks/get', { taskId })).result).toMatchObject({ taskId, status: 'working', ttl: 30_000 });
    const done = await there.ask('tasks/result', { taskId });
    expect(done.result?.['content']).toMatchObject([{ text: 'worked' }, { uri: 'up+memo://made' }]);
    expect(relatedTo(done)).toEqual({ taskId });
    expect((await here.ask('tasks/get', { taskId })).result).toMatchObject({ taskId, status: 'completed' });
  });

  test('is waited for however long it is silent, unlike other calls', async () => {
    const slow = await startScripted(
      async (message, response) => {
        if (message.method === 'tasks/result') await sleep(3_000);
        const task = { taskId: 't', status: 'working', createdAt: 'c', lastUpdatedAt: 'l', ttl: null };
        sayJson(response, resultOf(message, message.method === 'tools/call' ? { task } : { content: [] }));
      },
      { sessionId: 's', capabilities: { tools: {}, tasks: { requests: { tools: { call: {} } } } } },
    );
    const config = { mcpServers: { slow: { url: slow.url, timeout: 1_000 } } };
    const session = await openSession((await startGateway({ config, admin: false })).url);
    const taskId = idOf(await session.ask('tools/call', { name: 'slow__do', task: {} }));
    expect((await session.ask('tasks/result', { taskId })).result).toEqual({ content: [] });
  }, 20_000);

  test('is cancelled where it runs, from another replica', async () => {
    const [here, there] = await twice();
    const taskId = idOf(await here.ask('tools/call', { ...begin, name: 'up__endless' }));
    const own = server.taskIds().at(-1)!;
    expect((await there.ask('tasks/cancel', { taskId })).result).toMatchObject({ taskId, status: 'cancelled' });
    expect(server.statusOf(own)).toBe('cancelled');
    expect((await here.ask('tasks/cancel', { taskId })).error?.code).toBe(-32602);
  });

  test('is nobody else’s: another session, the server’s own id and any other text are -32602', async () => {
    const [mine] = await twice();
    const [stranger] = await twice();
    const taskId = idOf(await mine.ask('tools/call', begin));
    const odd = [server.taskIds().at(-1), `${taskId}A`, taskId.slice(0, -1), '', 7, null, undefined];
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
      expect((await stranger.ask(method, { taskId })).error?.code).toBe(-32602);
      for (const other of odd) expect((await mine.ask(method, { taskId: other })).error?.code).toBe(-32602);
    }
    expect((await mine.ask('tasks/get', { taskId })).result?.['taskId']).toBe(taskId);
  });

  test('asks its client on the stream of tasks/result, under the id that the client knows, and hears the answer', async () => {
    const related: unknown[] = [];
    const { client } = await sdkClient(replicas[0]!.url, {
      elicit: ({ message, _meta }) => {
        related.push([message, _meta?.['io.modelcontextprotocol/related-task']]);
        return { action: 'accept', content: {} };
      },
    });
    await client.listTools();
    let taskId: string | undefined;
    const results: unknown[] = [];
    for await (const step of client.experimental.tasks.callToolStream({ name: 'up__confirm' }, CallToolResultSchema)) {
      if (step.type === 'taskCreated') taskId = step.task.taskId;
      if (step.type === 'result') results.push(step.result.content);
    }
    expect(results).toEqual([[{ type: 'text', text: 'accept' }]]);
    expect(related).toEqual([['[up] Sure?', { taskId }]]);
  });
});

describe('a task at a client', () => {
  test('keeps the client’s own id: its server polls it, and gets the result', async () => {
    const { client, store } = await samplingClient({
      tasks: { cancel: {}, requests: { sampling: { createMessage: {} } } },
    });
    const { content } = CallToolResultSchema.parse(await client.callTool({ name: 'up__delegate' }));
    const steps = JSON.parse((content[0] as { text: string }).text) as unknown[];
    expect(steps.slice(0, 3)).toEqual(['taskCreated', store.getAllTasks()[0]?.taskId, 'taskStatus']);
    expect(steps.slice(-2)).toEqual(['result', { type: 'text', text: 'sampled' }]);
  });
});

async function samplingClient(tasks: object): Promise<{ client: Client; store: InMemoryTaskStore }> {
  const store = new InMemoryTaskStore();
  closedAtTheEnd(() => Promise.resolve(store.cleanup()));
  const client = new Client(
    { name: 'hosting', version: '1' },
    { capabilities: { sampling: {}, ...tasks }, taskStore: store },
  );
  client.setRequestHandler(CreateMessageRequestSchema, async ({ params }, extra) => {
    const message = { model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled' } } as const;
    if (params.task === undefined || extra.taskStore === undefined) return message;
    const { taskStore } = extra;
    const task = await taskStore.createTask({ ttl: 30_000, pollInterval: 20 });
    setTimeout(() => void taskStore.storeTaskResult(task.taskId, 'completed', message), 100);
    return { task };
  });
  closedAtTheEnd(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(replicas[0]!.url)));
  return { client, store };
}
