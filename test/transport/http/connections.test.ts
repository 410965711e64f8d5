/** Bounds on connections: those of clients in number, those to upstreams in the time it takes to make one. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { readMcpServers } from '../../../src/config/mcp-servers/read.ts';
import { boundedServer } from '../../../src/transport/http/server.ts';
import { LegacyAdapter } from '../../../src/transport/upstream/legacy.ts';
import { Upstream } from '../../../src/transport/upstream/upstream.ts';
import { nobody } from '../../../src/transport/http/caller.ts';
import { forwarded } from '../../../src/transport/upstream/credentials.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import { startFullListener } from '../../support/full-listener.ts';
import { closedAtTheEnd } from '../../support/started.ts';

afterEach(() => void vi.useRealTimers());

/** What comes before the connection closes. */
async function answerTo(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await once(socket, 'close');
  return text;
}

/** Turns the clock, and lets what is due come about. */
async function turned(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    vi.advanceTimersByTime(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('clients have 20,000 connections in all; one too many is closed unanswered, and a place that is freed is taken', async () => {
  const server = boundedServer((_request, response) => void response.end('served'));
  expect(server.maxConnections).toBe(20_000);
  // So many would need twice as many open files here.
  server.maxConnections = 2;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const open = async (): Promise<Socket> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  const [first, second] = [await open(), await open()];
  await expect.poll(async () => await answerTo(await open())).toBe('');
  expect(await answerTo(first)).toContain('served');
  expect(await answerTo(await open())).toContain('served');
  second.destroy();
  const closed = once(server, 'close');
  server.close();
  await closed;
});

test('an upstream that does not take the connection is unreachable after 5 seconds, however long the call may last', async () => {
  const origin = await startFullListener();
  const [config] = readMcpServers(JSON.stringify({ mcpServers: { full: { url: `${origin}/mcp` } } }), 'test', {})
    .routes[0]!.upstreams;
  const upstream = new Upstream(config!, `${origin}/mcp`, `${origin}/mcp`, '0.0.0');
  closedAtTheEnd(() => upstream.close());
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const opening = new LegacyAdapter(new Wheel(), forwarded, '0.0.0').open(
    upstream,
    { revision: '2025-11-25', capabilities: 0, caller: nobody, isShared: false },
    60_000,
  );
  const outcome: string[] = [];
  opening.catch((fault: unknown) => void outcome.push(String((fault as { code?: unknown }).code)));
  await turned(4_500);
  expect(outcome).toEqual([]);
  await turned(3_500);
  expect(outcome).toEqual(['upstream_unreachable']);
});
