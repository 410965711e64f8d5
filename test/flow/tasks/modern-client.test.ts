/** Clients of 2026-07-28 and the tasks of a server of 2025-11-25, a real one (SEP-2663). */
import { beforeAll, describe, expect, test } from 'vitest';
import { memoryEventStore } from '../../support/event-store.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import type { Asked, Asking } from '../../support/modern-client.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openStream } from '../../support/plain-client.ts';
import { startReplicas } from '../../support/replicas.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import type { TaskServer } from '../../support/task-server.ts';
import { startTaskServer } from '../../support/task-server.ts';

const extension = 'io.modelcontextprotocol/tasks';
const declaring = { elicitation: {}, extensions: { [extension]: {} } };
let replicas: GatewayProcess[];
let server: TaskServer;
/** The scripted server has no list at first, so the gateway learns nothing from it as it starts. */
let isListing = false;
/** What the scripted server has been asked. */
const asked: Rpc[] = [];

beforeAll(async () => {
  server = await startTaskServer();
  const capabilities = { tools: {}, tasks: { cancel: {}, requests: { tools: { call: {} } } } };
  const scripted = await startScripted(
    (message, response) => {
      asked.push(message);
      if (message.method === 'tools/list' && !isListing) {
        response.writeHead(500).end();
        return;
      }
      const plain = { name: 'plain', inputSchema: { type: 'object' } };
      const alone = { ...plain, name: 'alone', execution: { taskSupport: 'required' } };
      const listed =
        message.params?.['cursor'] === 'next' ? { tools: [alone] } : { tools: [plain], nextCursor: 'next' };
      sayJson(response, resultOf(message, message.method === 'tools/list' ? listed : { content: [] }));
    },
    { sessionId: 's', capabilities },
  );
  const lasting = await startTaskServer('lasting', memoryEventStore());
  replicas = await startReplicas(2, {
    mcpServers: { up: { url: server.url }, scripted: { url: scripted.url }, lasting: { url: lasting.url } },
  });
  isListing = true;
});

function ask(method: string, params: Asking['params'] = {}, at = 0, capabilities: object = declaring): Promise<Asked> {
  return askModern(replicas[at]!.url, method, { params, capabilities });
}

async function begun(name: string): Promise<string> {
  const { rpc } = await ask('tools/call', { name });
  expect(rpc.result).toMatchObject({ resultType: 'task', taskId: expect.any(String) as unknown });
  return String(rpc.result?.['taskId']);
}

