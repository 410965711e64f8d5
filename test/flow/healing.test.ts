/** An upstream that lost its sessions is opened again, alone and inside the request (docs/adr/0002-healing-before-404.md). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession, Rpc } from '../support/plain-client.ts';
import { listenTo, openSession } from '../support/plain-client.ts';
import { startRawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, scripted, startScripted } from '../support/scripted-upstream.ts';
import { sdkClient } from '../support/sdk-client.ts';
import type { StatefulServer } from '../support/stateful-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const counted = ({ result }: Rpc): unknown => (result?.['content'] as { text: string }[] | undefined)?.[0]?.text;

describe('one of two upstreams restarts', () => {
  let alpha: StatefulServer;
  let beta: StatefulServer;
  let gateway: GatewayProcess;
  let session: PlainSession;
  const count = async (id: string): Promise<unknown> =>
    counted(await session.ask('tools/call', { name: `${id}__counter` }));

  beforeAll(async () => {
    [alpha, beta] = [await startStatefulServer({ name: 'alpha' }), await startStatefulServer({ name: 'beta' })];
    gateway = await startGateway({
      config: { mcpServers: { alpha: { url: alpha.url }, beta: { url: beta.url } } },
      admin: false,
    });
    session = await openSession(gateway.url);
  });

  test('the next call of the same session succeeds, and the other upstream is not touched', async () => {
    expect([await count('alpha'), await count('beta'), await count('beta')]).toEqual(['1', '1', '2']);
    const [before, sessions] = [beta.requests.length, beta.sessionIds()];
    await alpha.restart();
    expect(await count('alpha')).toBe('1');
    expect([beta.requests.length, beta.sessionIds()]).toEqual([before, sessions]);
    expect([await count('alpha'), await count('beta')]).toEqual(['2', '3']);
  });

  test('one session that expires is healed alone, and each further time as well', async () => {
    const other = await openSession(gateway.url);
    const [mine, theirs] = alpha.sessionIds();
    let last = mine!;
    for (let time = 1; time <= 3; time += 1) {
      await alpha.expire(last);
      expect(await count('alpha')).toBe('1');
      expect(counted(await other.ask('tools/call', { name: 'alpha__counter' }))).toBe(String(time));
      expect(alpha.sessionIds()).toHaveLength(2);
      last = alpha.sessionIds().find((id) => id !== theirs)!;
    }
  });

  test('many calls at once after a restart all succeed, in one new session', async () => {
    await count('alpha');
    await alpha.restart();
    const answers: Promise<Rpc>[] = [];
    // Some come while the first ones have already found the session lost, and while the new one is being opened.
    for (let wave = 0; wave < 12; wave += 1) {
      for (let each = 0; each < 4; each += 1) {
        answers.push(session.ask('tools/call', { name: 'alpha__echo', arguments: { wave, each } }));
      }
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const failed = (await Promise.all(answers)).filter(({ error }) => error !== undefined);
    expect(failed).toEqual([]);
    expect(alpha.sessionIds()).toHaveLength(1);
  });

  test('lists, prompts, resources and completions heal like calls', async () => {
    const fresh = await openSession(gateway.url, { capabilities: { roots: {}, sampling: {} } });
    for (const [method, params] of [
      ['tools/list', {}],
      ['prompts/get', { name: 'alpha__greet', arguments: { who: 'x' } }],
      ['resources/read', { uri: 'alpha+memo://today' }],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'alpha__greet' }, argument: { name: 'who', value: '' } },
      ],
    ] as const) {
      await alpha.restart();
      const { error } = await fresh.ask(method, params);
      expect([method, error]).toEqual([method, undefined]);
    }
    const { result } = await fresh.ask('tools/list');
    expect((result!['tools'] as { name: string }[]).map(({ name }) => name)).toContain('alpha__echo');
  });

  test('an open GET stream goes on: what the restarted upstream has to say arrives', async () => {
    const stream = await listenTo(session);
    await alpha.restart();
    await expect
      .poll(
        async () => {
          await alpha.changed('prompts');
          return stream.messages.map(({ method }) => method);
        },
        { interval: 200 },
      )
      .toContain('notifications/prompts/list_changed');
    stream.close();
  });
});

test('the only upstream restarts: an SDK client does not notice', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  const { client, transport } = await sdkClient(gateway.url);
  const token = transport.sessionId;
  const count = async (): Promise<unknown> => counted({ result: await client.callTool({ name: 'counter' }) });
  expect(await count()).toBe('1');
  await alpha.restart();
  expect(await count()).toBe('1');
  expect(await count()).toBe('2');
  expect(transport.sessionId).toBe(token);
});

test('while the only upstream is away calls are -32603, and when it is back the same session works', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  const session = await openSession(gateway.url);
  await alpha.stop();
  const { error } = await session.ask('tools/call', { name: 'alpha__counter' });
  expect(error).toEqual({ code: -32603, message: 'Upstream server is unreachable' });
  await alpha.restart();
  expect(counted(await session.ask('tools/call', { name: 'alpha__counter' }))).toBe('1');
});

test('with onSessionLoss "error" the client is told, and nothing is begun anew', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url, onSessionLoss: 'error' } } },
    admin: false,
  });
  const session = await openSession(gateway.url);
  await session.ask('tools/call', { name: 'alpha__counter' });
  await alpha.restart();
  const { error } = await session.ask('tools/call', { name: 'alpha__counter' });
  expect(error).toEqual({ code: -32603, message: 'Upstream server lost the session' });
  expect(alpha.sessionIds()).toEqual([]);
});

test('a server that says 400 about an unknown session, in place of 404, is healed as well', async () => {
  let lost = false;
  const calls: string[] = [];
  const inner = scripted((message, response) => sayJson(response, resultOf(message, { content: [] })), {
    sessionId: 'odd-1',
  });
  const odd = await startRawServer(async (request, response) => {
    const isCall = request.body.includes('"tools/call"');
    if (request.body.includes('"initialize"')) lost = false;
    if (isCall) calls.push(lost ? 'refused' : 'done');
    if (isCall && lost) {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"No valid session ID provided"}}');
    } else await inner(request, response);
  });
  const gateway = await startGateway({ config: { mcpServers: { odd: { url: odd.url } } }, admin: false });
  const session = await openSession(gateway.url);
  lost = true;
  expect((await session.ask('tools/call', { name: 'odd__x' })).result).toEqual({ content: [] });
  expect(calls).toEqual(['refused', 'done']);
});

test('a call whose bytes were sent is never sent again: the connection breaks, and the client is told', async () => {
  let calls = 0;
  const broken = await startScripted(
    (message, response) => {
      if (message.method === 'tools/call') calls += 1;
      response.destroy();
    },
    { sessionId: 'b' },
  );
  const gateway = await startGateway({ config: { mcpServers: { broken: { url: broken.url } } }, admin: false });
  const session = await openSession(gateway.url);
  const { error } = await session.ask('tools/call', { name: 'broken__x' });
  expect([error?.code, calls]).toEqual([-32603, 1]);
});
