/** A route that takes the tokens of a real Keycloak: discovery, audience, roles as claims, introspection, token exchange, consent. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { expect, inject, test } from 'vitest';
import { browse } from '../support/consent-provider.ts';
import { initializeText, messagesOf, openSession, posting, send } from '../support/plain-client.ts';
import { startProtected, type ProtectedRoute } from '../support/protected.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { startStatefulServer, type StatefulServer } from '../support/stateful-server.ts';

const issuer = inject('issuer');
const hasKeycloak = issuer !== '';

/** Tokens by the password of a user of the realm. */
async function loginOf(user: string): Promise<{ readonly token: string; readonly refresh: string }> {
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
  const said = (await answer.json()) as { access_token?: string; refresh_token?: string };
  if (said.access_token === undefined) throw new Error(`no token of ${user}: ${answer.status}`);
  return { token: said.access_token, refresh: said.refresh_token ?? '' };
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
    const { token } = await loginOf(user);
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
  const { token, refresh } = await loginOf('alice');
  const headers = ['Authorization', `Bearer ${token}`];
  const statusOf = async (): Promise<number> =>
    (await send(url, { headers: posting(...headers), body: initializeText() })).status;
  expect(await statusOf()).toBe(200);
  await fetch(`${issuer}/protocol/openid-connect/logout`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'public-app', refresh_token: refresh }),
  });
  // An answer that the token is active is kept for 30 s.
  await expect.poll(statusOf).toBe(401);
});

/** The form of Keycloak's login page, filled in; gives what the callback of the gateway says. */
async function loginInBrowser(link: string, user: string): Promise<string> {
  const jar = new Map<string, string>();
  const page = await browse(link, jar);
  const login = await browse(unescaped(/href="([^"]+)"/.exec(page.text)![1]!), jar);
  const action = new URL(unescaped(/<form[^>]*action="([^"]+)"/.exec(login.text)![1]!));
  const cookies = [...jar].filter(([name]) => name.startsWith(`${action.host} `));
  const answer = await fetch(action, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: cookies.map(([name, value]) => `${name.split(' ')[1]}=${value}`).join('; ') },
    body: new URLSearchParams({ username: user, password: `${user}-password`, credentialId: '' }),
  });
  const done = await browse(answer.headers.get('location')!, jar);
  expect(done.status).toBe(200);
  return done.text;
}

function unescaped(text: string): string {
  return text.replaceAll('&amp;', '&');
}

/** What the attribute `resource_url` of the client `mcp-server` says (Keycloak's feature resource-indicators). */
const namedResource = 'http://127.0.0.1:8080/mcp';

test.skipIf(!hasKeycloak).each([
  ['as a client that is known there', { clientId: 'public-app', resource: namedResource }],
  // Its tokens have no audience of the upstream, so that Keycloak refuses `resource` (invalid_target).
  ['as a client that registers itself', { omitResource: true }],
])('users give an upstream their permission, %s', async (_name, settings) => {
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  const folder = await mkdtemp(join(tmpdir(), 'manifold-keycloak-store-'));
  closedAtTheEnd(() => rm(folder, { recursive: true }));
  const { url } = await startProtected(
    route(upstream, { backends: { one: { grant: { userConsent: { issuer, ...settings } } } } }),
    ['--token-store', join(folder, 'tokens.json')],
  );
  for (const user of ['alice', 'bob']) {
    const { token } = await loginOf(user);
    const headers = ['Authorization', `Bearer ${token}`];
    const [refused] = messagesOf(await send(url, { headers: posting(...headers), body: initializeText() }));
    expect(await loginInBrowser(/http\S+/.exec(refused!.error!.message)![0], user)).toContain('has your permission');
    const session = await openSession(url, { headers });
    expect(await session.ask('tools/call', { name: 'one__echo' }, ...headers)).toHaveProperty('result');
    const seen = decodeJwt(String(upstream.requests.at(-1)!.headers.authorization).slice('Bearer '.length));
    expect(seen.sub).toBe(decodeJwt(token).sub);
    if ('resource' in settings) expect([seen['azp'], seen.aud]).toEqual(['public-app', namedResource]);
    else expect(seen['azp']).not.toBe('public-app');
  }
});
