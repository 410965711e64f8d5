/** What one client can make the process hold, through the real command: each bound is crossed, and others are served meanwhile. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { smallPieceBurst } from '../../../src/transport/http/limits.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { send } from '../../support/plain-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';

const mib = 1_048_576;
const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
let gateway: GatewayProcess;
/** Calls that reached the upstream and are not answered. */
const waiting: (() => void)[] = [];

beforeAll(async () => {
  const upstream = await startScripted((message, response) => {
    if (message.method === 'tools/call') waiting.push(() => sayJson(response, resultOf(message, { content: [] })));
    else sayJson(response, resultOf(message, { tools: [{ name: 'hang', inputSchema: { type: 'object' } }] }));
  });
  const config = { mcpServers: { up: { url: upstream.url } } };
  gateway = await startGateway({ config, args: ['--memory-budget', '16MiB', '--max-message-bytes', '2MiB'] });
});

const head = (more: string): string =>
  `POST /mcp HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nContent-Type: application/json\r\n${more}\r\n`;

function opened(text: string): { socket: Socket; said: () => string } {
  const socket = connect(Number(new URL(gateway.url).port), new URL(gateway.url).hostname);
  let said = '';
  socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
  socket.on('error', () => {});
  socket.write(text);
  return { socket, said: () => said };
}

const residentBytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) * 1_024;

const budgetUsed = async (): Promise<number> =>
  Number(/^manifold_budget_bytes (\d+)/m.exec(await (await fetch(`${gateway.adminUrl}/metrics`)).text())?.[1]);

test('a message over --max-message-bytes is 413, and the limit is named', async () => {
  const { status, body } = await send(gateway.url, { body: ' '.repeat(2 * mib) + ping });
  expect([status, body]).toEqual([413, expect.stringContaining('larger than 2097152 bytes')]);
});

test('bodies beyond a share of the budget are 503 with Retry-After, small calls go on, and everything is given back', async () => {
  const body = 'x'.repeat(mib);
  const many = Array.from({ length: 12 }, () => opened(head(`Content-Length: ${2 * mib}\r\n`) + body));
  await expect.poll(() => many.filter(({ said }) => said().includes('503')).length).toBeGreaterThan(0);
  expect(many.map(({ said }) => said()).find((text) => text.includes('503'))).toMatch(/Retry-After: 1\r\n/);
  expect(await budgetUsed()).toBeLessThanOrEqual(8 * mib);
  expect((await send(gateway.url, { body: ping })).status).toBe(200);
  for (const { socket } of many) socket.destroy();
  await expect.poll(budgetUsed).toBe(0);
});

const call = (id: number): string => {
  const text = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"up__hang","arguments":{}}}`;
  return head(`Content-Length: ${text.length}\r\n`) + text;
};

test('of the calls that one connection sends at once, eight are begun, and all are answered in their order', async () => {
  const { socket, said } = opened(Array.from({ length: 40 }, (_each, n) => call(n)).join(''));
  await expect.poll(() => waiting.length).toBe(8);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(waiting).toHaveLength(8);
  const answering = setInterval(() => waiting.splice(0).forEach((answer) => answer()), 5);
  await expect.poll(() => said().match(/"id":\d+/g)?.length).toBe(40);
  clearInterval(answering);
  expect(said().match(/"id":\d+/g)).toEqual(Array.from({ length: 40 }, (_each, n) => `"id":${n}`));
  socket.destroy();
});

test('calls of a connection that goes away are forgotten, those too whose turn had not come', async () => {
  const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__hang","arguments":{}}}';
  const { socket } = opened((head(`Content-Length: ${text.length}\r\n`) + text).repeat(40));
  await expect.poll(() => waiting.length).toBe(8);
  expect(await budgetUsed()).toBeGreaterThan(0);
  socket.destroy();
  // A connection that is not read shows that it is gone when something is written to it.
  const answering = setInterval(() => waiting.splice(0).forEach((answer) => answer()), 5);
  await expect.poll(budgetUsed).toBe(0);
  clearInterval(answering);
});

// The last one: what waits to be read stays counted until it has been read, or the request has taken too long.
test('a body in a million chunks of one byte costs about its size, and is read no faster than small pieces may be', async () => {
  await send(gateway.url, { body: ping });
  const before = residentBytes();
  const { socket, said } = opened(head('Transfer-Encoding: chunked\r\n'));
  const chunks = '1\r\nx\r\n'.repeat(10_000);
  for (let sent = 0; sent < 1_000_000; sent += 10_000) socket.write(chunks);
  await expect.poll(budgetUsed).toBeGreaterThan(smallPieceBurst / 2);
  for (let n = 0; n < 10; n += 1) expect((await send(gateway.url, { body: ping })).status).toBe(200);
  // One read of the socket beyond the burst.
  expect(await budgetUsed()).toBeLessThan(100_000);
  expect(residentBytes() - before).toBeLessThan(100 * mib);
  expect(said()).toBe('');
  socket.destroy();
});