/** Polls at both replicas in turn until the task is over. */
async function ended(taskId: string): Promise<Rpc['result']> {
  for (let turn = 0; turn < 200; turn++) {
    const { rpc } = await ask('tasks/get', { taskId }, turn % 2);
    if (rpc.result?.['status'] !== 'working') return rpc.result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the task does not end');
}

describe('a tool that is called as a task alone', () => {
  test('gives a client that declared the extension a task in the words of 2026-07-28', async () => {
    const { rpc, answer } = await ask('tools/call', { name: 'up__work' });
    expect(rpc.result).toEqual({
      resultType: 'task',
      taskId: expect.any(String) as unknown,
      status: 'working',
      createdAt: expect.any(String) as unknown,
      lastUpdatedAt: expect.any(String) as unknown,
      ttlMs: 60_000,
      pollIntervalMs: 20,
      _meta: { 'io.modelcontextprotocol/serverInfo': expect.anything() as unknown },
    });
    expect(answer.body).not.toContain(server.taskIds().at(-1));
  });

  test('is found again by any replica, with its result inside and nothing of the old words', async () => {
    const taskId = await begun('up__work');
    const task = await ended(taskId);
    expect(task).toMatchObject({
      resultType: 'complete',
      taskId,
      status: 'completed',
      result: { content: [{ text: 'worked' }, { uri: 'up+memo://made' }] },
    });
    expect(JSON.stringify(task)).not.toMatch(/related-task|"ttl"|"pollInterval"/);
  });

  test('that fails as tools do is completed, with the failure in its result', async () => {
    const task = await ended(await begun('up__fail'));
    expect(task).toMatchObject({ status: 'completed', result: { isError: true, content: [{ text: 'no luck' }] } });
  });

  test('is cancelled at the server, from another replica, and once more without a fault', async () => {
    const taskId = await begun('up__endless');
    const own = server.taskIds().at(-1)!;
    for (const at of [1, 0]) {
      const { rpc } = await ask('tasks/cancel', { taskId }, at);
      expect(Object.keys(rpc.result ?? {}).toSorted()).toEqual(['_meta', 'resultType']);
    }
    expect(server.statusOf(own)).toBe('cancelled');
    expect(await ended(taskId)).toMatchObject({ status: 'cancelled' });
  });

  test('that asks on the way ends, since nobody holds the stream on which it would: it is cancelled', async () => {
    const taskId = await begun('up__consent');
    expect(await ended(taskId)).toMatchObject({ taskId, status: 'cancelled' });
    expect((await ask('tasks/update', { taskId, inputResponses: {} }, 1)).rpc.result?.['resultType']).toBe('complete');
  });

  test('gives any other client its result, after as long as it takes', async () => {
    const { rpc } = await ask('tools/call', { name: 'up__work' }, 1, {});
    expect(rpc.result).toMatchObject({
      resultType: 'complete',
      content: [{ text: 'worked' }, { uri: 'up+memo://made' }],
    });
    expect(JSON.stringify(rpc)).not.toContain('related-task');
  });

  test('asks such a client by a round, whose answer it gets', async () => {
    const first = await ask('tools/call', { name: 'up__consent' }, 0, { elicitation: {} });
    expect(first.rpc.result).toMatchObject({ resultType: 'input_required' });
    const { inputRequests = {}, requestState } = first.rpc.result ?? {};
    const [key = ''] = Object.keys(inputRequests as object);
    expect(inputRequests).toMatchObject({ [key]: { params: { message: '[up] Sure?' } } });
    const inputResponses = { [key]: { action: 'accept', content: {} } };
    const again = await ask('tools/call', { name: 'up__consent', inputResponses, requestState }, 0, {
      elicitation: {},
    });
    expect(again.rpc.result).toMatchObject({ resultType: 'complete', content: [{ text: 'accept' }] });
  });

  test('asks so at one replica and hears the answer from another, where its stream can be taken up again', async () => {
    const params = { name: 'lasting__consent' };
    const first = await ask('tools/call', params, 0, { elicitation: {} });
    const { inputRequests = {}, requestState } = first.rpc.result ?? {};
    const [key = ''] = Object.keys(inputRequests as object);
    const inputResponses = { [key]: { action: 'accept', content: {} } };
    const again = await ask('tools/call', { ...params, inputResponses, requestState }, 1, { elicitation: {} });
    expect(again.rpc.result).toMatchObject({ resultType: 'complete', content: [{ text: 'accept' }] });
    expect(JSON.stringify(again.rpc)).not.toContain('related-task');
  });

  test('is cancelled when such a client leaves', async () => {
    const before = server.taskIds().length;
    const stream = openStream(replicas[0]!.url, modernRequest('tools/call', { params: { name: 'up__endless' } }));
    await expect.poll(() => server.taskIds().length).toBe(before + 1);
    const own = server.taskIds().at(-1)!;
    void stream.then((open) => open.close());
    await expect.poll(() => server.statusOf(own)).toBe('cancelled');
  });
});

describe('a task', () => {
  test('that its server no longer knows, or that is none, is -32602', async () => {
    const taskId = await begun('up__work');
    const other = (await ask('tools/call', { name: 'scripted__plain' })).rpc;
    expect(other.result?.['resultType']).toBe('complete');
    for (const odd of [`${taskId}A`, 'x', '[null,"2025-11-25","x"]'])
      expect((await ask('tasks/get', { taskId: odd })).rpc.error?.code).toBe(-32602);
  });
});

describe('other tools', () => {
  test('are told apart by the server’s whole list, and `task` in a call means nothing to them', async () => {
    asked.splice(0);
    await ask('tools/call', { name: 'scripted__plain', task: { ttl: 1 }, arguments: { a: 1 } }, 1);
    await ask('tools/call', { name: 'scripted__alone', arguments: { a: 2 } }, 1);
    const calls = asked.filter(({ method }) => method === 'tools/call').map(({ params }) => params);
    expect(calls).toMatchObject([
      { name: 'plain', arguments: { a: 1 } },
      { name: 'alone', arguments: { a: 2 }, task: {} },
    ]);
    expect(calls[0]).not.toHaveProperty('task');
    expect(asked.filter(({ method }) => method === 'tools/list').length).toBe(2);
  });

  test('work at once, for clients with the extension and without', async () => {
    for (const capabilities of [declaring, {}]) {
      const { rpc } = await ask('tools/call', { name: 'up__plain' }, 0, capabilities);
      expect(rpc.result).toMatchObject({ resultType: 'complete', content: [{ text: 'at once' }] });
    }
  });
});

test('the extension is offered for such a server, and its tools say nothing of tasks', async () => {
  const { rpc } = await ask('server/discover');
  expect(rpc.result?.['capabilities']).toMatchObject({ extensions: { [extension]: {} } });
  expect((await ask('tools/list')).answer.body).not.toMatch(/"taskSupport":"(?:required|optional)"/);
});
