/** A URL that ends in `/sse`, without a type: the deprecated transport is tried where Streamable HTTP is refused, and remembered. */
import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { startEverythingSse } from '../../support/everything-sse.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { modernSdkClient } from '../../support/modern-sdk-client.ts';
import { openSession } from '../../support/plain-client.ts';
import { answer, startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson, scripted } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { freePort } from '../../support/free-port.ts';

const noted = (gateway: GatewayProcess): number =>
  [...gateway.stdout, ...gateway.stderr].filter((line) => line.includes('HTTP+SSE transport')).length;

test.each([[[]], [['--workers', '2']]])(
  'a real server of the deprecated transport is found, for clients of both eras; said once (%j)',
  async (args) => {
    const url = await startEverythingSse(await freePort());
    const gateway = await startGateway({ config: { mcpServers: { old: { url } } }, args });
    for (const _time of [1, 2]) {
      const { client } = await sdkClient(gateway.url);
      expect((await client.listTools()).tools.length).toBeGreaterThan(5);
      expect(await client.callTool({ name: 'old__echo', arguments: { message: 'one' } })).toMatchObject({
        content: [{ text: 'Echo: one' }],
      });
    }
    const client = await modernSdkClient(gateway.url);
    expect(await client.callTool({ name: 'old__echo', arguments: { message: 'two' } })).toMatchObject({
      content: [{ text: 'Echo: two' }],
    });
    await expect.poll(() => noted(gateway)).toBe(Math.max(args.length, 1));
    await gateway.kill();
  },
);

test('a Streamable HTTP server at such a URL is used as one', async () => {
  const server = await startRawServer(
    scripted((message, response) =>
      sayJson(response, resultOf(message, { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] })),
    ),
  );
  const url = server.url.replace(/mcp$/, 'sse');
  const gateway = await startGateway({ config: { mcpServers: { current: { url } } } });
  const session = await openSession(gateway.url);
  expect((await session.ask('tools/list')).result?.['tools']).toHaveLength(1);
  expect(noted(gateway)).toBe(0);
  await gateway.kill();
});

test('a server that answers a POST as it answers a GET, with a stream that never holds an answer, is found as well', async () => {
  const real = new URL(await startEverythingSse(await freePort()));
  const front = await startRawServer(async (request, response) => {
    if (request.method === 'POST' && request.path === real.pathname) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: endpoint\ndata: /message?sessionId=of-nobody\n\n');
      return;
    }
    const { headers, method, path, body, signal } = request;
    const onward = httpRequest({ host: real.hostname, port: real.port, method, path, headers }, (answered) => {
      response.writeHead(answered.statusCode ?? 500, answered.headers);
      answered.pipe(response);
    });
    signal.addEventListener('abort', () => onward.destroy());
    onward.on('error', () => response.destroy());
    onward.end(body);
  });
  const url = front.url.replace(/\/mcp$/, real.pathname);
  const gateway = await startGateway({ config: { mcpServers: { old: { url } } } });
  for (const _time of [1, 2]) {
    const { client } = await sdkClient(gateway.url);
    expect(await client.callTool({ name: 'old__echo', arguments: { message: 'one' } })).toMatchObject({
      content: [{ text: 'Echo: one' }],
    });
  }
  // Once it is found, the other way is not tried again.
  const posts = (): number =>
    front.requests.filter(({ method, path }) => method === 'POST' && path === real.pathname).length;
  const before = posts();
  await sdkClient(gateway.url);
  expect(posts()).toBe(before);
  await gateway.kill();
});

test('a server that refuses both is down with the first fault, and is found in whichever form it comes back', async () => {
  const port = await freePort();
  const refusing = await startRawServer(answer(404, 'nothing here'), port);
  const url = `http://127.0.0.1:${port}/sse`;
  const gateway = await startGateway({ config: { mcpServers: { old: { url } } } });
  await expect(openSession(gateway.url)).rejects.toThrow();
  await refusing.close();
  await startEverythingSse(port);
  await expect
    .poll(async () => {
      const session = await openSession(gateway.url).catch(() => undefined);
      return (await session?.ask('tools/list'))?.result?.['tools'];
    })
    .not.toHaveLength(0);
  await gateway.kill();
});

test('with a type there is nothing to try', async () => {
  const server = await startRawServer(answer(404, 'nothing here'));
  const url = server.url.replace(/mcp$/, 'sse');
  const gateway = await startGateway({ config: { mcpServers: { old: { type: 'http', url } } } });
  await expect(openSession(gateway.url)).rejects.toThrow();
  expect(server.requests.filter(({ method }) => method === 'GET')).toEqual([]);
  await gateway.kill();
});
