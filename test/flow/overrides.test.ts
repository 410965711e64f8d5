/** Tools as the operator wants them shown, through the real command, for clients and servers of both eras. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import { askModern } from '../support/modern-client.ts';
import type { ModernUpstream } from '../support/modern-upstream.ts';
import { completed, sayError, startModern } from '../support/modern-upstream.ts';
import type { PlainSession, Rpc } from '../support/plain-client.ts';
import { openSession } from '../support/plain-client.ts';
import type { RawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, startScripted } from '../support/scripted-upstream.ts';
import type { TaskServer } from '../support/task-server.ts';
import { startTaskServer } from '../support/task-server.ts';

const overrides = {
  old: {
    rename: 'new',
    title: 'Shown',
    description: 'As the operator says',
    annotations: { readOnlyHint: true },
    arguments: { owner: { preset: 'me' }, secret: { hidden: true } },
  },
};
const inputSchema = {
  type: 'object',
  properties: {
    owner: { type: 'string', 'x-mcp-header': 'Owner' },
    secret: { type: 'string', 'x-mcp-header': 'Secret' },
    q: { type: 'string', 'x-mcp-header': 'Q' },
  },
  required: ['owner', 'q'],
};
const shownSchema = { type: 'object', properties: { q: { type: 'string', 'x-mcp-header': 'Q' } }, required: ['q'] };
const tools = [
  { name: 'old', description: 'As the server says', inputSchema },
  { name: 'other', inputSchema: { type: 'object' } },
];

let legacy: RawServer;
let modern: ModernUpstream;
let tasks: TaskServer;
let gateway: GatewayProcess;
/** The parameters of the latest call at either. */
let got: Rpc['params'];

/** What a server says to a call: which tool ran, or that there is none. */
function ran({ params = {} }: Rpc): object | undefined {
  got = params;
  const { name } = params as { name: string };
  return tools.some((tool) => tool.name === name) ? { content: [{ type: 'text', text: name }] } : undefined;
}

beforeAll(async () => {
  legacy = await startScripted((message, response) => {
    if (message.method === 'tools/list') sayJson(response, resultOf(message, { tools }));
    else {
      const result = ran(message);
      const error = { jsonrpc: '2.0', id: message.id, error: { code: -32602, message: 'Unknown tool' } };
      sayJson(response, result === undefined ? JSON.stringify(error) : resultOf(message, result));
    }
  });
  modern = await startModern((message, response) => {
    if (message.method === 'tools/list')
      sayJson(response, completed(message, { tools, ttlMs: 600_000, cacheScope: 'public' }));
    else {
      const result = ran(message);
      if (result === undefined) sayError(response, message, 400, { code: -32602, message: 'Unknown tool' });
      else sayJson(response, completed(message, result));
    }
  });
  tasks = await startTaskServer();
  const servers = { legacy: { url: legacy.url }, modern: { url: modern.url }, tasks: { url: tasks.url } };
  const backends = {
    legacy: { tools: overrides },
    modern: { tools: overrides },
    tasks: { tools: { work: { rename: 'toil' } } },
  };
  gateway = await startGateway({ config: { mcpServers: servers, manifold: { backends } }, admin: false });
});

type Ask = (method: string, params: Record<string, unknown>) => Promise<Rpc>;

async function asLegacy(): Promise<Ask> {
  const session: PlainSession = await openSession(gateway.url);
  return async (method, params) => await session.ask(method, params);
}

function asModern(): Promise<Ask> {
  return Promise.resolve(async (method, params) => {
    const { q } = (params['arguments'] ?? {}) as { q?: string };
    const headers = q === undefined ? {} : { 'Mcp-Param-Q': q };
    return (await askModern(gateway.url, method, { params, headers })).rpc;
  });
}

describe.each([
  ['of the session era', asLegacy],
  ['of 2026-07-28', asModern],
])('a client %s', (_era, as) => {
  test.each(['legacy', 'modern'])('sees the tool of a %s server as the operator wants it', async (up) => {
    const ask = await as();
    for (let again = 0; again < 2; again++) {
      const { result } = await ask('tools/list', {});
      const own = (result!['tools'] as { name: string }[]).filter(({ name }) => name.startsWith(up));
      expect(own).toEqual([
        {
          name: `${up}__new`,
          title: 'Shown',
          description: 'As the operator says',
          annotations: { readOnlyHint: true },
          inputSchema: shownSchema,
        },
        { name: `${up}__other`, inputSchema: { type: 'object' } },
      ]);
    }
  });

  test.each(['legacy', 'modern'])('calls the tool of a %s server with the arguments that are preset', async (up) => {
    const ask = await as();
    const { result } = await ask('tools/call', {
      name: `${up}__new`,
      arguments: { q: 'x', owner: 'you', secret: 'told' },
    });
    expect(result).toMatchObject({ content: [{ text: 'old' }] });
    expect(got).toMatchObject({ name: 'old', arguments: { q: 'x', owner: 'me' } });
    expect(got?.['arguments']).not.toHaveProperty('secret');
    if (up !== 'modern') return;
    const { headers } = modern.lastOf('tools/call');
    expect(headers).toMatchObject({ 'mcp-name': 'old', 'mcp-param-owner': 'me', 'mcp-param-q': 'x' });
    expect(headers).not.toHaveProperty('mcp-param-secret');
  });

  test.each(['legacy', 'modern'])(
    'gets for the old name at a %s server what a name gets that never was',
    async (up) => {
      const ask = await as();
      const asked = async (name: string): Promise<unknown> => {
        const { error, result } = await ask('tools/call', { name, arguments: { q: 'x' } });
        return JSON.parse(JSON.stringify(error ?? result).replaceAll(name, 'NAME'));
      };
      got = undefined;
      const never = await asked(`${up}__never`);
      expect(never).toMatchObject({ code: -32602 });
      expect(await asked(`${up}__old`)).toEqual(never);
      expect(await asked('old')).toEqual(await asked('never'));
      expect(got).toBeUndefined();
    },
  );
});

test('a renamed tool is called as a task, and its task answers as before', async () => {
  const session = await openSession(gateway.url);
  const { result: begun } = await session.ask('tools/call', { name: 'tasks__toil', task: { ttl: 30_000 } });
  const { taskId } = begun!['task'] as { taskId: string };
  const { result } = await session.ask('tasks/result', { taskId });
  expect(result).toHaveProperty('content');
  const { error } = await session.ask('tools/call', { name: 'tasks__work', task: { ttl: 30_000 } });
  expect(error?.code).toBe(-32602);
});

test('an argument that the client repeats in a header, and cannot give, is no mismatch', async () => {
  const params = { name: 'modern__new', arguments: { q: 'x', owner: 'you' } };
  const headers = { 'Mcp-Param-Q': 'x', 'Mcp-Param-Owner': 'somebody' };
  const { rpc } = await askModern(gateway.url, 'tools/call', { params, headers });
  expect(rpc.result).toMatchObject({ content: [{ text: 'old' }] });
  expect(modern.lastOf('tools/call').headers['mcp-param-owner']).toBe('me');
  const wrong = await askModern(gateway.url, 'tools/call', { params, headers: { 'Mcp-Param-Q': 'y' } });
  expect(wrong.rpc.error?.code).toBe(-32020);
});
