/** Clients of the session era whose calls a server of 2026-07-28 makes tasks of: the gateway waits in their place (SEP-2663). */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startEverything } from '../../support/everything.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, sayError, startModern } from '../../support/modern-upstream.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { openSession, openStream, posting } from '../../support/plain-client.ts';
import { resultOf, sayJson } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';

const extension = 'io.modelcontextprotocol/tasks';
const brief = { taskId: 't-1', status: 'working', createdAt: 'c', lastUpdatedAt: 'l', ttlMs: null, pollIntervalMs: 1 };
let gateway: GatewayProcess;
let upstream: ModernUpstream;
/** What tasks/get tells, one after the other; the last is told on. `undefined`: an HTTP error. */
let told: (object | undefined)[];

beforeAll(async () => {
  upstream = await startModern(
    (message, response) => {
      if (message.method === 'tools/call') sayJson(response, resultOf(message, { resultType: 'task', ...brief }));
      else if (message.method === 'tasks/get') {
        const next = told.length > 1 ? told.shift() : told[0];
        if (next === undefined) response.writeHead(500).end();
        else if ('code' in next) sayError(response, message, 200, next);
        else sayJson(response, completed(message, { ...brief, ...next }));
      } else sayJson(response, completed(message, {}));
    },
    { tools: {}, extensions: { [extension]: {} } },
  );
  const everything = await startEverything('modern');
  gateway = await startGateway({
    config: { mcpServers: { up: { url: upstream.url }, everything: { url: everything } } },
    admin: false,
  });
});

const methods = ['tasks/get', 'tasks/update', 'tasks/cancel'] as const;
const done = { status: 'completed', result: { content: [{ type: 'text', text: 'done' }] } };
const call = { name: 'up__do', arguments: { a: 1 } };
const session = (): Promise<PlainSession> => openSession(gateway.url, { capabilities: { elicitation: {} } });

describe('a real server', () => {
  test('is waited for, whatever the revision of the client', async () => {
    for (const revision of ['2025-03-26', '2025-06-18', '2025-11-25']) {
      const client = await openSession(gateway.url, { revision });
      const { result } = await client.ask('tools/call', {
        name: 'everything__slow_compute',
        arguments: { seconds: 0.2 },
      });
      expect(result?.['content']).toEqual([{ type: 'text', text: 'computed for 0.2 s' }]);
      expect(client.initialized['capabilities']).not.toHaveProperty('tasks');
    }
  });

  test('that fails is heard: as a tool, and as a server', async () => {
    const client = await session();
    const failed = await client.ask('tools/call', { name: 'everything__failing_job' });
    expect(failed.result).toMatchObject({ isError: true, content: [{ text: 'the job has failed' }] });
    const broken = await client.ask('tools/call', { name: 'everything__protocol_error_job' });
    expect(broken.error).toMatchObject({ code: -32603, message: 'Error: the server is broken' });
  });

  test('asks on the way, and gets each answer as the task’s own', async () => {
    const questions: string[] = [];
    const { client } = await sdkClient(gateway.url, {
      elicit: ({ message }) => {
        questions.push(message);
        return { action: 'accept', content: { name: `${questions.length}`, confirm: 'yes' } };
      },
    });
    const one = await client.callTool({ name: 'everything__confirm_delete', arguments: { filename: 'a.txt' } });
    expect(JSON.stringify(one['content'])).toContain(
      'asked for a.txt: {\\\\\\"action\\\\\\":\\\\\\"accept\\\\\\"'.replaceAll('\\\\\\', '\\'),
    );
    const two = await client.callTool({ name: 'everything__multi_input', arguments: {} });
    expect(JSON.stringify(two['content'])).toContain('second');
    expect(questions).toEqual(['[everything] Delete a.txt?', '[everything] First?', '[everything] Second?']);
  });

  test('that asks before it begins a task is asked for with both', async () => {
    const { client } = await sdkClient(gateway.url, {
      elicit: () => ({ action: 'accept', content: { name: 'Ada' } }),
    });
    const { content } = await client.callTool({ name: 'everything__test_tool_with_task', arguments: {} });
    expect(JSON.stringify(content)).toContain('Ada');
  });
});

