/** Two gateways that share nothing but a key file serve each other's sessions, request by request (docs/session-token.md). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession } from '../support/plain-client.ts';
import { listenTo, openSession, openStream, posting } from '../support/plain-client.ts';
import { memoryEventStore } from '../support/event-store.ts';
import { sdkClient } from '../support/sdk-client.ts';
import type { StatefulServer } from '../support/stateful-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

const text = (result: unknown): unknown => (result as { content?: { text: string }[] }).content?.[0]?.text;

let folder: string;
let keysFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifold-replicas-'));
  keysFile = join(folder, 'keys.json');
  const key = { id: 'only', secret: 'Q4pQ3bDq1iX0Zt8m5Wk2yC7eR9aJ6sVuHfLgTnBxOdE=', kdf: 'none' };
  await writeFile(keysFile, JSON.stringify({ keys: [key] }), { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true }));

describe('an SDK client through two replicas in turn', () => {
  let stateful: StatefulServer[];
  let replicas: GatewayProcess[];
  /** Requests that each replica got. */
  const served = [0, 0];

  beforeAll(async () => {
    stateful = await Promise.all(['one', 'two', 'three'].map((name) => startStatefulServer({ name })));
    const four = await startStatelessServer({ name: 'four' });
    const five = await startStatelessServer({ name: 'five' });
    await five.stop();
    const urls = { one: stateful[0], two: stateful[1], three: stateful[2], four, five };
    const mcpServers = Object.fromEntries(Object.entries(urls).map(([id, server]) => [id, { url: server!.url }]));
    replicas = [
      await startGateway({ config: { mcpServers }, keysFile, admin: false }),
      await startGateway({ config: { mcpServers }, keysFile, admin: false }),
    ];
  });

  test('lists and calls five upstreams, one of them down and one killed and restarted on the way', async () => {
    const [first, second] = replicas.map(({ url }) => url);
    let turn = 0;
    const inTurn = (input: string | URL, init?: RequestInit): Promise<Response> => {
      turn += 1;
      served[turn % 2]! += 1;
      return fetch(input.toString().replace(first!, turn % 2 === 0 ? first! : second!), init);
    };
    const { client } = await sdkClient(first!, { transport: { fetch: inTurn } });
    const living = ['one', 'two', 'three', 'four'];
    const errors: string[] = [];

    const roundOf = async (round: number): Promise<void> => {
      const { tools } = await client.listTools();
      const { prompts } = await client.listPrompts();
      const { resources } = await client.listResources();
      const { resourceTemplates } = await client.listResourceTemplates();
      expect(prompts.map(({ name }) => name)).toEqual(living.map((id) => `${id}__greet`));
      expect(resources.map(({ uri }) => uri)).toEqual(
        living.flatMap((id) => [`${id}+memo://today`, `${id}+memo://logo`]),
      );
      expect(resourceTemplates).toHaveLength(4);
      expect([...new Set(tools.map(({ name }) => name.split('__')[0]))]).toEqual(living);
      for (const id of living) {
        const called = await client.callTool({ name: `${id}__echo`, arguments: { round, id } });
        expect(called.structuredContent).toEqual({ round, id });
        const prompt = await client.getPrompt({ name: `${id}__greet`, arguments: { who: id } });
        expect(prompt.messages[0]?.content).toEqual({ type: 'text', text: `Greet ${id}.` });
        const read = await client.readResource({ uri: `${id}+memo://today` });
        expect(read.contents[0]).toMatchObject({ uri: `${id}+memo://today`, text: 'nothing today' });
      }
      await client.callTool({ name: 'five__echo' }).catch((fault: unknown) => errors.push(String(fault)));
    };

    await roundOf(1);
    await stateful[1]?.stop();
    await stateful[1]?.restart();
    for (const round of [2, 3, 4]) await roundOf(round);
    expect(errors).toHaveLength(4);
    for (const error of errors) expect(error).toContain('-32603');
    expect(Math.min(...served)).toBeGreaterThan(20);
  });

  test('the upstream session is one: what is counted through one replica goes on through the other', async () => {
    const session = await openSession(replicas[0]!.url);
    const through = (at: number): PlainSession => session.at(replicas[at]!.url);
    const counts: unknown[] = [];
    for (const at of [0, 1, 1, 0]) {
      counts.push(text((await through(at).ask('tools/call', { name: 'one__counter' })).result));
    }
    expect(counts).toEqual(['1', '2', '3', '4']);
  });

  test('what a server asks through one replica is answered through the other', async () => {
    const session = await openSession(replicas[0]!.url, { capabilities: { elicitation: {} } });
    const stream = await openStream(replicas[0]!.url, {
      headers: posting('Mcp-Session-Id', session.token),
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"one__ask"}}',
    });
    const { id } = await stream.until(({ method }) => method === 'elicitation/create');
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept', content: { answer: 'yes' } } });
    expect((await session.at(replicas[1]!.url).post(answer)).status).toBe(202);
    const { result } = await stream.until(({ id: answered }) => answered === 1);
    expect(text(result)).toBe('{"action":"accept","content":{"answer":"yes"}}');
  });

  test('a call through one replica is cancelled through the other', async () => {
    const session = await openSession(replicas[0]!.url);
    await openStream(replicas[0]!.url, {
      headers: posting('Mcp-Session-Id', session.token),
      body: '{"jsonrpc":"2.0","id":91,"method":"tools/call","params":{"name":"one__slow","arguments":{"times":1,"everyMs":60000}}}',
    });
    await session
      .at(replicas[1]!.url)
      .post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":91}}');
    await expect.poll(() => stateful[0]?.cancelled.length).toBe(1);
  });
});

