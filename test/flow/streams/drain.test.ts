/** SIGTERM: nothing new is taken in, what is under way ends well, and clients go on elsewhere (docs/operating.md §Stopping). */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { startKeeping } from '../../support/keeping-upstream.ts';
import { subscribe } from '../../support/modern-client.ts';
import type { OpenStream, PlainSession, Rpc } from '../../support/plain-client.ts';
import { initializeText, listenTo, openSession, openStream, posting, send } from '../../support/plain-client.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { makeKeysFile, startReplicas } from '../../support/replicas.ts';
import { resultOf, sayJson, scripted } from '../../support/scripted-upstream.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

function call({ url, token }: PlainSession, name: string, args: object = {}): Promise<OpenStream> {
  return openStream(url, {
    headers: posting('Mcp-Session-Id', token),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 'call',
      method: 'tools/call',
      params: { name, arguments: args, _meta: { progressToken: 1 } },
    }),
  });
}

const isAnswer = ({ id, method }: Rpc): boolean => id === 'call' && method === undefined;
const idsIn = (stream: OpenStream): string[] => [...stream.text().matchAll(/^id: (.+)$/gm)].map(([, id]) => id!);

async function draining(gateway: GatewayProcess): Promise<void> {
  await expect.poll(async () => (await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(503);
}

test('new work is 503 with Retry-After on a connection that closes, never 404, while the last call finishes', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } } });
  const session = await openSession(gateway.url);
  const listening = await listenTo(session);
  const slow = await call(session, 'alpha__slow', { times: 3, everyMs: 500 });
  expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(200);
  const exit = gateway.kill();
  await draining(gateway);
  await listening.ended;
  expect(listening.text()).toMatch(/retry: 500\n\n$/);
  const own = ['Mcp-Session-Id', session.token];
  for (const refused of [
    await send(gateway.url, { headers: posting(), body: initializeText() }),
    await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}'),
    await send(gateway.url, { method: 'GET', headers: ['Accept', 'text/event-stream', ...own] }),
    await send(gateway.url, { method: 'DELETE', headers: own }),
  ]) {
    expect([refused.status, refused.headers['retry-after'], refused.headers.connection]).toEqual([503, '1', 'close']);
  }
  expect((await slow.until(isAnswer)).result?.['content']).toEqual([{ type: 'text', text: 'done after 3' }]);
  expect(await exit).toEqual({ code: 0, signal: null });
});

test('answers and notifications are taken to the last, as calls under way wait for them', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } } });
  const session = await openSession(gateway.url, { capabilities: { elicitation: {} } });
  const asking = await call(session, 'alpha__ask');
  const { id } = await asking.until(({ method }) => method === 'elicitation/create');
  const exit = gateway.kill();
  await draining(gateway);
  const note = await session.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}');
  const answer = await session.post(JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'decline' } }));
  expect([note.status, answer.status]).toEqual([202, 202]);
  expect((await asking.until(isAnswer)).result).toBeDefined();
  expect((await exit).code).toBe(0);
});

test('a call that outlasts the drain timeout is taken up at another replica where it can be', async () => {
  const keeping = await startKeeping();
  const [one, two] = (await startReplicas(
    2,
    { mcpServers: { keeping: { url: keeping.url } } },
    { args: ['--drain-timeout', '1s'] },
  )) as [GatewayProcess, GatewayProcess];
  const session = await openSession(one.url);
  const stream = await call(session, 'keeping__x');
  keeping.calls[0]!.progress(1);
  await stream.until(({ params }) => params?.['progress'] === 1);
  const exit = one.kill();
  await stream.ended;
  expect(stream.text()).toMatch(/retry: 500\n\n$/);
  const resumed = await listenTo(session.at(two.url), idsIn(stream).at(-1));
  await expect.poll(() => keeping.calls[0]!.isRead).toBe(true);
  keeping.calls[0]!.progress(2);
  keeping.calls[0]!.finish('done');
  await resumed.ended;
  expect(resumed.messages.map(({ params, id }) => params?.['progress'] ?? id)).toEqual([2, 'call']);
  expect(await exit).toEqual({ code: 0, signal: null });
});

