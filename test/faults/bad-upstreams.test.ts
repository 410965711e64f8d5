/** Upstreams that hang, dribble or answer nonsense hurt only their own calls. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession } from '../support/plain-client.ts';
import { listenTo, openSession } from '../support/plain-client.ts';
import { answer, answerJson, cut, dribble, hang, startRawServer } from '../support/raw-server.ts';
import type { RawHandler, RawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, scripted, startScripted } from '../support/scripted-upstream.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const call = { jsonrpc: '2.0', result: { content: [{ type: 'text', text: 'x'.repeat(40) }] } };

const toolsOf = async (session: PlainSession): Promise<string[]> =>
  ((await session.ask('tools/list')).result?.['tools'] as { name: string }[] | undefined)?.map(({ name }) => name) ??
  [];

describe('during a call', () => {
  let session: PlainSession;

  beforeAll(async () => {
    const hanging = await startScripted(() => {});
    const dribbling = await startScripted((message, response, request) =>
      dribble(JSON.stringify({ ...call, id: message.id }), 5)(request, response),
    );
    const slow = await startFaultProxy((await startStatefulServer({ name: 'slow' })).url, {
      down: { latencyMs: 100, sliceBytes: 7 },
    });
    const good = await startStatefulServer({ name: 'good' });
    const mcpServers = {
      hanging: { url: hanging.url, timeout: 1_500 },
      dribbling: { url: dribbling.url },
      slow: { url: slow.url },
      good: { url: good.url },
    };
    session = await openSession((await startGateway({ config: { mcpServers }, admin: false })).url);
  });

  test('fifty calls that hang do not hold up one of another upstream, and all end in an error of their own', async () => {
    const hung = { isOver: false };
    const hanging = Promise.all(
      Array.from({ length: 50 }, () => session.ask('tools/call', { name: 'hanging__x' })),
    ).finally(() => (hung.isOver = true));
    let between = 0;
    while (!hung.isOver) {
      const { result } = await session.ask('tools/call', { name: 'good__echo' });
      expect(result).toBeDefined();
      between += 1;
    }
    // Each of them ended while all of the others hung.
    expect(between).toBeGreaterThan(10);
    expect((await hanging).map(({ error }) => error?.code)).toEqual(Array.from({ length: 50 }, () => -32603));
  });

  test('an answer byte by byte, or late and in slices, is an answer', async () => {
    const answers = await Promise.all([
      session.ask('tools/call', { name: 'dribbling__x' }),
      session.ask('tools/call', { name: 'slow__echo', arguments: { a: 1 } }),
    ]);
    expect(answers.map(({ result }) => (result?.['content'] as { text: string }[] | undefined)?.[0]?.text)).toEqual([
      'x'.repeat(40),
      '{"a":1}',
    ]);
  });
});

describe('at initialize', () => {
  const goodOnes = ['b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8', 'b9'];
  const badOnes = {
    cut: ['cuts every connection', cut],
    s500: ['answers 500', answer(500, 'oops')],
    broken: ['answers what is no JSON', answerJson('{"jsonrpc":"2.0",')],
    page: ['answers a page', answer(200, '<html>', { 'content-type': 'text/html' })],
    foreign: ['answers another id', answerJson('{"jsonrpc":"2.0","id":1,"result":{}}')],
    silent: ['never answers', hang],
  } as const satisfies Record<string, readonly [string, RawHandler]>;
  let gateway: GatewayProcess;
  const bad = new Map<string, RawServer>();

  beforeAll(async () => {
    const started = goodOnes.map(
      async (name) => [name, (await startStatefulServer({ name, tools: ['echo'] })).url] as const,
    );
    for (const [name, [, handler]] of Object.entries(badOnes)) bad.set(name, await startRawServer(handler));
    const urls = [...(await Promise.all(started)), ...Array.from(bad, ([name, { url }]) => [name, url] as const)];
    gateway = await startGateway({
      config: { mcpServers: Object.fromEntries(urls.map(([name, url]) => [name, { url }])) },
      args: ['--init-timeout', '2s'],
      admin: false,
    });
  });

  const good: RawHandler = scripted(
    (message, response) =>
      sayJson(
        response,
        resultOf(
          message,
          message.method === 'tools/list' ? { tools: [{ name: 'x', inputSchema: { type: 'object' } }] } : {},
        ),
      ),
    { capabilities: { tools: { listChanged: true } }, sessionId: 'bad-1' },
  );
  for (const [id, [what]] of Object.entries(badOnes)) {
    test(`one that ${what}: the good ones serve, and it joins the same session when it is well again, announced`, async () => {
      const session = await openSession(gateway.url);
      const stream = await listenTo(session);
      const names = await toolsOf(session);
      expect(names.slice(0, goodOnes.length)).toEqual(goodOnes.map((name) => `${name}__echo`));
      expect(names).not.toContain(`${id}__x`);
      expect((await session.ask('tools/call', { name: 'b9__echo' })).result).toBeDefined();
      bad.get(id)?.answerWith(good);
      await expect
        .poll(async () => (await session.ask('tools/call', { name: `${id}__x` })).result, { interval: 500 })
        .toEqual({});
      await stream.until(({ method }) => method === 'notifications/tools/list_changed');
      expect(await toolsOf(session)).toContain(`${id}__x`);
      stream.close();
    });
  }
});
