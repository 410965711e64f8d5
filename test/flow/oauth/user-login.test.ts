/**
 * A user logs in with the clients of the official SDKs, end to end through the real command: the 401, the metadata, registration,
 * the authorization code with PKCE for the resource, and the session that begins with the token.
 */
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import type { StoredOAuthClientInformation, StoredOAuthTokens } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { beforeAll, expect, test } from 'vitest';
import { browse, startConsentProvider, type ConsentProvider } from '../../support/consent-provider.ts';
import { oauthOf, startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';

const callback = 'http://127.0.0.1:1/callback';
let as: ConsentProvider;
let upstream: StatefulServer;
let gateway: ProtectedGateway;

beforeAll(async () => {
  as = await startConsentProvider({ registers: true, format: 'jwt' });
  upstream = await startStatefulServer({ name: 'files', tools: ['echo'] });
  gateway = await startProtected({
    backends: { files: { url: upstream.url } },
    securityPolicy: (resource) => ({
      oauth: oauthOf(as.issuer, resource, { claimToHeaders: [{ claim: 'sub', header: 'X-User' }] }),
    }),
  });
});

/** What a client keeps of its user, and the browser that it opens. */
function memory<Information, Tokens>() {
  let information: Information | undefined;
  let tokens: Tokens | undefined;
  let verifier = '';
  let opened: URL | undefined;
  return {
    redirectUrl: callback,
    clientMetadata: {
      client_name: 'test',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    clientInformation: () => information,
    saveClientInformation: (given: Information) => void (information = given),
    tokens: () => tokens,
    saveTokens: (given: Tokens) => void (tokens = given),
    redirectToAuthorization: (url: URL) => void (opened = url),
    saveCodeVerifier: (given: string) => void (verifier = given),
    codeVerifier: () => verifier,
    /** The parameters that come back once the user has agreed. */
    agreed: async (): Promise<URLSearchParams> => {
      expect(opened?.searchParams.get('resource')).toBe(gateway.url);
      expect(opened?.searchParams.get('code_challenge_method')).toBe('S256');
      return new URL((await browse(opened!.href, new Map(), callback)).url).searchParams;
    },
  };
}

const users = (): unknown[] => upstream.requests.map(({ headers }) => headers['x-user']);

test('SDK v1', async () => {
  as.account = 'ada';
  const authProvider = memory<OAuthClientInformationFull, OAuthTokens>();
  const connecting = new StreamableHTTPClientTransport(new URL(gateway.url), { authProvider });
  await expect(new Client({ name: 'test', version: '1' }).connect(connecting)).rejects.toThrow('Unauthorized');
  await connecting.finishAuth((await authProvider.agreed()).get('code')!);
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { authProvider }));
  expect(await client.callTool({ name: 'files__echo', arguments: { a: 1 } })).toMatchObject({
    structuredContent: { a: 1 },
  });
  expect(users()).toContain('ada');
  await client.close();
});

test('SDK v2', async () => {
  as.account = 'bob';
  const authProvider = memory<StoredOAuthClientInformation, StoredOAuthTokens>();
  const connecting = new ModernTransport(new URL(gateway.url), { authProvider });
  await expect(new ModernClient({ name: 'test', version: '1' }).connect(connecting)).rejects.toThrow();
  await connecting.finishAuth(await authProvider.agreed());
  const client = new ModernClient({ name: 'test', version: '1' });
  await client.connect(new ModernTransport(new URL(gateway.url), { authProvider }));
  expect(await client.callTool({ name: 'files__echo', arguments: { a: 1 } })).toHaveProperty('content');
  expect(users()).toContain('bob');
  await client.close();
});
