/** What one upstream or one caller can take from the others, through the real command: turns of the loop, a server, a session. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { openSession, posting, send } from '../../support/plain-client.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson, scripted, startScripted } from '../../support/scripted-upstream.ts';

const tools = { tools: [{ name: 't', inputSchema: { type: 'object' } }] };
const call = (name: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{}}}`;

/** What may wait unread between the two processes, in bytes. */
const kernelBytes = 16 * 1024 * 1024;

for (const [what, text] of [
  ['blank lines', '\n'],
  ['comments', ':\n\n'],
  ['retry lines', 'retry: 1\n\n'],
  ['events that say nothing', 'data\n\n'],
] as const)
  test(`an endless stream of ${what} is left unread beyond its rate, and others are served`, async () => {
    let socket: Socket | undefined;
    const upstream = await startScripted((message, response) => {
      if (message.method === 'tools/list') {
        sayJson(response, resultOf(message, tools));
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      socket = response.socket!;
      const piece = text.repeat(Math.floor(100_000 / text.length));
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more);
      more();
    });
    const gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } } });
    const left = new AbortController();
    const hostile = fetch(gateway.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: call('up__t'),
      signal: left.signal,
    });
    await expect.poll(() => socket?.bytesWritten ?? 0).toBeGreaterThan(100_000);
    await sleep(2_000);
    const before = socket!.bytesWritten - socket!.writableLength;
    for (let n = 0; n < 5; n += 1)
      expect(
        (await send(gateway.url, { headers: posting(), body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })).status,
      ).toBe(200);
    await sleep(2_000);
    const after = socket!.bytesWritten - socket!.writableLength;
    // 8,000 lines of at most 12 bytes a second; the kernel moves its buffers in steps of megabytes.
    expect(after - before).toBeLessThan(2 * 1024 * 1024);
    expect(after).toBeLessThan(kernelBytes);
    left.abort();
    await hostile.catch(() => {});
  });

test('an initialize that hangs for the header of one caller takes the server from nobody else', async () => {
  const answer = scripted((message, response) => sayJson(response, resultOf(message, tools)));
  const hanging: unknown[] = [];
  const tenant = await startRawServer(async (request, response) => {
    if (request.headers['x-tenant'] === undefined) await answer(request, response);
    else hanging.push(response);
  });
  const plain = await startRawServer(answer);
  const config = {
    mcpServers: { tenant: { url: tenant.url, forwardHeaders: ['X-Tenant'] }, plain: { url: plain.url } },
  };
  const gateway = await startGateway({ config });
  const names = async (): Promise<unknown> => {
    const session = await openSession(gateway.url);
    const { result } = await session.ask('tools/list', {});
    return (result?.['tools'] as readonly { name: string }[] | undefined)?.map(({ name }) => name);
  };
  expect(await names()).toEqual(['tenant__t', 'plain__t']);
  // Its initialize at the hanging server is given up after ten seconds.
  const hung = openSession(gateway.url, { headers: ['X-Tenant', 'acme'] });
  await expect.poll(() => hanging.length).toBeGreaterThan(0);
  expect(await names()).toEqual(['tenant__t', 'plain__t']);
  await hung;
  expect(await names()).toEqual(['tenant__t', 'plain__t']);
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/manifold_upstream_up\{[^}]*upstream="tenant"[^}]*\} 1/);
}, 40_000);
