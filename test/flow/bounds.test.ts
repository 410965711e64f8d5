/** Bounds on what a client sends and holds open, and the end of the process (SECURITY.md). */
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import { listenTo, openSession, openStream, posting, send } from '../support/plain-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const fillers = (count: number): string[] => Array.from({ length: count }, (_, at) => [`X-${at}`, 'v']).flat();

let gateway: GatewayProcess;

beforeAll(async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
});

const statusWith = async (count: number): Promise<number> =>
  (await send(gateway.url, { headers: posting('Connection', 'close', ...fillers(count - 5)), body: ping })).status;

describe('bounds', () => {
  test('99 headers are let through, 100 are 431', async () => {
    // Host, Content-Type, Accept, Content-Length and the connection's own make up the rest.
    expect(await statusWith(99)).toBe(200);
    expect(await statusWith(100)).toBe(431);
    expect(await statusWith(1_000)).toBe(431);
  });

  test('a chunked body that grows over 4 MiB is 413, and the connection ends', async () => {
    const { hostname, port } = new URL(gateway.url);
    const sending = request({
      hostname,
      port,
      path: '/mcp',
      method: 'POST',
      headers: ['Host', 'localhost', ...posting(), 'Transfer-Encoding', 'chunked'],
    });
    sending.on('error', () => {});
    const answered = once(sending, 'response');
    for (let sent = 0; sent < 5; sent += 1) sending.write(Buffer.alloc(1_048_576, 0x20));
    const [response] = (await answered) as [IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
    response.resume();
    sending.end();
    await once(sending, 'close');
  });

  test('a client that never stops sending is cut off after a while', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: 9999999999\r\n\r\n',
    );
    let said = '';
    socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const closed = once(socket, 'close');
    const trickle = setInterval(() => socket.write('x'.repeat(1_000)), 50);
    await closed;
    clearInterval(trickle);
    expect(said).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('a session has 32 GET streams, the next is 429, and one that is closed makes room', async () => {
    const busy = await openSession(gateway.url);
    const streams = await Promise.all(Array.from({ length: 32 }, () => listenTo(busy)));
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await listenTo(busy);
    expect(refused.status).toBe(429);
    for (const stream of streams.slice(1)) stream.close();
    await expect.poll(async () => (await listenTo(busy)).status).toBe(200);
    streams[0]?.close();
  });
});

test('while the process drains new work is 503 with Retry-After, never 404, and what is under way ends well', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const leaving = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  const own = await openSession(leaving.url);
  const stream = await listenTo(own);
  const call = await openStream(leaving.url, {
    headers: posting('Mcp-Session-Id', own.token),
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"alpha__slow","arguments":{"times":1,"everyMs":800}}}',
  });
  const exited = leaving.kill('SIGTERM');
  await stream.ended;
  const refused = await send(leaving.url, { headers: posting('Mcp-Session-Id', own.token), body: ping }).catch(
    (fault: NodeJS.ErrnoException) => fault.code,
  );
  // A replica may refuse connections or answer; it must not say that the session is gone.
  if (typeof refused === 'object') expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
  else expect(refused).toBe('ECONNREFUSED');
  const { result } = await call.until(({ id }) => id === 1);
  expect(result?.['content']).toEqual([{ type: 'text', text: 'done after 1' }]);
  expect((await exited).code).toBe(0);
});
