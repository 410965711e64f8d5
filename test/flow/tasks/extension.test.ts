/** The extension io.modelcontextprotocol/tasks between clients and servers of 2026-07-28 (SEP-2663). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startEverything } from '../../support/everything.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Asked, Asking } from '../../support/modern-client.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, startModern } from '../../support/modern-upstream.ts';
import type { OpenStream, Rpc } from '../../support/plain-client.ts';
import { openStream, posting, send } from '../../support/plain-client.ts';
import { startReplicas } from '../../support/replicas.ts';
import { resultOf, sayEvents, sayJson } from '../../support/scripted-upstream.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const extension = 'io.modelcontextprotocol/tasks';
const capabilities = { elicitation: {}, extensions: { [extension]: {} } };
const brief = { taskId: 'own "1"', status: 'working', createdAt: 'c', lastUpdatedAt: 'l', ttlMs: null };
let replicas: GatewayProcess[];
let upstream: ModernUpstream;
let plain: ModernUpstream;
/** What tasks/get tells of the scripted upstream's task. */
let detail: object;
/** Writes to the subscriptions that the scripted upstream has open. */
const open = new Set<(method: string, params: object) => void>();
/** How many subscriptions are answered with 404 from now on, as by a server that is being replaced. */
let unfound = 0;

beforeAll(async () => {
  upstream = await startModern(
    (message, response, request) => {
      if (message.method === 'subscriptions/listen' && unfound > 0) {
        unfound -= 1;
        response.writeHead(404).end();
      } else if (message.method === 'subscriptions/listen') {
        const say = sayEvents(response);
        const push = (method: string, params: object): void => say(JSON.stringify({ jsonrpc: '2.0', method, params }));
        push('notifications/subscriptions/acknowledged', { notifications: message.params?.['notifications'] });
        open.add(push);
        request.signal.addEventListener('abort', () => open.delete(push));
      } else if (message.method === 'tools/call')
        sayJson(response, resultOf(message, { resultType: 'task', ...brief }));
      else sayJson(response, completed(message, message.method === 'tasks/get' ? detail : {}));
    },
    { tools: {}, extensions: { [extension]: {} } },
  );
  plain = await startModern((message, response) => sayJson(response, completed(message, { content: [] })));
  const everything = await startEverything('both');
  replicas = await startReplicas(2, {
    mcpServers: { up: { url: upstream.url }, plain: { url: plain.url }, everything: { url: everything } },
  });
});

function ask(method: string, params: Asking['params'] = {}, at = 0, more: Asking = {}): Promise<Asked> {
  return askModern(replicas[at]!.url, method, { params, capabilities, ...more });
}

async function begun(name = 'up__do', args: object = {}): Promise<string> {
  const { rpc } = await ask('tools/call', { name, arguments: args });
  expect(rpc.result?.['resultType']).toBe('task');
  return String(rpc.result?.['taskId']);
}

describe('server/discover', () => {
  test('has the extension where an upstream has it', async () => {
    const { rpc } = await ask('server/discover');
    expect(rpc.result?.['capabilities']).toMatchObject({ extensions: { [extension]: {} } });
  });

  test('has it not where none has', async () => {
    const legacy = await startStatefulServer({ name: 'legacy' });
    const gateway = await startGateway({
      config: { mcpServers: { plain: { url: plain.url }, legacy: { url: legacy.url } } },
      admin: false,
    });
    const { rpc } = await askModern(gateway.url, 'server/discover');
    expect(rpc.result?.['capabilities']).not.toHaveProperty('extensions');
  });
});

