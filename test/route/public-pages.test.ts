/** What is relayed of an authorization server, and that the way to it ends with the pages. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { RouteConfig } from '../../src/config/model.ts';
import { defaultNaming } from '../../src/config/naming.ts';
import { publicPages } from '../../src/route/public-pages.ts';
import { closedAtTheEnd } from '../support/started.ts';

async function serving(answer: RequestListener): Promise<{ readonly server: Server; readonly origin: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedAtTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('metadata is relayed over connections that end when the pages are closed', async () => {
  const sockets = new Set<Socket>();
  const issuer = await serving((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` }));
  });
  issuer.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const route: RouteConfig = {
    name: 'protected',
    path: '/mcp',
    naming: defaultNaming,
    upstreams: [],
    security: {
      oauth: {
        issuer: issuer.origin,
        audiences: ['https://gw.example.com/mcp'],
        keys: { kind: 'discovered' },
        metadata: { resource: 'https://gw.example.com/mcp', scopesSupported: [] },
        claimToHeaders: [],
        relaysServerMetadata: true,
      },
    },
  };
  const pages = publicPages([route]);
  const front = await serving((request, response) => pages.answer(request, response, request.url!));
  const url = `${front.origin}/.well-known/oauth-authorization-server`;
  const answer = await fetch(url, { headers: { host: 'gw.example.com' } });
  expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ issuer: issuer.origin })]);
  expect(sockets.size).toBeGreaterThan(0);
  pages.close();
  await expect.poll(() => sockets.size).toBe(0);
});
