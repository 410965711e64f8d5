/**
 * Two replicas in the middle of an upgrade: both read both formats of what is sealed, one writes the first and one the second
 * (docs/operating.md §Upgrades). Whatever one has sealed, the other serves, and what they tell and bring one another arrives.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { askingToolNames } from '../../support/asking-tools.ts';
import { memoryEventStore } from '../../support/event-store.ts';
import { startGateway, type GatewayProcess } from '../../support/gateway-process.ts';
import { askModern, type Asked } from '../../support/modern-client.ts';
import { listenTo, openSession, openStream, posting, send, type PlainSession } from '../../support/plain-client.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';
import { startStatelessServer } from '../../support/stateless-server.ts';

const key = { id: 'only', secret: 'Q4pQ3bDq1iX0Zt8m5Wk2yC7eR9aJ6sVuHfLgTnBxOdE=', kdf: 'none' };

let stateful: StatefulServer;
/** By the format that each writes. */
let replicas: Record<1 | 2, GatewayProcess>;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'manifold-formats-'));
  closedAtTheEnd(() => rm(folder, { recursive: true }));
  stateful = await startStatefulServer({ name: 'stateful', eventStore: memoryEventStore() });
  const asking = await startStatefulServer({ name: 'asking', tools: askingToolNames });
  const tools = Array.from({ length: 1_100 }, (_, at) => ({ name: `t${at}` }));
  const many = await startStatelessServer({ name: 'many', enableJsonResponse: true, tools, pageSize: 500 });
  const urls = { stateful: stateful.url, asking: asking.url, many: many.url };
  const config = {
    mcpServers: Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, { url }])),
  };
  const ports = [await freePort(), await freePort()] as const;
  const start = async (format: 1 | 2): Promise<GatewayProcess> => {
    const keysFile = join(folder, `${format}.json`);
    // The first is what a file of release 0.1 is.
    await writeFile(keysFile, JSON.stringify({ keys: [format === 1 ? key : { ...key, format }] }));
    const args = ['--peers', `127.0.0.1:${ports[2 - format]}`, '--peer-address', '127.0.0.1:0'];
    return await startGateway({ config, keysFile, admin: false, port: ports[format - 1]!, args });
  };
  replicas = { 1: await start(1), 2: await start(2) };
});

const text = (result: unknown): unknown => (result as { content?: { text: string }[] }).content?.[0]?.text;
const firstByte = (token: string): number => Buffer.from(token, 'base64url')[0]!;

async function statusAt(session: PlainSession): Promise<number> {
  return (await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status;
}

describe.each([
  [1, 2],
  [2, 1],
] as const)('what a replica that writes format %i seals, at one that writes format %i', (own, other) => {
  let session: PlainSession;
  let there: PlainSession;
  beforeAll(async () => {
    session = await openSession(replicas[own].url, { capabilities: { elicitation: {} } });
    there = session.at(replicas[other].url);
  });

  test('sessions are served, and the upstream session stays one', async () => {
    expect(firstByte(session.token)).toBe(own);
    const [here, at] = [
      await session.ask('tools/call', { name: 'stateful__counter' }),
      await there.ask('tools/call', { name: 'stateful__counter' }),
    ];
    expect(Number(text(at.result))).toBe(Number(text(here.result)) + 1);
  });

  test('cursors go on', async () => {
    const { result } = await session.ask('tools/list');
    expect(result?.['nextCursor']).toEqual(expect.any(String));
    const next = await there.ask('tools/list', { cursor: result?.['nextCursor'] });
    expect(next.error).toBeUndefined();
    expect((next.result!['tools'] as unknown[]).length).toBeGreaterThan(0);
  });

  test('requests of servers are answered', async () => {
    const stream = await openStream(replicas[own].url, {
      headers: posting('Mcp-Session-Id', session.token),
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"stateful__ask"}}',
    });
    const { id } = await stream.until(({ method }) => method === 'elicitation/create');
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept', content: { answer: 'yes' } } });
    expect((await there.post(answer)).status).toBe(202);
    const { result } = await stream.until(({ id: answered }) => answered === 1);
    expect(text(result)).toBe('{"action":"accept","content":{"answer":"yes"}}');
  });

  test('event ids are resumed after', async () => {
    const stream = await openStream(replicas[own].url, {
      headers: posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25'),
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'stateful__slow', arguments: { times: 2, everyMs: 50 }, _meta: { progressToken: 'p' } },
      }),
    });
    await stream.until(({ id }) => id === 1);
    const ids = [...stream.text().matchAll(/^id: ([\w-]+)$/gm)].map(([, id]) => id);
    const resumed = await listenTo(there, ids.at(-2));
    const { result } = await resumed.until(({ id }) => id === 1);
    expect(text(result)).toBe('done after 2');
  });

  test('a call that waits here is answered there: its state opens, and the hop is understood', async () => {
    const capabilities = { elicitation: { form: {} } };
    const call = (format: 1 | 2, more: object = {}): Promise<Asked> =>
      askModern(replicas[format].url, 'tools/call', {
        capabilities,
        params: { name: 'asking__ask_elicitation', arguments: {}, ...more },
      });
    const { rpc } = await call(own);
    const answered = await call(other, {
      requestState: rpc.result?.['requestState'],
      inputResponses: { q1: { action: 'accept', content: { name: 'Ada' } } },
    });
    expect(text(answered.rpc.result)).toBe('{"action":"accept","content":{"name":"Ada"}}');
  });

  test('a session that ends here has ended there', async () => {
    const ending = await openSession(replicas[own].url);
    const elsewhere = ending.at(replicas[other].url);
    expect(await statusAt(elsewhere)).toBe(200);
    await send(replicas[own].url, { method: 'DELETE', headers: ['Mcp-Session-Id', ending.token] });
    await expect.poll(() => statusAt(elsewhere)).toBe(404);
  });
});