describe('a task', () => {
  let before: Record<string, number>;
  beforeEach(() => count());
  function count(): void {
    before = Object.fromEntries(methods.map((method) => [method, upstream.requestsOf(method).length]));
  }
  const since = (method: (typeof methods)[number]): number =>
    upstream.requestsOf(method).length - (before[method] ?? 0);

  test('is asked for until it is done, by its own id, and what it comes to has the id of the call', async () => {
    told = [{}, {}, done];
    const client = await session();
    const answer = await client.post(
      JSON.stringify({ jsonrpc: '2.0', id: 'mine', method: 'tools/call', params: call }),
    );
    expect(answer.body).toContain('{"jsonrpc":"2.0","id":"mine","result":{"content":[{"type":"text","text":"done"}]}}');
    expect(since('tasks/get')).toBe(3);
    const { headers, params } = upstream.lastOf('tasks/get');
    expect(headers['mcp-name']).toBe('t-1');
    expect(params['taskId']).toBe('t-1');
    expect(params['_meta']).toMatchObject({
      'io.modelcontextprotocol/clientCapabilities': { extensions: { [extension]: {} } },
    });
  });

  test('has its URIs made the gateway’s, and its errors keep to their codes', async () => {
    told = [{ status: 'completed', result: { content: [{ type: 'resource_link', uri: 'memo://a', name: 'a' }] } }];
    const client = await session();
    expect((await client.ask('tools/call', call)).result?.['content']).toMatchObject([{ uri: 'up+memo://a' }]);
    told = [{ status: 'failed', error: { code: 7, message: 'm', data: { x: 1 } } }];
    expect((await client.ask('tools/call', call)).error).toEqual({ code: 7, message: 'm', data: { x: 1 } });
  });

  test('is asked for again when one answer fails, five times in a row and no more', async () => {
    told = [undefined, {}, undefined, done];
    const client = await session();
    expect((await client.ask('tools/call', call)).result).toMatchObject({ content: [{ text: 'done' }] });
    count();
    told = [undefined];
    expect((await client.ask('tools/call', call)).error?.code).toBe(-32603);
    expect(since('tasks/get')).toBe(6);
    await expect.poll(() => since('tasks/cancel')).toBe(1);
  }, 30_000);

  test('that is not known any more, was cancelled, or is none ends the call: -32603', async () => {
    const client = await session();
    for (const odd of [
      { code: -32602, message: 'gone' },
      { status: 'cancelled' },
      { status: 'odd' },
      { status: 'completed' },
    ]) {
      told = [odd];
      expect((await client.ask('tools/call', call)).error?.code).toBe(-32603);
    }
  });

  test('is cancelled when its client cancels the call', async () => {
    told = [{}];
    const client = await session();
    const answered = client.post(JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: call }));
    await expect.poll(() => since('tasks/get')).toBeGreaterThan(0);
    await client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}');
    await expect.poll(() => since('tasks/cancel')).toBe(1);
    expect((await answered).body).not.toContain('"id":5');
  });

  test('that waits for an answer is cancelled when its client refuses one, or cancels the call', async () => {
    told = [
      {
        status: 'input_required',
        inputRequests: { q: { method: 'sampling/createMessage', params: { messages: [] } } },
      },
    ];
    const client = await openSession(gateway.url, { capabilities: { sampling: {} } });
    const headers = posting('Mcp-Session-Id', client.token);
    const body = JSON.stringify({ jsonrpc: '2.0', id: 6, method: 'tools/call', params: call });
    const refusing = await openStream(gateway.url, { headers, body });
    const { id } = await refusing.until(({ method }) => method === 'sampling/createMessage');
    await client.post(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -1, message: 'no' } }));
    expect(await refusing.until((message) => message.id === 6)).toMatchObject({ result: { isError: true } });
    await expect.poll(() => since('tasks/cancel')).toBe(1);
    const leaving = await openStream(gateway.url, { headers, body: body.replace('6', '7') });
    await leaving.until(({ method }) => method === 'sampling/createMessage');
    await client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}');
    await expect.poll(() => since('tasks/cancel')).toBe(2);
  });

  test('cannot be named by a client: what stands in its call as state goes to the server as it is', async () => {
    told = [done];
    const client = await session();
    await client.ask('tools/call', { ...call, requestState: 'task t-2', inputResponses: { a: {} } });
    expect(since('tasks/update')).toBe(0);
    expect(upstream.lastOf('tools/call').params['requestState']).toBe('task t-2');
  });
});
