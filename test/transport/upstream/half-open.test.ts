/** A session that an upstream has begun and that no client will get is ended (2025-11-25 basic/transports §Session Management 5). */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { initializeText, posting, send } from '../../support/plain-client.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson } from '../../support/scripted-upstream.ts';

test('one whose handshake fails at its last step', async () => {
  const ended: unknown[] = [];
  const upstream = await startRawServer((request, response) => {
    const message = (request.json ?? {}) as Rpc;
    if (request.method === 'DELETE') ended.push([request.headers['mcp-session-id'], request.headers['x-who']]);
    if (message.method !== 'initialize') {
      response.writeHead(request.method === 'DELETE' ? 200 : 401).end();
      return;
    }
    response.setHeader('mcp-session-id', 'half-1');
    sayJson(response, resultOf(message, { protocolVersion: '2025-11-25', capabilities: {} }));
  });
  const config = { mcpServers: { up: { url: upstream.url, era: 'legacy', forwardHeaders: ['X-Who'] } } };
  const gateway = await startGateway({ config, admin: false });
  await send(gateway.url, { headers: posting('X-Who', 'alice'), body: initializeText() });
  await expect.poll(() => ended).toContainEqual(['half-1', 'alice']);
  await gateway.kill();
});
