/** Who may call a protected route, by the real command and a real authorization server: challenges, metadata, sessions. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { initializeText, openSession, posting, send, type Answer } from '../../support/plain-client.ts';
import { oauthOf, startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer;
let upstream: StatefulServer;
let gateway: ProtectedGateway;
let token: (client?: string, scope?: string) => Promise<string>;

beforeAll(async () => {
  as = await authorizationServer();
  upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
  gateway = await startProtected({
    backends: { one: { url: upstream.url, ref: { forwardHeaders: [{ name: 'X-Trace', backendHeader: 'X-Other' }] } } },
    securityPolicy: (resource) => ({
      oauth: oauthOf(as.issuer, resource, { claimToHeaders: [{ claim: 'sub', header: 'X-User' }] }),
    }),
  });
  token = (client = 'alice', scope = 'read') => as.token({ client, scope, resource: gateway.url });
});
afterAll(() => as.close());

const initialize = (...headers: readonly string[]): Promise<Answer> =>
  send(gateway.url, { headers: posting(...headers), body: initializeText() });
const metadataUrl = (): string => gateway.url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp');

test('without credentials: 401 that says where to read on, without an error', async () => {
  for (const method of ['POST', 'GET', 'DELETE']) {
    const answer = await send(gateway.url, { method, ...(method === 'POST' ? { body: initializeText() } : {}) });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(`Bearer resource_metadata="${metadataUrl()}", scope="read"`);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(answer.body)).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32_001, message: 'Unauthorized' },
    });
  }
});

test('a token that does not hold: 401 with one text, whatever is wrong', async () => {
  const other = await as.token({ resource: 'https://other.example.com/mcp' });
  const expired = await as.sign({ iss: as.issuer, sub: 'a', aud: gateway.url, exp: 1_000, iat: 900 });
  for (const bad of ['abc', `${await token()}x`, other, expired]) {
    const answer = await initialize('Authorization', `Bearer ${bad}`);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(
      `Bearer error="invalid_token", error_description="The access token is missing, expired or not valid for this resource", resource_metadata="${metadataUrl()}", scope="read"`,
    );
  }
});

test('credentials in the wrong place, or twice: 400', async () => {
  const good = await token();
  const twice = await initialize('Authorization', `Bearer ${good}`, 'Authorization', `Bearer ${good}`);
  const empty = await initialize('Authorization', 'Bearer ');
  const query = await send(`${gateway.url}?access_token=${good}`, { headers: posting(), body: initializeText() });
  for (const answer of [twice, empty, query]) {
    expect(answer.status).toBe(400);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer error="invalid_request"/);
  }
});

test('Host and Origin come before credentials, and credentials before the body', async () => {
  const foreign = await initialize('Origin', 'https://evil.example.com');
  expect([foreign.status, foreign.headers['www-authenticate']]).toEqual([403, undefined]);
  // Nothing of the body has been sent, and it would be too large.
  const large = ['Content-Length', String(100 * 1024 * 1024)];
  const answer = await unfinished(gateway.url, posting(...large));
  expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, expect.stringContaining('Bearer')]);
  expect((await unfinished(gateway.url, posting(...large, 'Authorization', `Bearer ${await token()}`))).status).toBe(
    413,
  );
});

/** The head of the answer to a request whose body never comes. */
function unfinished(url: string, headers: readonly string[]): Promise<Pick<Answer, 'headers'> & { status: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: ['Host', new URL(url).host, ...headers], agent: false });
    sent.on('response', (answer) => {
      resolve({ status: answer.statusCode, headers: answer.headers });
      sent.destroy();
    });
    sent.on('error', reject);
    sent.flushHeaders();
  });
}

test('the metadata stands at both places, for any page, and says what is configured', async () => {
  for (const url of [metadataUrl(), metadataUrl().replace('/mcp', '')]) {
    const answer = await fetch(url, { headers: { origin: 'https://inspector.example.com' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(await answer.json()).toMatchObject({
      resource: gateway.url,
      authorization_servers: [as.issuer],
      scopes_supported: ['read'],
      bearer_methods_supported: ['header'],
    });
  }
  const head = await fetch(metadataUrl(), { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  const foreign = await send(metadataUrl(), { method: 'GET', headers: ['Host', 'evil.example.com'] });
  expect(JSON.parse(foreign.body)).toMatchObject({ resource: gateway.url });
  expect((await fetch(gateway.url.replace('/mcp', '/.well-known/oauth-authorization-server'))).status).toBe(404);
});

test('with a token the session goes on, for its principal alone, also with another token', async () => {
  const session = await openSession(gateway.url, { headers: ['Authorization', `Bearer ${await token()}`] });
  expect(await session.ask('tools/list')).toMatchObject({ error: { code: -32_001 } });
  const alice = ['Authorization', `Bearer ${await token('alice', 'read write')}`];
  expect(await session.ask('tools/call', { name: 'one__echo', arguments: { a: 1 } }, ...alice)).toMatchObject({
    result: { structuredContent: { a: 1 } },
  });
  const bob = await session.post(
    '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    'Authorization',
    `Bearer ${await token('bob')}`,
  );
  expect([bob.status, JSON.parse(bob.body)]).toEqual([
    404,
    { jsonrpc: '2.0', id: null, error: { code: -32_001, message: 'Session not found' } },
  ]);
});

test('upstreams are told of the caller what is configured, and get no credential of it', async () => {
  const headers = ['Authorization', `Bearer ${await token()}`, 'X-User', 'mallory', 'X-Trace', 't1'];
  const session = await openSession(gateway.url, { headers });
  // Servers behind may read these as X-User, or a proxy between take it away.
  const more = ['X_User', 'mallory', 'x_uSER', 'mallory', 'Connection', 'keep-alive, X-User'];
  await session.ask('tools/call', { name: 'one__echo' }, ...headers, ...more);
  const seen = upstream.requests.at(-1)!.headers;
  expect(seen).toMatchObject({ 'x-user': 'alice', 'x-other': 't1' });
  expect(JSON.stringify(seen)).not.toContain('mallory');
  expect(seen['authorization']).toBeUndefined();
  expect(seen['x-trace']).toBeUndefined();
});
