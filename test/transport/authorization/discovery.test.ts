import { afterEach, expect, test } from 'vitest';
import { discovered, relayedMetadata } from '../../../src/transport/authorization/discovery.ts';
import { Unavailable } from '../../../src/transport/authorization/kept.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';
import { metadataCandidates } from '../../../src/oauth/server-metadata.ts';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';

const egress = guardedEgress({ allowLoopback: true });
let as: AuthorizationServer;
afterEach(() => as.close());

test('the metadata of an issuer with a path is found where OpenID Connect appends it, after the other two', async () => {
  as = await authorizationServer({ path: '/realms/one' });
  const { issuer, jwks_uri: keys } = await discovered(as.issuer, egress.fetch).get();
  expect(issuer).toBe(as.issuer);
  expect(keys).toMatch(/\/jwks$/);
  const { origin } = new URL(as.issuer);
  expect(as.asked.map((path) => `${origin}${path}`)).toEqual(metadataCandidates(as.issuer));
});

test('a document about another issuer is not believed', async () => {
  as = await authorizationServer();
  as.say(
    '/.well-known/oauth-authorization-server',
    JSON.stringify({ issuer: 'https://evil.example.com', jwks_uri: 'https://evil.example.com/jwks' }),
  );
  expect((await discovered(as.issuer, egress.fetch).get()).jwks_uri).toBe(`${as.issuer}/jwks`);
  as.say(
    '/.well-known/openid-configuration',
    JSON.stringify({ issuer: `${as.issuer}/`, jwks_uri: `${as.issuer}/jwks` }),
  );
  await expect(discovered(as.issuer, egress.fetch).get()).rejects.toThrow(Unavailable);
});

test('without the setting a server on this machine is not asked', async () => {
  as = await authorizationServer();
  await expect(discovered(as.issuer, guardedEgress().fetch).get()).rejects.toThrow(Unavailable);
  expect(as.asked).toEqual([]);
});

test('the metadata of the issuers of a route is relayed as it is, and fetched once', async () => {
  as = await authorizationServer();
  const relayed = relayedMetadata([as.issuer], egress.fetch);
  const document: unknown = await (await fetch(`${as.issuer}/.well-known/openid-configuration`)).json();
  as.asked.length = 0;
  expect(JSON.parse(await relayed(as.issuer))).toEqual(document);
  await relayed(as.issuer);
  expect(as.asked).toHaveLength(1);
  await expect(relayed('https://other.example.com')).rejects.toThrow('no route');
  as.down();
  await expect(relayedMetadata([as.issuer], egress.fetch)(as.issuer)).rejects.toMatchObject({ status: 503 });
});