test('a cursor that one replica gave is good at the other', async () => {
  const many = await startStatelessServer({
    name: 'many',
    enableJsonResponse: true,
    tools: Array.from({ length: 1_100 }, (_, at) => ({ name: `t${at}` })),
    pageSize: 500,
  });
  const config = { mcpServers: { many: { url: many.url } } };
  const [one, two] = [
    await startGateway({ config, keysFile, admin: false }),
    await startGateway({ config, keysFile, admin: false }),
  ];
  const session = await openSession(one.url);
  const { result } = await session.ask('tools/list');
  const next = await session.at(two.url).ask('tools/list', { cursor: result?.['nextCursor'] });
  expect((next.result!['tools'] as unknown[]).length).toBe(100);
});

const progressOf = ({ params }: { params?: Readonly<Record<string, unknown>> }): unknown => params?.['progress'];

test('an answer that broke off at one replica is taken up at the other from where it was', async () => {
  const keeping = await startStatefulServer({ name: 'keeping', eventStore: memoryEventStore() });
  const config = { mcpServers: { keeping: { url: keeping.url } } };
  const [one, two] = [
    await startGateway({ config, keysFile, admin: false }),
    await startGateway({ config, keysFile, admin: false }),
  ];
  const session = await openSession(one.url);
  const stream = await openStream(one.url, {
    headers: posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25'),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'keeping__slow', arguments: { times: 6, everyMs: 150 }, _meta: { progressToken: 'p' } },
    }),
  });
  await stream.until((message) => progressOf(message) === 2);
  await one.kill('SIGKILL');
  await stream.ended;
  const seen = stream.messages.map(progressOf);
  const lastEventId = [...stream.text().matchAll(/^id: ([\w-]+)$/gm)].at(-1)?.[1];
  const resumed = await listenTo(session.at(two.url), lastEventId);
  const { result } = await resumed.until(({ id }) => id === 1);
  expect(text(result)).toBe('done after 6');
  expect([...seen, ...resumed.messages.slice(0, -1).map(progressOf)]).toEqual([1, 2, 3, 4, 5, 6]);
  await resumed.ended;
});
