/** What an upstream says of itself because of one caller's headers is that caller's (compare CVE-2026-25536). */
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import { askModern } from '../support/modern-client.ts';
import { completed } from '../support/modern-upstream.ts';
import type { Rpc } from '../support/plain-client.ts';
import { openSession } from '../support/plain-client.ts';
import { startRawServer } from '../support/raw-server.ts';
import { resultOf, sayJson } from '../support/scripted-upstream.ts';

for (const era of ['legacy', 'modern'] as const) {
  test(`instructions of a ${era} upstream without sessions reach the client that they were written for`, async () => {
    const upstream = await startRawServer((request, response) => {
      const message = (request.json ?? {}) as Rpc;
      const said = { capabilities: { tools: {} }, instructions: `for ${String(request.headers['x-who'])}` };
      if (message.id === undefined) response.writeHead(202).end();
      else if (message.method === 'initialize')
        sayJson(response, resultOf(message, { protocolVersion: '2025-11-25', ...said }));
      else
        sayJson(
          response,
          completed(message, { supportedVersions: ['2026-07-28'], ...said, ttlMs: 60_000, cacheScope: 'private' }),
        );
    });
    const config = { mcpServers: { up: { url: upstream.url, era, forwardHeaders: ['X-Who'] } } };
    const gateway = await startGateway({ config, admin: false });
    for (const who of ['alice', 'bob', 'alice']) {
      const { initialized } = await openSession(gateway.url, { headers: ['X-Who', who] });
      expect(initialized['instructions']).toContain(`for ${who}`);
      const { rpc } = await askModern(gateway.url, 'server/discover', { headers: { 'X-Who': who } });
      expect(rpc.result?.['instructions']).toContain(`for ${who}`);
    }
    await gateway.kill();
  });
}
