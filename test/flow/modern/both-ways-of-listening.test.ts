/**
 * An upstream of both eras has two ways to be listened to, and that it lacks one says nothing of the other (2026-07-28
 * basic/patterns/subscriptions).
 */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { subscribe } from '../../support/modern-client.ts';
import { completed, sayError } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import type { RawRequest, RawServer } from '../../support/raw-server.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { sayEvents, sayJson, scripted } from '../../support/scripted-upstream.ts';

const capabilities = { tools: { listChanged: true } };
const told = { method: 'notifications/tools/list_changed' };
const stamp = 'io.modelcontextprotocol/subscriptionId';

const change = (id: unknown): string => JSON.stringify({ jsonrpc: '2.0', ...told, params: { _meta: { [stamp]: id } } });

/** It has GET streams or subscriptions, and tells of a change at once on whichever it has. */
async function startDual(listening: 'get' | 'subscriptions'): Promise<RawServer> {
  const old = scripted((message, response) => sayJson(response, completed(message, {})), {
    capabilities,
    sessionId: 'dual-1',
    get: (_request, response) => {
      if (listening === 'get') sayEvents(response)(JSON.stringify({ jsonrpc: '2.0', ...told }));
      else response.writeHead(405).end();
    },
  });
  return await startRawServer(async (request, response) => {
    const message = (request.json ?? {}) as Rpc;
    if (request.headers['mcp-method'] === undefined) await old(request, response);
    else if (message.method === 'server/discover')
      sayJson(
        response,
        completed(message, { supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'private' }),
      );
    else if (message.method === 'subscriptions/listen' && listening === 'subscriptions') {
      const say = sayEvents(response);
      const params = { notifications: { toolsListChanged: true }, _meta: { [stamp]: message.id } };
      say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }));
      say(change(message.id));
    } else sayError(response, message, 404, { code: -32_601, message: 'no' });
  });
}

const arrived = ({ requests }: RawServer, isIt: (request: RawRequest) => boolean): Promise<void> =>
  expect.poll(() => requests.filter(isIt).length).toBeGreaterThan(0);
const isGet = ({ method }: RawRequest): boolean => method === 'GET';
const isListen = ({ headers }: RawRequest): boolean => headers['mcp-method'] === 'subscriptions/listen';

test('one that answers GET with 405 is still subscribed to', async () => {
  const upstream = await startDual('subscriptions');
  const gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
  const legacy = await listenTo(await openSession(gateway.url));
  await arrived(upstream, isGet);
  // What the answer says has been taken in by the time that a later request is answered.
  await (await openSession(gateway.url)).ask('tools/list');
  const modern = await subscribe(gateway.url, { toolsListChanged: true });
  await modern.until(({ method }) => method === told.method);
  for (const stream of [legacy, modern]) stream.close();
  await gateway.kill();
});

test('one that has no subscriptions is still listened to by GET', async () => {
  const upstream = await startDual('get');
  const gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
  const modern = await subscribe(gateway.url, { toolsListChanged: true });
  await arrived(upstream, isListen);
  const session = await openSession(gateway.url);
  await session.ask('tools/list');
  const legacy = await listenTo(session);
  await legacy.until(({ method }) => method === told.method);
  for (const stream of [legacy, modern]) stream.close();
  await gateway.kill();
});
