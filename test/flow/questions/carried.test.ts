/** What the gateway itself says to a server in the middle of a call goes with the headers that the call brought for it. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { openSession, posting, send } from '../../support/plain-client.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayEvents, scripted } from '../../support/scripted-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';

test('a ping of the server is answered with the header that lets the answer in', async () => {
  const answered: unknown[] = [];
  const answer = scripted(
    (message, response) => {
      const say = sayEvents(response);
      say('{"jsonrpc":"2.0","id":"p","method":"ping"}');
      setTimeout(() => {
        say(resultOf(message, { content: [] }));
        response.end();
      }, 300);
    },
    { sessionId: 's' },
  );
  const upstream = await startRawServer(async (request, response) => {
    if ((request.json as Rpc | undefined)?.result !== undefined) answered.push(request.headers['x-tenant']);
    await answer(request, response);
  });
  const gateway = await startGateway({
    config: { mcpServers: { up: { url: upstream.url, forwardHeaders: ['X-Tenant'] } } },
    admin: false,
  });
  const session = await openSession(gateway.url);
  await send(gateway.url, {
    headers: posting('Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25', 'X-Tenant', 'blue'),
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__x"}}',
  });
  expect(answered).toEqual(['blue']);
});
