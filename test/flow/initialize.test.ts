/** `initialize` through the real command: one answer made of many upstreams (2025-11-25 basic/lifecycle). */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import { initializeText, listenTo, messagesOf, openSession, posting, send } from '../support/plain-client.ts';
import { hang, startRawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, scripted, startScripted } from '../support/scripted-upstream.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

const answerAll: Parameters<typeof scripted>[0] = (message, response) => sayJson(response, resultOf(message, {}));

describe('what the answer says', async () => {
  const [tools, prompts, old] = await Promise.all([
    startScripted(answerAll, { capabilities: { tools: {}, tasks: { list: {} } }, instructions: 'Use the tools.' }),
    startScripted(answerAll, { capabilities: { prompts: {}, completions: {} }, instructions: 'Mind the prompts.' }),
    startScripted(answerAll, { revision: '2025-03-26', sessionId: 'old-1', capabilities: { logging: {} } }),
  ]);
  const gateway = await startGateway({
    config: { mcpServers: { Tools: { url: tools.url }, prompts: { url: prompts.url }, old: { url: old.url } } },
    admin: false,
  });

  test('its capabilities are the union of what can be delivered, and changes of lists are always announced', async () => {
    const { initialized } = await openSession(gateway.url);
    expect(initialized['capabilities']).toEqual({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      completions: {},
      tasks: {},
      logging: {},
    });
  });

  test('its instructions are those of the upstreams, each under its label, in the order of the configuration', async () => {
    const { initialized } = await openSession(gateway.url);
    expect(initialized['instructions']).toBe('## Tools\nUse the tools.\n\n## prompts\nMind the prompts.\n\n');
  });

  test('it names the gateway, and not a server behind it', async () => {
    const { initialized } = await openSession(gateway.url);
    expect(initialized['serverInfo']).toMatchObject({ name: 'manifold', title: 'Manifold' });
  });

  for (const [offered, answered] of [
    ['2025-03-26', '2025-03-26'],
    ['2025-06-18', '2025-06-18'],
    ['2025-11-25', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
    ['1999-01-01', '2025-11-25'],
  ] as const) {
    test(`a client that offers ${offered} is answered in ${answered}`, async () => {
      const { initialized } = await openSession(gateway.url, { revision: offered });
      expect(initialized['protocolVersion']).toBe(answered);
    });
  }

  test('each upstream is spoken to in the revision that it answered with', async () => {
    const session = await openSession(gateway.url, { revision: '2025-11-25' });
    await session.ask('tools/call', { name: 'Tools__x' });
    await session.ask('tools/call', { name: 'old__x' });
    const versions = [tools, old].map(
      ({ requests }) =>
        requests.findLast(({ body }) => body.includes('"tools/call"'))?.headers['mcp-protocol-version'] ?? 'none',
    );
    expect(versions).toEqual(['2025-11-25', 'none']);
  });

  test('the session id is visible ASCII, differs each time, and is on this answer alone', async () => {
    const first = await openSession(gateway.url);
    const second = await openSession(gateway.url);
    expect(first.token).toMatch(/^[A-Za-z0-9_-]{100,3800}$/);
    expect(second.token).not.toBe(first.token);
    const answer = await first.post('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    expect(answer.headers['mcp-session-id']).toBeUndefined();
  });

  test('without a protocol version, or with capabilities that are no object, it is -32602', async () => {
    for (const params of ['{}', '{"protocolVersion":7}', '{"protocolVersion":"2025-11-25","capabilities":[]}']) {
      const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":${params}}`;
      const answer = await send(gateway.url, { body });
      expect([params, messagesOf(answer)[0]?.error?.code]).toEqual([params, -32602]);
      expect(answer.headers['mcp-session-id']).toBeUndefined();
    }
  });

  test('declares to upstreams what the client can do, without a list of tasks, which would show one what others began', async () => {
    await openSession(gateway.url, {
      capabilities: { sampling: {}, roots: { listChanged: true }, elicitation: {}, tasks: { list: {}, cancel: {} } },
    });
    const greeting = tools.requests.findLast(({ body }) => body.includes('"initialize"'))?.json;
    // An upstream without sessions has been greeted for all clients, and nobody in particular could answer it.
    expect(greeting).toMatchObject({ params: { capabilities: {} } });
    const personal = old.requests.findLast(({ body }) => body.includes('"initialize"'))?.json;
    expect(personal).toMatchObject({ params: { clientInfo: { name: 'plain' } } });
    expect((personal as { params: { capabilities: object } }).params.capabilities).toEqual({
      sampling: {},
      roots: { listChanged: true },
      elicitation: {},
      tasks: { cancel: {} },
    });
  });
});

test('upstreams are opened at once and not one after another', async () => {
  let waiting: (() => void)[] = [];
  let isGated = false;
  // Each answers only when both have been asked.
  const gated = scripted(answerAll, { sessionId: 's' });
  const meet: typeof gated = async (request, response) => {
    if (isGated && request.body.includes('"initialize"')) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length < 2) return;
        for (const go of waiting) go();
        waiting = [];
      });
    }
    await gated(request, response);
  };
  const [one, two] = [await startRawServer(meet), await startRawServer(meet)];
  const gateway = await startGateway({
    config: { mcpServers: { one: { url: one.url }, two: { url: two.url } } },
    admin: false,
  });
  isGated = true;
  const session = await openSession(gateway.url);
  expect((await session.ask('tools/call', { name: 'two__x' })).result).toEqual({});
});

