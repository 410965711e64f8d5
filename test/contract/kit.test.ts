/** The kit's servers are what tests lean on: each must do what its name says before a flow believes it. */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import {
  ToolListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { memoryEventStore } from '../support/event-store.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { expands } from '../support/fixture.ts';
import { startGateway } from '../support/gateway-process.ts';
import { answer, answerEvents, answerJson, cut, dribble, hang, startRawServer } from '../support/raw-server.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

const text = (result: unknown): string => (result as { content: { text: string }[] }).content[0]?.text ?? '';

describe('the stateful server', () => {
  test('counts per session and gives each client a session of its own', async () => {
    const server = await startStatefulServer({ name: 'alpha' });
    const [first, second] = [await sdkClient(server.url), await sdkClient(server.url)];
    await first.client.callTool({ name: 'counter' });
    expect(text(await first.client.callTool({ name: 'counter' }))).toBe('2');
    expect(text(await second.client.callTool({ name: 'counter' }))).toBe('1');
    expect(server.sessionIds()).toEqual([first.transport.sessionId, second.transport.sessionId]);
    expect(first.transport.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('asks, samples and lists roots in the middle of a call', async () => {
    const server = await startStatefulServer({ name: 'alpha' });
    const { client } = await sdkClient(server.url, {
      elicit: () => ({ action: 'accept', content: { answer: '42' } }),
      sample: () => ({ model: 'm', role: 'assistant', content: { type: 'text', text: 'hello' } }),
      roots: [{ uri: 'file:///here', name: 'here' }],
    });
    expect(text(await client.callTool({ name: 'ask' }))).toBe('{"action":"accept","content":{"answer":"42"}}');
    expect(text(await client.callTool({ name: 'sample' }))).toBe(
      '{"model":"m","content":{"type":"text","text":"hello"}}',
    );
    expect(text(await client.callTool({ name: 'roots' }))).toBe('[{"uri":"file:///here","name":"here"}]');
  });

  test('reports progress, and notes a cancelled call', async () => {
    const server = await startStatefulServer({ name: 'alpha' });
    const { client } = await sdkClient(server.url);
    const seen: number[] = [];
    const result = await client.callTool({ name: 'slow', arguments: { times: 3, everyMs: 1 } }, undefined, {
      onprogress: ({ progress }) => void seen.push(progress),
    });
    expect([text(result), seen]).toEqual(['done after 3', [1, 2, 3]]);
    const leaving = new AbortController();
    const call = client.callTool({ name: 'slow', arguments: { times: 1, everyMs: 60_000 } }, undefined, {
      signal: leaving.signal,
    });
    const refused = expect(call).rejects.toThrow();
    await expect.poll(() => server.requests.length).toBeGreaterThan(3);
    leaving.abort();
    await refused;
    await expect.poll(() => server.cancelled).toEqual(['slow']);
  });

  test('tells of changed lists and of subscribed resources over the GET stream', async () => {
    const server = await startStatefulServer({ name: 'alpha' });
    const { client } = await sdkClient(server.url);
    const told: string[] = [];
    client.setNotificationHandler(ToolListChangedNotificationSchema, ({ method }) => void told.push(method));
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void told.push(params.uri));
    await client.subscribeResource({ uri: 'memo://today' });
    await expect.poll(() => server.requests.some(({ method }) => method === 'GET')).toBe(true);
    expect(text(await client.callTool({ name: 'toggle' }))).toBe('on');
    expect(text(await client.callTool({ name: 'touch' }))).toBe('told 1');
    await expect.poll(() => told).toEqual(['notifications/tools/list_changed', 'memo://today']);
    expect((await client.listTools()).tools.at(-1)?.name).toBe('toggled');
  });

  test('gives its lists in pages, refuses a foreign cursor, and loses every session when it restarts', async () => {
    const tools = ['a', 'b', 'c'].map((name) => ({ name }));
    const server = await startStatefulServer({ name: 'alpha', tools, pageSize: 2, enableJsonResponse: true });
    const { client } = await sdkClient(server.url);
    const first = await client.listTools();
    expect(first.tools.map(({ name }) => name)).toEqual(['a', 'b']);
    const rest = await client.listTools({ cursor: first.nextCursor });
    expect([rest.tools.map(({ name }) => name), rest.nextCursor]).toEqual([['c'], undefined]);
    await expect(client.listTools({ cursor: 'mine' })).rejects.toMatchObject({ code: -32_602 });
    expect(text(await client.callTool({ name: 'b' }))).toBe('alpha:b');
    await server.restart();
    // The first attempt may still go out on a connection that the restart has cut.
    await expect.poll(() => client.listTools().catch((fault: { code?: number }) => fault.code)).toBe(404);
    expect(server.sessionIds()).toEqual([]);
  });

  test('closes a stream and delivers the answer to the client that resumes it', async () => {
    const server = await startStatefulServer({ name: 'alpha', eventStore: memoryEventStore(), retryInterval: 20 });
    const { client } = await sdkClient(server.url);
    expect(text(await client.callTool({ name: 'part' }))).toBe('after the break');
    expect(server.requests.some(({ headers }) => headers['last-event-id'] !== undefined)).toBe(true);
  });

  test('serves prompts, completions, resources and templates', async () => {
    const server = await startStatefulServer({ name: 'alpha' });
    const { client } = await sdkClient(server.url);
    const { messages } = await client.getPrompt({ name: 'greet', arguments: { who: 'ada' } });
    expect(messages).toEqual([{ role: 'user', content: { type: 'text', text: 'Greet ada.' } }]);
    const ref = { type: 'ref/prompt' as const, name: 'greet' };
    const { completion } = await client.complete({ ref, argument: { name: 'who', value: 'a' } });
    expect(completion.values).toEqual(['ada', 'alan']);
    expect((await client.readResource({ uri: 'memo://days/monday' })).contents).toEqual([
      { uri: 'memo://days/monday', mimeType: 'text/plain', text: 'a day' },
    ]);
    await expect(client.readResource({ uri: 'memo://none' })).rejects.toMatchObject({ code: -32_002 });
  });
});

test('the stateless server gives no session id and serves any request on its own', async () => {
  const server = await startStatelessServer({ name: 'beta' });
  const { client, transport } = await sdkClient(server.url);
  expect(transport.sessionId).toBeUndefined();
  expect(text(await client.callTool({ name: 'echo', arguments: { n: 1 } }))).toBe('{"n":1}');
  expect(text(await client.callTool({ name: 'counter' }))).toBe('1');
  expect(text(await client.callTool({ name: 'counter' }))).toBe('1');
});

describe('the raw server', () => {
  test('answers the bytes it is told and records those it gets', async () => {
    const server = await startRawServer(answer(418, '{"n":1.0}', { 'set-cookie': ['a=1', 'b=2'] }));
    const response = await fetch(server.url, { method: 'POST', body: '{"id": 1.50}' });
    expect([response.status, await response.text()]).toEqual([418, '{"n":1.0}']);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(server.requests[0]?.body.toString()).toBe('{"id": 1.50}');
    expect(server.requests[0]?.json).toEqual({ id: 1.5 });
  });

  test('sends each chunk in a write of its own', async () => {
    const server = await startRawServer(answerEvents(['da', 'ta: {}\n', '\n'], { gapMs: 5 }));
    const chunks: string[] = [];
    const asked = request(server.url).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    await once(response, 'end');
    expect(chunks).toEqual(['da', 'ta: {}\n', '\n']);
  });

  test('dribbles a body that arrives whole', async () => {
    const server = await startRawServer(dribble('{"slow":true}', 1));
    expect(await (await fetch(server.url)).text()).toBe('{"slow":true}');
    server.answerWith(answerJson('{"fast":true}'));
    expect((await fetch(server.url)).headers.get('content-type')).toBe('application/json');
  });

  test('hangs, and sees the client leave', async () => {
    const server = await startRawServer(hang);
    await expect(fetch(server.url, { signal: AbortSignal.timeout(500) })).rejects.toThrow('timeout');
    await expect.poll(() => server.requests[0]?.signal.aborted).toBe(true);
    server.answerWith(cut);
    await expect(fetch(server.url)).rejects.toThrow('fetch failed');
  });
});

describe('the fault proxy', () => {
  const body = 'x'.repeat(1000);

  test('passes everything on when nothing is inflicted', async () => {
    const proxy = await startFaultProxy((await startRawServer(answer(200, body))).url, { down: { sliceBytes: 7 } });
    expect(await (await fetch(proxy.url)).text()).toBe(body);
    expect(proxy.connections).toBe(1);
    expect(proxy.passed.down).toBeGreaterThan(1000);
  });

  for (const [title, fault] of [
    ['resets', { resetAfterBytes: 300 }],
    ['ends early', { endAfterBytes: 300 }],
  ] as const) {
    test(`${title} after exactly so many bytes`, async () => {
      const proxy = await startFaultProxy((await startRawServer(answer(200, body))).url, { down: fault });
      await expect(fetch(proxy.url).then((response) => response.text())).rejects.toThrow();
      expect(proxy.passed.down).toBe(300);
    });
  }

  test('goes silent without closing, and refuses when told', async () => {
    const proxy = await startFaultProxy((await startRawServer(answer(200, body))).url, { up: { silentAfterBytes: 0 } });
    await expect(fetch(proxy.url, { signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
    expect(proxy.passed.up).toBe(0);
    proxy.inflict({ refuse: true });
    await expect(fetch(proxy.url)).rejects.toThrow('fetch failed');
  });
});

test('a simple template matches one segment for each expression', () => {
  expect(expands('memo://days/{day}', 'memo://days/monday')).toBe(true);
  expect(expands('memo://days/{day}', 'memo://days/a/b')).toBe(false);
  expect(expands('a://{x}/b/{y}', 'a://1/b/2')).toBe(true);
  expect(expands('a://{x}/b', 'a://1/c')).toBe(false);
});

describe('the gateway process', () => {
  test('prints its endpoint, serves a real client, and ends on SIGTERM', async () => {
    const [one, two] = [await startStatefulServer({ name: 'one' }), await startStatelessServer({ name: 'two' })];
    const gateway = await startGateway({ config: { mcpServers: { one: { url: one.url }, two: { url: two.url } } } });
    expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(200);
    const { client, close } = await sdkClient(gateway.url);
    expect(text(await client.callTool({ name: 'two__echo', arguments: { n: 1 } }))).toBe('{"n":1}');
    await close();
    expect(await gateway.kill()).toEqual({ code: 0, signal: null });
  });

  test('throws with what the command said when it does not start', async () => {
    await expect(startGateway({ config: { mcpServers: 7 } })).rejects.toThrow('mcpServers');
  });
});
