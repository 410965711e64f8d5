/**
 * Servers that ask about tasks at their client, and clients that speak of tasks: who may, and under which id (2025-11-25
 * basic/utilities/tasks).
 */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { OpenStream, PlainSession, Rpc } from '../../support/plain-client.ts';
import { openSession, openStream, posting } from '../../support/plain-client.ts';
import { resultOf, sayEvents, startScripted } from '../../support/scripted-upstream.ts';

const related = 'io.modelcontextprotocol/related-task';
let gateway: GatewayProcess;
/** What the server asks in the middle of a call, the answers it gets, and what its neighbour hears. */
let asking: object[];
const heard: Rpc[] = [];
const neighbour: Rpc[] = [];

beforeAll(async () => {
  const capabilities = { tools: {}, tasks: { cancel: {}, requests: { tools: { call: {} } } } };
  const up = await startScripted(
    (message, response) => {
      const say = sayEvents(response);
      for (const each of asking) say(JSON.stringify({ jsonrpc: '2.0', ...each }));
      say(resultOf(message, { content: [], _meta: { [related]: { taskId: 'theirs' } } }));
      response.end();
    },
    { sessionId: 'up', capabilities, heard: (message) => void (message.method === undefined && heard.push(message)) },
  );
  const other = await startScripted(() => {}, { sessionId: 'other', heard: (message) => void neighbour.push(message) });
  gateway = await startGateway({
    config: { mcpServers: { up: { url: up.url }, other: { url: other.url } } },
    admin: false,
  });
});

beforeEach(() => void heard.splice(0));

function call(session: PlainSession): Promise<OpenStream> {
  return openStream(session.url, {
    headers: posting('Mcp-Session-Id', session.token),
    body: '{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"up__do"}}',
  });
}

const questions = ['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/list'].map((method, id) => ({
  id,
  method,
  params: { taskId: 'mine' },
}));

test('a client that declared tasks is asked about them by its own ids, but never for a list', async () => {
  asking = questions;
  const stream = await call(await openSession(gateway.url, { capabilities: { tasks: { cancel: {} } } }));
  await stream.ended;
  expect(stream.messages.slice(0, -1).map(({ method, params }) => [method, params?.['taskId']])).toEqual([
    ['tasks/get', 'mine'],
    ['tasks/result', 'mine'],
    ['tasks/cancel', 'mine'],
  ]);
  await expect.poll(() => heard.map(({ id, error }) => [id, error?.code])).toEqual([[3, -32601]]);
});

test('for a client that did not the gateway says that it has none', async () => {
  asking = questions;
  const stream = await call(await openSession(gateway.url));
  await stream.ended;
  expect(stream.messages.length).toBe(1);
  await expect
    // Each answer is a request of its own, so they may overtake one another.
    .poll(() =>
      heard.map(({ id, error }) => [id, error?.code]).toSorted(([one], [other]) => Number(one) - Number(other)),
    )
    .toEqual([
      [0, -32601],
      [1, -32601],
      [2, -32601],
      [3, -32601],
    ]);
});

test('what a client answers for a task of the server names it as the server does, and its own task as itself', async () => {
  asking = [
    { id: 'q', method: 'roots/list', params: { _meta: { [related]: { taskId: 'theirs' } } } },
    {
      method: 'notifications/message',
      params: { level: 'info', data: 1, _meta: { [related]: { taskId: 'theirs' } } },
    },
  ];
  const session = await openSession(gateway.url, { capabilities: { roots: {} } });
  const stream = await call(session);
  await stream.ended;
  const named = stream.messages.map(
    ({ params = {}, result = params }) => (result['_meta'] as Record<string, { taskId: string }>)[related]?.taskId,
  );
  expect(named.length).toBe(3);
  expect(new Set(named).size).toBe(1);
  expect(named[0]).not.toBe('theirs');
  const { id } = stream.messages[0]!;
  for (const taskId of [named[0], 'mine']) {
    const result = { roots: [], _meta: { [related]: { taskId } } };
    expect((await session.post(JSON.stringify({ jsonrpc: '2.0', id, result }))).status).toBe(202);
  }
  expect(heard.map(({ result }) => result?.['_meta'])).toEqual([
    { [related]: { taskId: 'theirs' } },
    { [related]: { taskId: 'mine' } },
  ]);
});

test('the status of a task at the client, which names no server, is told to none', async () => {
  const session = await openSession(gateway.url, { capabilities: { tasks: {} } });
  const params = { taskId: 'mine', status: 'working' };
  await session.post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tasks/status', params }));
  await session.post('{"jsonrpc":"2.0","method":"notifications/x"}');
  await expect.poll(() => neighbour.map(({ method }) => method)).toContain('notifications/x');
  expect(neighbour.filter(({ method }) => method?.includes('tasks'))).toEqual([]);
});
