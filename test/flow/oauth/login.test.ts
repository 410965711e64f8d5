/** The clients of the official SDKs log in by themselves, end to end through the real command: discovery, login, step-up. */
import {
  Client as ModernClient,
  ClientCredentialsProvider as ModernProvider,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';
import { oauthOf, startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer;
let gateway: ProtectedGateway;

const target = (tool: string): object => ({ tools: [{ backend: 'files', tool }] });

beforeAll(async () => {
  as = await authorizationServer();
  const upstream = await startStatefulServer({ name: 'files', tools: ['echo', 'counter', 'fail'] });
  gateway = await startProtected({
    backends: { files: { url: upstream.url } },
    securityPolicy: (resource) => ({
      oauth: oauthOf(as.issuer, resource),
      authorization: {
        rules: [
          { source: { jwt: { scopes: ['read'] } }, target: target('echo') },
          { source: { jwt: { scopes: ['read', 'files:write'] } }, target: target('counter') },
        ],
      },
    }),
  });
});
afterAll(() => as.close());

const logins = (): number => as.asked.filter((path) => path === '/token').length;

test('SDK v1 logs in after a 401; what no scope opens starts no login', async () => {
  const client = new Client({ name: 'test', version: '1' });
  const authProvider = new ClientCredentialsProvider({
    clientId: 'alice',
    clientSecret,
    expectedIssuer: as.issuer,
    scope: 'read',
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { authProvider }));
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['files__echo']);
  expect(await client.callTool({ name: 'files__echo', arguments: { a: 1 } })).toMatchObject({
    structuredContent: { a: 1 },
  });
  const before = logins();
  await expect(client.callTool({ name: 'files__fail' })).rejects.toThrow('Unknown tool');
  expect(logins()).toBe(before);
  await client.close();
});

test('SDK v2 logs in, and gets more scopes after a 403', async () => {
  const client = new ModernClient({ name: 'test', version: '1' });
  const authProvider = new ModernProvider({ clientId: 'bob', clientSecret, expectedIssuer: as.issuer });
  await client.connect(new ModernTransport(new URL(gateway.url), { authProvider }));
  expect(await client.callTool({ name: 'files__echo' })).toHaveProperty('content');
  const before = logins();
  expect(await client.callTool({ name: 'files__counter' })).toMatchObject({ content: [{ text: '1' }] });
  expect(logins()).toBe(before + 1);
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('files__counter');
  await client.close();
});
