/** A route that takes the tokens of a real Keycloak: discovery, audience, roles as claims, introspection, token exchange. */
import { decodeJwt } from 'jose';
import { expect, inject, test } from 'vitest';
import { initializeText, openSession, posting, send } from '../support/plain-client.ts';
import { startProtected, type ProtectedRoute } from '../support/protected.ts';
import { startStatefulServer, type StatefulServer } from '../support/stateful-server.ts';

const issuer = inject('issuer');
const hasKeycloak = issuer !== '';

/** An access token by the password of a user of the realm. */
async function tokenOf(user: string): Promise<string> {
  const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'public-app',
      username: user,
      password: `${user}-password`,
      scope: 'openid',
    }),
  });
  const { access_token: token } = (await answer.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`no token of ${user}: ${answer.status}`);
  return token;
}

const gatewayClient = { clientId: 'gateway', clientSecret: 'gateway-secret' };

const route = (upstream: StatefulServer, settings: object): ProtectedRoute => ({
  backends: { one: { url: upstream.url } },
  securityPolicy: (resource) => ({
    oauth: {
      issuer,
      audiences: ['gateway'],
      protectedResourceMetadata: { resource },
      claimToHeaders: [{ claim: 'preferred_username', header: 'X-User' }],
    },
    authorization: {
      rules: [{ source: { jwt: { claims: [{ name: 'preferred_username', values: ['alice', 'bob'] }] } } }],
    },
  }),
  settings,
});

test.skipIf(!hasKeycloak)('tokens of Keycloak are taken, exchanged for the upstream, and kept apart', async () => {
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const gateway = await startProtected(
    route(upstream, {
      backends: { one: { grant: { tokenExchange: { issuer, ...gatewayClient, audience: 'backend' } } } },
    }),
  );
  expect((await send(gateway.url, { headers: posting(), body: initializeText() })).status).toBe(401);
  for (const user of ['alice', 'bob']) {
    const token = await tokenOf(user);
    const headers = ['Authorization', `Bearer ${token}`];
    const session = await openSession(gateway.url, { headers });
    expect(await session.ask('tools/call', { name: 'one__echo' }, ...headers)).toHaveProperty('result');
    const seen = upstream.requests.at(-1)!.headers;
    expect(seen['x-user']).toBe(user);
    const exchanged = decodeJwt(String(seen.authorization).slice('Bearer '.length));
    expect([exchanged.aud, exchanged.sub]).toEqual(['backend', decodeJwt(token).sub]);
  }
});

test.skipIf(!hasKeycloak)('a token is asked about where that is the setting, and ends with its login', async () => {
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const { url } = await startProtected(
    route(upstream, { security: { oauth: { introspection: { ...gatewayClient, always: true } } } }),
  );
  const headers = ['Authorization', `Bearer ${await tokenOf('alice')}`];
  const statusOf = async (): Promise<number> =>
    (await send(url, { headers: posting(...headers), body: initializeText() })).status;
  expect(await statusOf()).toBe(200);
});