describe('a call', () => {
  test('may be answered with a task, under an id of the gateway’s, and otherwise to the byte', async () => {
    const { rpc, answer } = await ask('tools/call', { name: 'up__do' });
    const { _meta: meta, ...task } = rpc.result ?? {};
    expect(task).toEqual({ ...brief, resultType: 'task', taskId: expect.stringMatching(/^[\w-]{40,}$/) as unknown });
    expect(meta).toHaveProperty(['io.modelcontextprotocol/serverInfo']);
    expect(answer.body).not.toContain('own');
  });

  test('declares the extension to an upstream that has it and to no other', async () => {
    const said = 'io.modelcontextprotocol/clientCapabilities';
    await ask('tools/call', { name: 'up__do' });
    await ask('tools/call', { name: 'plain__do' });
    expect(upstream.lastOf('tools/call').params['_meta']).toMatchObject({ [said]: capabilities });
    expect(plain.lastOf('tools/call').params['_meta']).toMatchObject({ [said]: { elicitation: {} } });
    expect(plain.lastOf('tools/call').text).not.toContain(extension);
  });

  test('of a client that did not declare it is not answered with one: -32603, and no id is shown', async () => {
    const { rpc, answer } = await ask('tools/call', { name: 'up__do' }, 0, { capabilities: {} });
    expect(rpc.error?.code).toBe(-32603);
    expect(answer.body).not.toContain('taskId');
    expect(upstream.lastOf('tools/call').text).not.toContain(extension);
  });

  test('to a server that serves it as a task alone is refused where the client declared nothing: -32021', async () => {
    const { status, rpc } = await ask('tools/call', { name: 'everything__failing_job' }, 0, { capabilities: {} });
    expect([status, rpc.error?.code]).toEqual([400, -32021]);
    expect(rpc.error?.data).toEqual({ requiredCapabilities: { extensions: { [extension]: {} } } });
  });

  test('by a bare name finds what its era is listed, whatever another era has been listed before', async () => {
    const gateway = await startGateway({
      config: { mcpServers: { everything: { url: await startEverything('both') } } },
      admin: false,
    });
    const listing = { headers: posting(), body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' };
    expect((await send(gateway.url, listing)).body).not.toContain('greet"');
    const { rpc } = await askModern(gateway.url, 'tools/call', {
      params: { name: 'greet', arguments: { name: 'Ada' } },
    });
    expect(rpc.result?.['content']).toEqual([{ type: 'text', text: 'Hello, Ada!' }]);
  });
});

describe('a task', () => {
  test('of a real server is polled, asked, answered and done, each time at another replica', async () => {
    const taskId = await begun('everything__confirm_delete', { filename: 'a.txt' });
    const asking = await ask('tasks/get', { taskId }, 1);
    expect(asking.rpc.result).toMatchObject({ resultType: 'complete', taskId, status: 'input_required' });
    expect(asking.rpc.result?.['inputRequests']).toMatchObject({
      confirm: { method: 'elicitation/create', params: { message: '[everything] Delete a.txt?' } },
    });
    const inputResponses = { confirm: { action: 'accept', content: { confirm: 'yes' } } };
    const updated = await ask('tasks/update', { taskId, inputResponses }, 0);
    expect(Object.keys(updated.rpc.result ?? {}).toSorted()).toEqual(['_meta', 'resultType']);
    const done = await ask('tasks/get', { taskId }, 1);
    expect(done.rpc.result).toMatchObject({ taskId, status: 'completed' });
    expect(JSON.stringify(done.rpc.result?.['result'])).toContain('asked for a.txt');
  });

  test('is cancelled at its upstream', async () => {
    const taskId = await begun('everything__slow_compute', { seconds: 60 });
    const { rpc } = await ask('tasks/cancel', { taskId }, 1);
    expect(rpc.result?.['resultType']).toBe('complete');
    expect((await ask('tasks/get', { taskId })).rpc.result?.['status']).toBe('cancelled');
  });

  test('is known to its upstream by its own id, in the body and in Mcp-Name', async () => {
    detail = brief;
    const taskId = await begun();
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      await ask(method, { taskId, inputResponses: { a: 1 } });
      const { headers, params } = upstream.lastOf(method);
      expect(params).toMatchObject({ taskId: 'own "1"', inputResponses: { a: 1 } });
      expect(headers).toMatchObject({ 'mcp-method': method, 'mcp-name': 'own "1"' });
      expect(params['_meta']).toMatchObject({ 'io.modelcontextprotocol/clientCapabilities': capabilities });
    }
  });

  test('holds its result, its error and its questions as they would have come by themselves', async () => {
    const link = { type: 'resource_link', uri: 'memo://a', name: 'a' };
    detail = {
      ...brief,
      status: 'completed',
      result: { content: [link], isError: true, x: 1 },
      error: { code: -32042, message: 'm', data: { uri: 'memo://b' } },
      inputRequests: { q: { method: 'elicitation/create', params: { message: 'Sure?' } } },
    };
    const { rpc } = await ask('tasks/get', { taskId: await begun() });
    expect(rpc.result).toMatchObject({
      result: { content: [{ ...link, uri: 'up+memo://a' }], isError: true, x: 1 },
      error: { code: -32603, message: 'm', data: { code: -32042, data: { uri: 'up+memo://b' } } },
      inputRequests: { q: { method: 'elicitation/create', params: { message: '[up] Sure?' } } },
    });
  });

  test('of which a client without the extension asks is -32021, at the gateway', async () => {
    const taskId = await begun();
    const before = upstream.server.requests.length;
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const { status, rpc } = await ask(method, { taskId }, 0, { capabilities: { elicitation: {} } });
      expect([status, rpc.error?.code]).toEqual([400, -32021]);
      expect(rpc.error?.data).toEqual({ requiredCapabilities: { extensions: { [extension]: {} } } });
    }
    expect(upstream.server.requests.length).toBe(before);
  });

  test('is -32602 under its upstream’s id, another’s, or any other text', async () => {
    const taskId = await begun();
    const stranger = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      for (const odd of ['own "1"', `${taskId}A`, taskId.slice(1), 'x', '', 7, null])
        expect((await ask(method, { taskId: odd })).rpc.error?.code).toBe(-32602);
      const { rpc } = await askModern(stranger.url, method, { params: { taskId }, capabilities });
      expect(rpc.error?.code).toBe(-32602);
    }
  });

  test('needs its id in Mcp-Name as well: -32020', async () => {
    const taskId = await begun();
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      for (const name of [undefined, 'x', 'own "1"']) {
        const { status, rpc } = await ask(method, { taskId }, 0, { headers: { 'Mcp-Name': name } });
        expect([status, rpc.error?.code]).toEqual([400, -32020]);
      }
  });

  test('is neither listed nor waited for, as in 2025-11-25: 404 and -32601', async () => {
    const taskId = await begun();
    for (const method of ['tasks/list', 'tasks/result']) {
      const { status, rpc } = await ask(method, { taskId });
      expect([status, rpc.error?.code]).toEqual([404, -32601]);
    }
  });
});

