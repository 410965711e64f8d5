/** Requests that belong to a call at another process: how they get there, who may bring them, and what is said when it is gone. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { startModernAsking } from '../../support/asking-modern.ts';
import { askingToolNames } from '../../support/asking-tools.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Asked } from '../../support/modern-client.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import { openSession, openStream, posting, send } from '../../support/plain-client.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const capabilities = { elicitation: { form: {} } };
const accepted = { action: 'accept', content: { name: 'Ada' } };
const acceptedText = '{"action":"accept","content":{"name":"Ada"}}';

let config: object;
let keysFile: string;
/** One that nothing is done to. */
let other: GatewayProcess;

beforeAll(async () => {
  const plain = await startStatefulServer({ name: 'plain', tools: askingToolNames });
  const modern = await startModernAsking();
  const script = fileURLToPath(new URL('../../support/asking-stdio-server.ts', import.meta.url));
  config = {
    mcpServers: {
      plain: { url: plain.url },
      modern: { url: modern.url },
      program: { command: process.execPath, args: [script] },
    },
  };
  keysFile = await makeKeysFile();
  other = await replica();
});

function replica(address = '127.0.0.1:0', ...args: string[]): Promise<GatewayProcess> {
  return startGateway({ config, keysFile, admin: false, args: ['--peer-address', address, ...args] });
}

function call(at: GatewayProcess, name: string, more: object = {}): Promise<Asked> {
  return askModern(at.url, 'tools/call', { capabilities, params: { name, arguments: {}, ...more } });
}

const answersOf = (first: Asked): object => ({
  requestState: first.rpc.result?.['requestState'],
  inputResponses: { q1: accepted },
});
const textIn = ({ rpc }: Pick<Asked, 'rpc'>): unknown =>
  (rpc.result?.['content'] as { text: string }[] | undefined)?.[0]?.text;

describe('the port for other replicas', () => {
  test('tells nothing to whoever cannot sign, and serves no other path or method', async () => {
    const port = await freePort();
    const holder = await replica(`127.0.0.1:${port}`);
    const door = `http://127.0.0.1:${port}`;
    const first = await call(holder, 'plain__ask_elicitation');
    const request = modernRequest('tools/call', {
      capabilities,
      params: { name: 'plain__ask_elicitation', arguments: {}, ...answersOf(first) },
    });
    const now = Math.floor(Date.now() / 1_000);
    const refused = await send(`${door}/mcp`, request);
    expect([refused.status, refused.body]).toEqual([
      404,
      '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Not Found"},"id":null}',
    ]);
    for (const [path, method, signature] of [
      ['/mcp', 'POST', `${now} ${'0'.repeat(64)}`],
      ['/mcp', 'POST', `${now} `],
      ['/mcp', 'POST', 'x'],
      ['/mcp', 'POST', `${now - 120} ${'0'.repeat(64)}`],
      ['/other', 'POST', `${now} ${'0'.repeat(64)}`],
      ['/mcp', 'GET', `${now} ${'0'.repeat(64)}`],
      ['/.manifold/notice', 'POST', `${now} ${'0'.repeat(64)}`],
    ] as const) {
      const headers = [...(request.headers ?? []), 'Manifold-Hop', signature];
      const answer = await send(`${door}${path}`, method === 'GET' ? { method, headers } : { ...request, headers });
      expect([path, method, signature, answer.status, answer.body]).toEqual([
        path,
        method,
        signature,
        404,
        refused.body,
      ]);
    }
    // None of them was an answer.
    expect(textIn(await call(holder, 'plain__ask_elicitation', answersOf(first)))).toBe(acceptedText);
  });

  test('is not needed by a process that is alone', async () => {
    const alone = await startGateway({ config, keysFile, admin: false });
    const first = await call(alone, 'plain__ask_elicitation');
    expect(textIn(await call(alone, 'plain__ask_elicitation', answersOf(first)))).toBe(acceptedText);
  });

  test('does not keep a process that has no port for its clients', async () => {
    const port = await freePort();
    await startGateway({ config, keysFile, admin: false, port });
    await expect(
      startGateway({ config, keysFile, admin: false, port, args: ['--peer-address', '127.0.0.1:0'] }),
    ).rejects.toThrow('choose another with --port');
  });

  test('that is taken says which flag to change', async () => {
    const port = await freePort();
    await replica(`127.0.0.1:${port}`);
    await expect(replica(`127.0.0.1:${port}`)).rejects.toThrow(
      `port ${port} is taken; choose another with --peer-address`,
    );
  });
});

