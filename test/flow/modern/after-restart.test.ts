/**
 * A subscription that is idle while its upstream restarts: the session under it is gone, nobody else uses the upstream, and the
 * next change is told all the same (2026-07-28 basic/patterns/subscriptions).
 */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { subscribe } from '../../support/modern-client.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

test('after a restart of a server with sessions an idle subscription hears of the next change', async () => {
  const server = await startStatefulServer({ name: 'legacy' });
  const gateway = await startGateway({ config: { mcpServers: { legacy: { url: server.url } } }, admin: false });
  const stream = await subscribe(gateway.url, { toolsListChanged: true });
  await stream.until(({ method }) => method === 'notifications/subscriptions/acknowledged');
  await expect.poll(() => server.requests.some(({ method }) => method === 'GET')).toBe(true);
  await server.restart();
  // Nothing else is said to the gateway: it has to find out by itself.
  await expect
    .poll(
      async () => {
        await server.changed('tools');
        return stream.messages.map(({ method }) => method);
      },
      { timeout: 15_000, interval: 250 },
    )
    .toContain('notifications/tools/list_changed');
  stream.close();
});
