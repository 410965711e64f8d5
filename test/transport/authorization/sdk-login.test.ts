/** The clients of the official SDKs log in by what the parts say: metadata, challenges, audience, step-up to more scopes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Client as ModernClient,
  ClientCredentialsProvider as ModernProvider,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, expect, test } from 'vitest';
import { errorBody, GatewayError } from '../../../src/errors.ts';
import { denied } from '../../../src/oauth/faults.ts';
import { compileRules } from '../../../src/oauth/rules.ts';
import { wellKnownAnswer, wellKnownPages } from '../../../src/oauth/well-known.ts';
import { authenticator, type Authenticator } from '../../../src/transport/authorization/authenticator.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';

let as: AuthorizationServer;
let server: Server;
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await as.close();
});

const decide = compileRules({
  rules: [
    { targets: [{ kind: 'tool', upstream: 'files', name: 'read' }], scopes: ['read'] },
    { targets: [{ kind: 'tool', upstream: 'files', name: 'write' }], scopes: ['read', 'files:write'] },
  ],
});

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly name?: string; readonly protocolVersion?: string };
}

/** A server of MCP with the parts in front: metadata, authentication, rules. The answer is the URL of its endpoint. */
async function protectedServer(): Promise<{ url: string; statuses: number[] }> {
  as = await authorizationServer();
  const statuses: number[] = [];
  let gate: Authenticator;
  let pages: ReturnType<typeof wellKnownPages>;
  server = createServer((request, response) => {
    response.once('finish', () => statuses.push(response.statusCode));
    void answer(request, response, gate, pages);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const resource = { resource: url, authorizationServers: [as.issuer], scopesSupported: ['read'] };
  gate = authenticator(
    { oauth: { resource, issuers: [{ issuer: as.issuer }] } },
    guardedEgress({ allowLoopback: true }),
  );
  pages = wellKnownPages([{ resource }]);
  return { url, statuses };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  gate: Authenticator,
  pages: ReturnType<typeof wellKnownPages>,
): Promise<void> {
  const { method = '', url: target = '', rawHeaders, headers } = request;
  if (target.startsWith('/.well-known/')) {
    const page = wellKnownAnswer(pages, { method, host: headers.host, target });
    if ('kind' in page) throw new Error('nothing is relayed here');
    response.writeHead(page.status, [...page.headers]).end(page.body);
    return;
  }
  try {
    const verified = await gate.authenticate({ rawHeaders, method, path: target });
    if (method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const message = JSON.parse(text) as Message;
    if (message.method === 'tools/call') {
      const subject = {
        kind: 'tool',
        upstream: 'files',
        name: message.params?.name ?? '',
        method: message.method,
      } as const;
      const decision = decide({ ...verified, rawHeaders }, subject);
      if (!decision.allow) throw denied(gate.challenges, decision.scopes);
    }
    if (message.id === undefined) response.writeHead(202).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(resultOf(message)));
  } catch (fault) {
    if (!(fault instanceof GatewayError)) throw fault;
    response
      .writeHead(fault.status, ['Content-Type', 'application/json', ...fault.headers])
      .end(errorBody(fault, undefined));
  }
}

function resultOf({ id, method, params }: Message): unknown {
  switch (method) {
    case 'initialize':
      return {
        jsonrpc: '2.0',
        id,
        result: {
          protocolVersion: params?.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: 'protected', version: '1' },
        },
      };
    case 'tools/call':
      return { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: `did ${params?.name}` }] } };
    default:
      return { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } };
  }
}

const login = { clientId: 'alice', clientSecret };

test('the client of SDK v1 finds the way from a 401', async () => {
  const { url, statuses } = await protectedServer();
  const client = new Client({ name: 'test', version: '1' });
  // Where it logs in as itself it asks for the scopes it was given, whatever a challenge says.
  const authProvider = new ClientCredentialsProvider({ ...login, expectedIssuer: as.issuer, scope: 'read' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
  expect(statuses[0]).toBe(401);
  expect(await client.callTool({ name: 'read' })).toMatchObject({ content: [{ text: 'did read' }] });
  await expect(client.callTool({ name: 'write' })).rejects.toThrow('403');
  // What no scope opens is no reason to log in again.
  const logins = as.asked.filter((path) => path === '/token').length;
  await expect(client.callTool({ name: 'other' })).rejects.toThrow();
  expect(as.asked.filter((path) => path === '/token')).toHaveLength(logins);
  await client.close();
});

test('the client of SDK v2 does so, too, and gets more scopes after a 403', async () => {
  const { url, statuses } = await protectedServer();
  const client = new ModernClient({ name: 'test', version: '1' });
  const authProvider = new ModernProvider({ ...login, expectedIssuer: as.issuer });
  await client.connect(new ModernTransport(new URL(url), { authProvider }));
  expect(statuses[0]).toBe(401);
  expect(await client.callTool({ name: 'read' })).toMatchObject({ content: [{ text: 'did read' }] });
  expect(await client.callTool({ name: 'write' })).toMatchObject({ content: [{ text: 'did write' }] });
  expect(statuses).toContain(403);
  await client.close();
});