describe('one that does not answer', () => {
  test('is waited for until the deadline and no longer; the others serve', async () => {
    const slow = await startScripted(answerAll, { sessionId: 's' });
    const alpha = await startStatefulServer({ name: 'alpha' });
    const gateway = await startGateway({
      config: { mcpServers: { slow: { url: slow.url }, alpha: { url: alpha.url } } },
      args: ['--init-timeout', '2s'],
      admin: false,
    });
    slow.answerWith(hang);
    const session = await openSession(gateway.url);
    expect((await session.ask('tools/call', { name: 'alpha__counter' })).result?.['content']).toEqual([
      { type: 'text', text: '1' },
    ]);
    expect((await session.ask('tools/call', { name: 'slow__x' })).error?.code).toBe(-32603);
  });

  test('is waited for 5 s unless the command says otherwise', async () => {
    const slow = await startScripted(answerAll, { sessionId: 's' });
    const alpha = await startStatefulServer({ name: 'alpha' });
    const gateway = await startGateway({
      config: { mcpServers: { slow: { url: slow.url }, alpha: { url: alpha.url } } },
      admin: false,
    });
    slow.answerWith(hang);
    const startedMs = performance.now();
    await openSession(gateway.url);
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(4_900);
    // Other work of a busy machine comes on top of it.
    expect(tookMs).toBeLessThan(20_000);
  });

  test('all of them: the client is told with -32603 and gets no session', async () => {
    const down = await startRawServer(hang);
    await down.stop();
    const gateway = await startGateway({ config: { mcpServers: { down: { url: down.url } } }, admin: false });
    const answer = await send(gateway.url, { headers: posting(), body: initializeText() });
    expect(answer.status).toBe(200);
    expect(messagesOf(answer)[0]?.error).toEqual({ code: -32603, message: 'No upstream server is reachable' });
    expect(answer.headers['mcp-session-id']).toBeUndefined();
  });
});

describe('one that was down joins by itself, in the same session', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const [late, later] = [await startStatefulServer({ name: 'late' }), await startStatelessServer({ name: 'later' })];
  await Promise.all([late.stop(), later.stop()]);
  const gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url }, late: { url: late.url }, later: { url: later.url } } },
    admin: false,
  });
  const session = await openSession(gateway.url);
  const toolNames = async (): Promise<string[]> => {
    const { result } = await session.ask('tools/list');
    return (result!['tools'] as { name: string }[]).map(({ name }) => name);
  };
  const changed = ['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`);

  test('by its first use: the call succeeds, its tools are listed, and those who listen are told', async () => {
    expect(await toolNames()).not.toContain('late__echo');
    expect((await session.ask('tools/call', { name: 'late__counter' })).error?.code).toBe(-32603);
    const stream = await listenTo(session);
    await late.restart();
    const { result } = await session.ask('tools/call', { name: 'late__counter' });
    expect(result?.['content']).toEqual([{ type: 'text', text: '1' }]);
    await expect.poll(() => stream.messages.map(({ method }) => method)).toEqual(changed);
    expect(await toolNames()).toContain('late__echo');
    stream.close();
  });

  test('by a probe in the background, with nobody asking', async () => {
    const stream = await listenTo(session);
    await later.restart();
    await expect.poll(() => stream.messages.map(({ method }) => method)).toEqual(expect.arrayContaining(changed));
    expect(await toolNames()).toContain('later__echo');
    stream.close();
  });

  test('and its session is one: what is counted there goes on counting', async () => {
    const { result } = await session.ask('tools/call', { name: 'late__counter' });
    expect(result?.['content']).toEqual([{ type: 'text', text: '2' }]);
  });
});