test('workers of one machine hand over to each other without any flag', async () => {
  const gateway = await startGateway({ config, keysFile, admin: false, args: ['--workers', '3'] });
  for (let turn = 0; turn < 6; turn += 1) {
    const first = await call(gateway, 'plain__ask_elicitation');
    expect(textIn(await call(gateway, 'plain__ask_elicitation', answersOf(first)))).toBe(acceptedText);
  }
  const session = await openSession(gateway.url, { capabilities });
  for (let turn = 0; turn < 6; turn += 1) {
    const stream = await openStream(gateway.url, {
      headers: posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25'),
      body: '{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"modern__ask_elicitation"}}',
    });
    const { id } = await stream.until(({ method }) => method === 'elicitation/create');
    expect((await session.post(JSON.stringify({ jsonrpc: '2.0', id, result: accepted }))).status).toBe(202);
    expect(textIn({ rpc: await stream.until((message) => message.id === 'c') })).toBe(acceptedText);
  }
});

test('a replica that drains waits for the calls it holds, and takes their answers from the others', async () => {
  const holder = await replica('127.0.0.1:0', '--drain-timeout', '20s');
  const first = await call(holder, 'plain__ask_elicitation');
  const exit = holder.kill('SIGTERM');
  expect(textIn(await call(other, 'plain__ask_elicitation', answersOf(first)))).toBe(acceptedText);
  expect(await exit).toMatchObject({ code: 0 });
});

test('a process that drains alone takes the answers itself, and nothing new', async () => {
  const alone = await startGateway({ config, keysFile, admin: false, args: ['--drain-timeout', '20s'] });
  const first = await call(alone, 'plain__ask_elicitation');
  const exit = alone.kill('SIGTERM');
  await expect.poll(async () => (await call(alone, 'plain__ask_elicitation')).status).toBe(503);
  expect(textIn(await call(alone, 'plain__ask_elicitation', answersOf(first)))).toBe(acceptedText);
  expect(await exit).toMatchObject({ code: 0 });
});

test('what waits at a replica is lost with it: the state is no good, the answer is 400, and the session lives', async () => {
  const holder = await replica();
  const first = await call(holder, 'plain__ask_elicitation');
  const session = await openSession(holder.url, { capabilities });
  const stream = await openStream(holder.url, {
    headers: posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25'),
    body: '{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"modern__ask_elicitation"}}',
  });
  const { id } = await stream.until(({ method }) => method === 'elicitation/create');
  await holder.kill('SIGKILL');
  expect((await call(other, 'plain__ask_elicitation', answersOf(first))).rpc.error).toEqual({
    code: -32_602,
    message: 'Invalid or expired requestState',
  });
  const there = session.at(other.url);
  expect((await there.post(JSON.stringify({ jsonrpc: '2.0', id, result: accepted }))).status).toBe(400);
  expect((await there.ask('ping')).result).toEqual({});
});

describe('a stdio server, whose session no other replica reaches', () => {
  let holder: GatewayProcess;
  beforeAll(async () => {
    holder = await replica();
  });

  test('asks, and the retry is brought to where it runs', async () => {
    const first = await call(holder, 'program__ask_elicitation');
    expect(textIn(await call(other, 'program__ask_elicitation', answersOf(first)))).toBe(acceptedText);
  });

  test('does not say which of two calls it asks about, so the question is refused', async () => {
    const waiting = await call(holder, 'program__ask_elicitation');
    expect(waiting.rpc.result).toMatchObject({ resultType: 'input_required' });
    expect(textIn(await call(holder, 'program__ask_never'))).toBe('{"without":-32601}');
    expect(textIn(await call(holder, 'program__ask_elicitation', answersOf(waiting)))).toBe(acceptedText);
    expect((await call(holder, 'program__ask_never')).rpc.result).toMatchObject({ resultType: 'input_required' });
  });
});

test('an address that belongs to somebody else by now is not believed: neither its 202 nor its stream', async () => {
  const port = await freePort();
  const holder = await replica(`127.0.0.1:${port}`);
  const first = await call(holder, 'plain__ask_elicitation');
  const session = await openSession(holder.url, { capabilities });
  const stream = await openStream(holder.url, {
    headers: posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25'),
    body: '{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"modern__ask_elicitation"}}',
  });
  const { id } = await stream.until(({ method }) => method === 'elicitation/create');
  await holder.kill('SIGKILL');
  const impostor = createHttpServer((request, response) => {
    request.resume();
    const isAnswer = request.headers['mcp-session-id'] !== undefined;
    const type = { 'content-type': 'text/event-stream', 'manifold-hop': '0'.repeat(64) };
    if (isAnswer) response.writeHead(202).end();
    else response.writeHead(200, type).end('data: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n');
  });
  impostor.listen(port, '127.0.0.1');
  await once(impostor, 'listening');
  const { rpc, status } = await call(other, 'plain__ask_elicitation', answersOf(first));
  expect([status, rpc.error]).toEqual([200, { code: -32_602, message: 'Invalid or expired requestState' }]);
  const answer = JSON.stringify({ jsonrpc: '2.0', id, result: accepted });
  expect((await session.at(other.url).post(answer)).status).toBe(400);
  impostor.close();
});
