import { afterEach, expect, test } from 'vitest';
import { exportPKCS8, generateKeyPair, exportJWK } from 'jose';
import { clientCredentialsGrant } from 'openid-client';
import type { OAuthClientIdentity } from '../../../src/config/security.ts';
import { oauthClient } from '../../../src/transport/authorization/oauth-client.ts';
import { discovered } from '../../../src/transport/authorization/discovery.ts';
import { guardedEgress, type Egress } from '../../../src/transport/egress/guarded-fetch.ts';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';

const egress = guardedEgress({ allowLoopback: true });
let as: AuthorizationServer;
afterEach(() => as.close());

const pair = await generateKeyPair('ES256', { extractable: true });
const privateKey = await exportPKCS8(pair.privateKey);

async function granted(clientId: string, credential: OAuthClientIdentity['credential']): Promise<string> {
  const client = await oauthClient(await discovered(as.issuer, egress.fetch).get(), { clientId, credential }, egress);
  const { token_type: type } = await clientCredentialsGrant(client, { resource: 'https://files.example.com/mcp' });
  return type;
}

test('a client proves itself by its secret, in the header or in the body', async () => {
  as = await authorizationServer();
  for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
    expect(await granted('gateway', { method, secret: clientSecret })).toBe('bearer');
    await expect(granted('gateway', { method, secret: 'wrong' })).rejects.toThrow();
  }
});

test('id and secret are encoded as forms are, and no further: some servers decode nothing', async () => {
  as = await authorizationServer();
  const sent: unknown[] = [];
  const told: Egress = {
    ...egress,
    fetch: (url, request) => {
      sent.push(request.headers?.['authorization']);
      return egress.fetch(url, request);
    },
  };
  const metadata = await discovered(as.issuer, egress.fetch).get();
  for (const [clientId, secret, encoded] of [
    ['my-client_1.a', 'a-secret_of.the*test', 'my-client_1.a:a-secret_of.the*test'],
    ['a:b', 'c d+e/f%ü', 'a%3Ab:c+d%2Be%2Ff%25%C3%BC'],
  ] as const) {
    const client = await oauthClient(
      metadata,
      { clientId, credential: { method: 'client_secret_basic', secret } },
      told,
    );
    await expect(clientCredentialsGrant(client)).rejects.toThrow();
    expect(sent.pop()).toBe(`Basic ${Buffer.from(encoded).toString('base64')}`);
  }
});

test('a client proves itself by a signature', async () => {
  as = await authorizationServer({
    keyed: { clientId: 'signing', key: { ...(await exportJWK(pair.publicKey)), kid: 'one' } },
  });
  expect(await granted('signing', { method: 'private_key_jwt', privateKey, algorithm: 'ES256', kid: 'one' })).toBe(
    'bearer',
  );
  const other = await exportPKCS8((await generateKeyPair('ES256', { extractable: true })).privateKey);
  await expect(
    granted('signing', { method: 'private_key_jwt', privateKey: other, algorithm: 'ES256' }),
  ).rejects.toThrow();
  await expect(
    granted('signing', { method: 'private_key_jwt', privateKey: 'no key', algorithm: 'ES256' }),
  ).rejects.toThrow();
});
