/**
 * Nothing of one client reaches another, through the real command: clients without a session share one at the server, which may write
 * what it likes on any of its streams.
 */
import type { ServerResponse } from 'node:http';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type GatewayProcess } from '../../support/gateway-process.ts';
import { openStream, posting, send, type OpenStream, type Rpc } from '../../support/plain-client.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';

interface Held {
  readonly message: Rpc;
  readonly say: (message: object) => void;
  readonly finish: () => void;
}

const tool = (name: string): object => ({ name, inputSchema: { type: 'object' } });
const held: Held[] = [];
/** Answers of the gateway to what the server has asked. */
const answers: Rpc[] = [];
const listening = new Set<ServerResponse>();
let gateway: GatewayProcess;

beforeAll(async () => {
  const shared = await startScripted(
    (message, response) => {
      if (message.method !== 'tools/call') {
        sayJson(response, resultOf(message, { tools: [tool('x')] }));
        return;
      }
      const write = sayEvents(response);
      const say = (said: object): void => write(JSON.stringify({ jsonrpc: '2.0', ...said }));
      held.push({
        message,
        say,
        finish: () => (say({ id: message.id, result: { content: [] } }), void response.end()),
      });
    },
    {
      sessionId: 'shared-1',
      capabilities: { tools: { listChanged: true }, logging: {} },
      heard: (message) => void answers.push(message),
      get: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        listening.add(response);
        response.on('close', () => listening.delete(response));
      },
    },
  );
  gateway = await startGateway({ config: { mcpServers: { shared: { url: shared.url } } } });
});
beforeEach(() => {
  held.length = 0;
  answers.length = 0;
});

/** The stream of a client's call, and the server's end of it. */
async function call(id: number): Promise<{ stream: OpenStream; at: Held }> {
  const before = held.length;
  const stream = await openStream(gateway.url, {
    headers: posting(),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'shared__x', arguments: {}, _meta: { progressToken: id } },
    }),
  });
  await expect.poll(() => held.length).toBe(before + 1);
  return { stream, at: held[before]! };
}

const methodsOf = ({ messages }: OpenStream): unknown[] => messages.map(({ method, id }) => method ?? id);
const tokenOf = ({ message }: Held): unknown => (message.params!['_meta'] as { progressToken: unknown }).progressToken;
const dropped = async (): Promise<number> => {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return [...text.matchAll(/^manifold_messages_dropped_total\{[^}]*\} (\d+)/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
};
const log = { method: 'notifications/message', params: { level: 'info', data: 'of somebody' } };

describe('while two calls of clients without a session are under way', () => {
  test('a log message, or progress that is not this call’s own, reaches neither, and is counted', async () => {
    const [one, two] = [await call(1), await call(2)];
    const before = await dropped();
    two.at.say(log);
    two.at.say({ method: 'notifications/progress', params: { progressToken: tokenOf(one.at), progress: 1 } });
    two.at.say({ method: 'notifications/progress', params: { progressToken: 'of nobody', progress: 2 } });
    two.at.say({ method: 'notifications/progress', params: { progressToken: tokenOf(two.at), progress: 3 } });
    await two.stream.until(({ params }) => params?.['progress'] === 3);
    for (const { at } of [two, one]) at.finish();
    await Promise.all([one.stream.ended, two.stream.ended]);
    expect(methodsOf(one.stream)).toEqual([1]);
    expect(methodsOf(two.stream)).toEqual(['notifications/progress', 2]);
    expect((await dropped()) - before).toBe(3);
  });

  test('what a server may not ask or say reaches no client: it is answered, or dropped', async () => {
    const { stream, at } = await call(1);
    for (const [id, method] of ['tools/call', 'initialize', 'tools/list', 'resources/subscribe'].entries())
      at.say({ id, method, params: { name: 'rm', arguments: {} } });
    at.say({ method: 'notifications/initialized' });
    at.say({ method: 'notifications/roots/list_changed' });
    await expect.poll(() => answers.length).toBe(4);
    at.finish();
    await stream.ended;
    expect(methodsOf(stream)).toEqual([1]);
    expect(answers.map(({ error }) => error?.code)).toEqual([-32_601, -32_601, -32_601, -32_601]);
  });
});

const write = (message: object): void => {
  for (const response of listening) response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
};

test('on a GET stream without a session nothing comes but news of lists', async () => {
  const stream = await openStream(gateway.url, { method: 'GET', headers: ['Accept', 'text/event-stream'] });
  await expect.poll(() => listening.size).toBeGreaterThan(0);
  const { at, stream: own } = await call(1);
  write(log);
  write({ method: 'notifications/progress', params: { progressToken: tokenOf(at), progress: 1 } });
  write({ method: 'notifications/resources/updated', params: { uri: 'file:///of-somebody' } });
  write({ id: 9, method: 'elicitation/create', params: { message: 'whose?', requestedSchema: { type: 'object' } } });
  write({ method: 'notifications/tools/list_changed' });
  await stream.until(({ method }) => method === 'notifications/tools/list_changed');
  at.finish();
  await own.ended;
  expect(methodsOf(stream)).toEqual(['notifications/tools/list_changed']);
  stream.close();
});

test('a name that one server hides stays unknown, though another has a tool of exactly that name', async () => {
  const called: unknown[] = [];
  const offering = (...names: string[]) =>
    startScripted((message, response) => {
      if (message.method === 'tools/call') called.push(message.params);
      sayJson(
        response,
        resultOf(message, message.method === 'tools/list' ? { tools: names.map(tool) } : { content: [] }),
      );
    });
  const [v, w] = [await offering('safe', 'danger'), await offering('v__danger')];
  const shadowed = await startGateway({
    config: { mcpServers: { v: { url: v.url, excludeTools: ['danger'] }, w: { url: w.url } } },
    admin: false,
  });
  const ask = async (name: string): Promise<string> => {
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{"secret":1}}}`;
    return (await send(shadowed.url, { headers: posting(), body })).body;
  };
  const hidden = await ask('v__danger');
  expect(hidden).toContain('-32602');
  expect(hidden.replaceAll('v__danger', 'v__absent')).toBe(await ask('v__absent'));
  expect(called).toEqual([]);
});