function subscribe(taskIds: unknown, declared: object = capabilities): Promise<OpenStream> {
  const params = { notifications: { taskIds } };
  return openStream(
    replicas[1]!.url,
    modernRequest('subscriptions/listen', { id: '"s"', params, capabilities: declared }),
  );
}
const told = ({ messages }: OpenStream): Rpc[] => messages.filter(({ method }) => method === 'notifications/tasks');

describe('a subscription to tasks', () => {
  test('tells of those tasks that are the client’s, under the ids that it knows, rewritten as tasks/get is', async () => {
    const taskId = await begun();
    const stream = await subscribe([taskId, 'foreign', 7, taskId]);
    const first = await stream.until(() => true);
    expect(first).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { taskIds: [taskId] } },
    });
    await expect.poll(() => open.size).toBe(1);
    const asked = upstream.lastOf('subscriptions/listen').params;
    expect(asked['notifications']).toMatchObject({ taskIds: ['own "1"'] });
    expect(asked['_meta']).toMatchObject({
      'io.modelcontextprotocol/clientCapabilities': { extensions: { [extension]: {} } },
    });
    const result = { content: [{ type: 'resource_link', uri: 'memo://a', name: 'a' }] };
    for (const each of ['another', 'own "1"'])
      open.forEach((push) => push('notifications/tasks', { ...brief, taskId: each, status: 'completed', result }));
    await stream.until(({ method }) => method === 'notifications/tasks');
    expect(told(stream).map(({ params }) => params)).toEqual([
      {
        ...brief,
        taskId,
        status: 'completed',
        result: { content: [{ type: 'resource_link', uri: 'up+memo://a', name: 'a' }] },
        _meta: { 'io.modelcontextprotocol/subscriptionId': 's' },
      },
    ]);
    stream.close();
    await expect.poll(() => open.size).toBe(0);
  });

  test('is for the same tasks after its server was not to be found for a moment', async () => {
    const taskId = await begun();
    unfound = 1;
    const stream = await subscribe([taskId]);
    await expect.poll(() => open.size).toBe(1);
    expect(unfound).toBe(0);
    expect(upstream.lastOf('subscriptions/listen').params['notifications']).toMatchObject({ taskIds: ['own "1"'] });
    stream.close();
    await expect.poll(() => open.size).toBe(0);
  });

  test('by a client that did not declare the extension is -32021', async () => {
    const answer = await send(
      replicas[1]!.url,
      modernRequest('subscriptions/listen', { params: { notifications: { taskIds: [] } } }),
    );
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('-32021');
  });

  test('names at most 256: more, and what is no list, is -32602', async () => {
    const most = await subscribe(Array.from({ length: 256 }, () => 'x'));
    expect(most.messages.length === 0 ? await most.until(() => true) : most.messages[0]).toMatchObject({
      params: { notifications: {} },
    });
    most.close();
    for (const taskIds of [Array.from({ length: 257 }, () => 'x'), 'x', {}]) {
      const { rpc } = await ask('subscriptions/listen', { notifications: { taskIds } });
      expect(rpc.error?.code).toBe(-32602);
    }
  });
});