test('a resumed stream is ended as well, so that its client moves on', async () => {
  const keeping = await startKeeping();
  const [one] = (await startReplicas(1, { mcpServers: { keeping: { url: keeping.url } } })) as [GatewayProcess];
  const session = await openSession(one.url);
  const stream = await call(session, 'keeping__x');
  keeping.calls[0]!.progress(1);
  await stream.until(({ params }) => params?.['progress'] === 1);
  stream.close();
  await expect.poll(() => keeping.calls[0]!.isRead).toBe(false);
  const resumed = await listenTo(session, idsIn(stream)[0]);
  await expect.poll(() => keeping.calls[0]!.isRead).toBe(true);
  const exit = one.kill();
  await resumed.ended;
  expect(resumed.text()).toMatch(/retry: 500\n\n$/);
  expect((await exit).code).toBe(0);
});

test('a subscription that waits for its servers when the process begins to drain is refused, and holds nothing up', async () => {
  const waiting: (() => void)[] = [];
  let isHolding = false;
  const answer = scripted((message, response) => {
    if (message.method === 'server/discover') response.writeHead(400).end();
    else sayJson(response, resultOf(message, { tools: [] }));
  });
  const upstream = await startRawServer(async (request, response) => {
    if (isHolding) await new Promise<void>((resolve) => waiting.push(resolve));
    await answer(request, response);
  });
  const gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } } });
  isHolding = true;
  const late = subscribe(gateway.url, { toolsListChanged: true }, '"late"');
  await expect.poll(() => waiting.length).toBeGreaterThan(0);
  const exit = gateway.kill();
  await draining(gateway);
  isHolding = false;
  for (const go of waiting.splice(0)) go();
  const refused = await late;
  await refused.ended;
  expect([refused.status, refused.headers['retry-after'], refused.headers['content-type']]).toEqual([
    503,
    '1',
    'application/json',
  ]);
  expect(await exit).toEqual({ code: 0, signal: null });
});

test('a second SIGTERM ends it at once', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } } });
  const slow = await call(await openSession(gateway.url), 'alpha__slow', { times: 2, everyMs: 15_000 });
  const exit = gateway.kill();
  await draining(gateway);
  await sleep(600);
  void gateway.kill();
  expect(await exit).toEqual({ code: 1, signal: null });
  await slow.ended;
});

describe('the drain delay', () => {
  const config = { mcpServers: { absent: { url: 'http://127.0.0.1:9/mcp' } } };

  for (const workers of ['1', '2']) {
    test(`keeps an idle replica of ${workers} process(es) answering 503 until it is over, so that balancers notice`, async () => {
      const gateway = await startGateway({
        config,
        keysFile: await makeKeysFile(),
        args: ['--workers', workers],
        drainDelay: '4s',
      });
      const startedMs = performance.now();
      const exit = gateway.kill();
      await draining(gateway);
      const answers: unknown[] = [];
      while (performance.now() - startedMs < 2_500) {
        const { status, headers } = await send(gateway.url, {
          method: 'GET',
          headers: ['Accept', 'text/event-stream'],
        });
        answers.push(`${status} ${headers.connection}`);
        await sleep(50);
      }
      expect([...new Set(answers)]).toEqual(['503 close']);
      expect(await exit).toEqual({ code: 0, signal: null });
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(4_000);
      await expect(send(gateway.url, { method: 'GET' })).rejects.toThrow('ECONNREFUSED');
    });
  }

  test('does not hold up Ctrl-C', async () => {
    const gateway = await startGateway({ config, drainDelay: '10m' });
    expect(await gateway.kill('SIGINT')).toEqual({ code: 0, signal: null });
  });

  test('is cut short by a second SIGTERM', async () => {
    const gateway = await startGateway({ config, drainDelay: '10m' });
    const exit = gateway.kill();
    await draining(gateway);
    await sleep(600);
    void gateway.kill();
    expect(await exit).toEqual({ code: 1, signal: null });
  });
});
