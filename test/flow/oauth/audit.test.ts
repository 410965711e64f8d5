/** One line for each decision, in a file of its own, by the real command: who, about what, by which rule, and no content. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { initializeText, openSession, posting, send } from '../../support/plain-client.ts';
import { oauthOf, startProtected } from '../../support/protected.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer;
afterAll(() => as.close());

test('a decision is a line', async () => {
  as = await authorizationServer();
  const folder = await mkdtemp(join(tmpdir(), 'manifold-audit-'));
  closedAtTheEnd(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'audit.log');
  const upstream = await startStatefulServer({ name: 'one', tools: ['echo', 'fail'] });
  const gateway = await startProtected(
    {
      backends: { one: { url: upstream.url } },
      securityPolicy: (resource) => ({
        oauth: oauthOf(as.issuer, resource),
        authorization: {
          rules: [{ source: { jwt: { scopes: ['read'] } }, target: { tools: [{ backend: 'one', tool: 'echo' }] } }],
        },
      }),
    },
    ['--audit-log', file],
  );
  const token = await as.token({ resource: gateway.url });
  const headers = ['Authorization', `Bearer ${token}`];
  await send(gateway.url, { headers: posting(), body: initializeText() });
  const session = await openSession(gateway.url, { headers });
  await session.ask('tools/call', { name: 'one__echo', arguments: { secret: 'marker' } }, ...headers);
  await session.ask('tools/call', { name: 'one__fail' }, ...headers);
  await gateway.kill();
  const text = await readFile(file, 'utf8');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  const about = { route: 'default/protected', iss: as.issuer, sub: 'alice', kind: 'tool', method: 'tools/call' };
  expect(lines).toMatchObject([
    { route: 'default/protected', outcome: 'refused', code: 'token_missing' },
    // The notification `initialized` of the kit brings no credentials.
    { outcome: 'refused', code: 'token_missing' },
    { ...about, upstream: 'one', name: 'echo', rule: 1, outcome: 'allowed' },
    { ...about, upstream: 'one', name: 'fail', rule: 'default', outcome: 'denied' },
  ]);
  expect(text).not.toContain('marker');
  expect(text).not.toContain(token);
});
