/** The asking servers and answering clients, each pair of one era without a gateway: what a flow across eras must not change. */
import { describe, expect, test } from 'vitest';
import { askingToolNames } from '../support/asking-tools.ts';
import { startModernAsking } from '../support/asking-modern.ts';
import { memoryEventStore } from '../support/event-store.ts';
import { askModern } from '../support/modern-client.ts';
import { modernSdkClient } from '../support/modern-sdk-client.ts';
import { listenTo, openSession, openStream, posting } from '../support/plain-client.ts';
import { answering, answeredTexts } from '../support/questions.ts';
import { rotating } from '../support/rotating.ts';
import { sdkClient } from '../support/sdk-client.ts';
import type { StatefulServer } from '../support/stateful-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const textIn = (result: unknown): string => (result as { content: { text: string }[] }).content[0]?.text ?? '';

const legacy = (keepsEvents: boolean): Promise<StatefulServer> =>
  startStatefulServer({
    name: 'asking',
    tools: askingToolNames,
    ...(keepsEvents ? { eventStore: memoryEventStore() } : {}),
  });

describe.each([
  ['with', true],
  ['without', false],
] as const)('a server of the session era %s an event store', (_title, keepsEvents) => {
  test('asks its client and reports what it was answered', async () => {
    const server = await legacy(keepsEvents);
    const { client } = await sdkClient(server.url, answering);
    for (const [name, text] of answeredTexts)
      expect([name, textIn(await client.callTool({ name }))]).toEqual([name, text]);
    expect(server.called).toEqual(answeredTexts.map(([name]) => name));
  });

  test('goes on without an answer, where it can: declined, failed or not declared', async () => {
    const server = await legacy(keepsEvents);
    const ask = async (options: Parameters<typeof sdkClient>[1]): Promise<string> =>
      textIn(await (await sdkClient(server.url, options)).client.callTool({ name: 'ask_never' }));
    expect(await ask({ elicit: () => ({ action: 'decline' }) })).toBe('{"without":"decline"}');
    expect(await ask({ elicit: () => Promise.reject(new Error('no')) })).toBe('{"without":-32603}');
    expect(await ask({})).toBe('{"without":-32601}');
  });

  test('demands once that a URL be visited', async () => {
    const { client } = await sdkClient((await legacy(keepsEvents)).url, answering);
    const call = { name: 'need_url', arguments: { key: 'a' } };
    await expect(client.callTool(call)).rejects.toMatchObject({
      code: -32_042,
      data: { elicitations: [{ mode: 'url', url: 'https://example.com/connect/a', elicitationId: 'visit-a' }] },
    });
    expect(textIn(await client.callTool(call))).toBe('{"visited":"https://example.com/connect/a"}');
  });
});

test('a call of a server with an event store goes on after its stream was left at the question', async () => {
  const server = await legacy(true);
  const session = await openSession(server.url, { capabilities: { elicitation: {} } });
  const stream = await openStream(server.url, {
    headers: posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25'),
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask_elicitation"}}',
  });
  const { id } = await stream.until(({ method }) => method === 'elicitation/create');
  const lastEventId = [...stream.text().matchAll(/^id: (\S+)$/gm)].at(-1)?.[1];
  expect(lastEventId).toBeDefined();
  stream.close();
  await stream.ended;
  const resumed = await listenTo(session, lastEventId);
  const answer = { jsonrpc: '2.0', id, result: { action: 'accept', content: { name: 'Ada' } } };
  expect((await session.post(JSON.stringify(answer))).status).toBe(202);
  const { result } = await resumed.until((message) => message.id === 1 && message.result !== undefined);
  expect(textIn(result)).toBe('{"action":"accept","content":{"name":"Ada"}}');
  expect(server.called).toEqual(['ask_elicitation']);
});

test('events of a server without an event store have no ids', async () => {
  const session = await openSession((await legacy(false)).url);
  const { body } = await session.post(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"need_url","arguments":{"key":"b"}}}',
  );
  expect(body).toContain('data: ');
  expect(body).not.toMatch(/^id:/m);
});

describe('a server of 2026-07-28', () => {
  test('asks its client and reports what it was answered, in rounds', async () => {
    const server = await startModernAsking();
    const client = await modernSdkClient(server.url, answering);
    for (const [name, text] of answeredTexts)
      expect([name, textIn(await client.callTool({ name }))]).toEqual([name, text]);
    expect(server.called.filter((name) => name === 'ask_twice')).toHaveLength(3);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual([...askingToolNames].toSorted());
  });

  test('goes on without an answer where it can, and is refused the question that was not declared', async () => {
    const { url } = await startModernAsking();
    const declining = await modernSdkClient(url, { elicit: () => ({ action: 'decline' }) });
    expect(textIn(await declining.callTool({ name: 'ask_never' }))).toBe('{"without":"decline"}');
    const silent = await modernSdkClient(url);
    expect(textIn(await silent.callTool({ name: 'ask_never' }))).toBe('{"without":"undeclared"}');
    await expect(silent.callTool({ name: 'ask_sampling' })).rejects.toMatchObject({ code: -32_021 });
  });

  test('seals the state of a round, and takes no other', async () => {
    const { url } = await startModernAsking();
    const capabilities = { elicitation: { form: {} } };
    const params = { name: 'ask_twice', arguments: {} };
    const first = (await askModern(url, 'tools/call', { params, capabilities })).rpc.result;
    expect(first).toMatchObject({
      resultType: 'input_required',
      inputRequests: { first: { method: 'elicitation/create' } },
    });
    const next = {
      ...params,
      inputResponses: { first: { action: 'accept', content: { name: 'Ada' } } },
      requestState: `${String(first?.['requestState'])}x`,
    };
    expect((await askModern(url, 'tools/call', { params: next, capabilities })).rpc.error?.code).toBe(-32_602);
  });

  test('asks for the visit of a URL in a round of its own', async () => {
    const client = await modernSdkClient((await startModernAsking()).url, answering);
    const { content } = await client.callTool({ name: 'need_url', arguments: { key: 'c' } });
    expect(content).toEqual([{ type: 'text', text: '{"visited":"https://example.com/connect/c"}' }]);
  });
});

test('a rotating client sends each request to the next address', async () => {
  const { fetch, turns } = rotating([(await startModernAsking()).url, (await startModernAsking()).url]);
  const client = await modernSdkClient('http://localhost:1/mcp', { fetch });
  await client.listTools();
  await client.listTools();
  expect(turns).toEqual(['POST 0', 'POST 1', 'POST 0']);
});
