/**
 * `notifications/cancelled` of a session client, where the upstream has no notifications: closing is cancelling there (2026-07-28
 * basic/utilities/cancellation).
 */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { startModern } from '../../support/modern-upstream.ts';
import { openSession } from '../../support/plain-client.ts';
import type { RawRequest } from '../../support/raw-server.ts';

test('the call of a cancelled request is closed at a modern upstream, and its stream ends without an answer', async () => {
  const arrived = Promise.withResolvers<RawRequest>();
  const upstream = await startModern((_message, response, request) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    arrived.resolve(request);
  });
  const gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
  const session = await openSession(gateway.url);
  const answered = session.post('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"up__wait"}}');
  const { signal } = await arrived.promise;
  const closed = once(signal, 'abort');
  const cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}';
  expect((await session.post(cancelled)).status).toBe(202);
  await closed;
  expect(await answered).toMatchObject({ status: 200, body: '' });
});
