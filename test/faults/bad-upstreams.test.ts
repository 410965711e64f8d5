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
    expect(between).toBeGreaterThan(50);
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
  let urls: Record<string, { url: string }>;
  let bad: RawServer;

  beforeAll(async () => {
    bad = await startRawServer(hang);
    const others = await Promise.all(
      goodOnes.map(
        async (name) => [name, { url: (await startStatefulServer({ name, tools: ['echo'] })).url }] as const,
      ),
    );
    urls = Object.fromEntries([...others, ['bad', { url: bad.url }] as const]);
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
  for (const [what, handler] of [
    ['cuts every connection', cut],
    ['answers 500', answer(500, 'oops')],
    ['answers what is no JSON', answerJson('{"jsonrpc":"2.0",')],
    ['answers a page', answer(200, '<html>', { 'content-type': 'text/html' })],
    ['answers another id', answerJson('{"jsonrpc":"2.0","id":1,"result":{}}')],
    ['never answers', hang],
  ] as const satisfies readonly (readonly [string, RawHandler])[]) {
    test(`one of ten ${what}: nine serve, and it joins the same session when it is well again, announced`, async () => {
      bad.answerWith(handler);
      const gateway: GatewayProcess = await startGateway({
        config: { mcpServers: urls },
        args: ['--init-timeout', '1s'],
        admin: false,
      });
      const session = await openSession(gateway.url);
      const stream = await listenTo(session);
      expect(await toolsOf(session)).toEqual(goodOnes.map((name) => `${name}__echo`));
      expect((await session.ask('tools/call', { name: 'b9__echo' })).result).toBeDefined();
      bad.answerWith(good);
      await expect
        .poll(async () => (await session.ask('tools/call', { name: 'bad__x' })).result, {
          timeout: 15_000,
          interval: 500,
        })
        .toEqual({});
      await stream.until(({ method }) => method === 'notifications/tools/list_changed');
      expect(await toolsOf(session)).toContain('bad__x');
      stream.close();
    });
  }
});
