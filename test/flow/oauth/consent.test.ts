/** A server that wants a token of each user: the client gets a link, the user gives permission, and calls go on with it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { givePermission, startConsentProvider, type ConsentProvider } from '../../support/consent-provider.ts';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { initializeText, messagesOf, openSession, posting, send, type Rpc } from '../../support/plain-client.ts';
import { oauthOf, startProtected, startProtectedPair, type ProtectedRoute } from '../../support/protected.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';

let directory: string;
let as: AuthorizationServer;
let provider: ConsentProvider;
let open: StatefulServer;
let files: StatefulServer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'consent-'));
  as = await authorizationServer();
  provider = await startConsentProvider({ registers: true });
  open = await startStatefulServer({ name: 'open', tools: ['echo'] });
  files = await startStatefulServer({
    name: 'files',
    tools: ['echo'],
    intercept: (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
      return true;
    },
  });
});
afterAll(async () => {
  await as.close();
  await rm(directory, { recursive: true });
});

/** Several processes start one after the other on a busy machine. */
const pairMs = 60_000;

function routeWith(backends: ProtectedRoute['backends']): ProtectedRoute {
  return {
    backends,
    securityPolicy: (url) => ({ oauth: oauthOf(as.issuer, url) }),
    settings: { backends: { files: { grant: { userConsent: { issuer: provider.issuer, scopes: ['read'] } } } } },
  };
}

/** These clients declare no elicitation. */
function linkIn({ error }: Rpc): string {
  expect(error).toMatchObject({ code: -32_603, message: expect.stringContaining('Your permission is needed') });
  expect(error).not.toHaveProperty('data');
  return /http\S+/.exec(error!.message)![0];
}

function renewals(): number {
  return provider.asked.filter((one) => one === 'POST /token').length;
}

async function consent(link: string, account: string): Promise<void> {
  provider.account = account;
  await givePermission(link);
}

test.each(['1', '2'])('each user has a token of their own, with %s process(es)', async (workers) => {
  const store = join(directory, `store-${workers}.json`);
  const seen: string[] = [];
  const watched = await startStatefulServer({
    name: 'files',
    tools: ['echo'],
    intercept: ({ headers }) => {
      const { authorization = '' } = headers;
      if (!seen.includes(authorization)) seen.push(authorization);
      return false;
    },
  });
  const gateway = await startProtected(routeWith({ open: { url: open.url }, files: { url: watched.url } }), [
    '--token-store',
    store,
    '--workers',
    workers,
  ]);
  const { url } = gateway;
  for (const account of ['alice', 'bob']) {
    const own = ['Authorization', `Bearer ${await as.token({ client: account, resource: url })}`];
    const session = await openSession(url, { headers: own });
    expect(await session.ask('tools/call', { name: 'open__echo' }, ...own)).toHaveProperty('result');
    const before = seen.length;
    await consent(linkIn(await session.ask('tools/call', { name: 'files__echo' }, ...own)), account);
    expect(seen.length).toBe(before);
    expect(await session.ask('tools/call', { name: 'files__echo' }, ...own)).toHaveProperty('result');
    const token = seen.at(-1)!.replace('Bearer ', '');
    expect(await provider.holder(token)).toMatchObject({
      account,
      audience: expect.stringContaining(`:${watched.port}/mcp`),
    });
    expect(await readFile(store, 'utf8')).not.toContain(token);
    const { result } = await session.ask('tools/list', {}, ...own);
    expect((result!['tools'] as { name: string }[]).map(({ name }) => name)).toContain('files__echo');
  }
  expect(seen.length).toBe(2);
});

test('where there is nothing else, the first request tells the link; a refused token is renewed once', async () => {
  const gateway = await startProtected(routeWith({ files: { url: files.url } }), [
    '--token-store',
    join(directory, 'alone.json'),
  ]);
  const { url } = gateway;
  const own = ['Authorization', `Bearer ${await as.token({ resource: url })}`];
  const first = await send(url, { headers: posting(...own), body: initializeText() });
  await consent(linkIn(messagesOf(first)[0]!), 'alice');
  // The server does not know the token, nor the renewed one.
  const before = renewals();
  const refused = await send(url, { headers: posting(...own), body: initializeText() });
  expect(messagesOf(refused)[0]).toHaveProperty('error');
  expect(renewals()).toBe(before + 1);
});

test('without a store the command does not start', async () => {
  await expect(startProtected(routeWith({ files: { url: files.url } }))).rejects.toThrow('--token-store');
});

test.for([
  ['a file', true],
  ['Redis', hasRedis],
] as const)(
  'two replicas share tokens in %s, and renew a refused one once',
  { timeout: pairMs },
  async ([name, isThere], { skip }) => {
    skip(!isThere, 'this machine has no redis-server');
    const refused = new Set<string>();
    const seen = new Set<string>();
    const watched = await startStatefulServer({
      name: 'files',
      tools: ['echo'],
      intercept: ({ headers }, response) => {
        const { authorization = '' } = headers;
        if (!refused.has(authorization)) {
          seen.add(authorization);
          return false;
        }
        response.writeHead(401).end();
        return true;
      },
    });
    const place = name === 'Redis' ? await startRedis() : join(directory, 'pair.json');
    const pair = await startProtectedPair(routeWith({ open: { url: open.url }, files: { url: watched.url } }), [
      '--token-store',
      place,
    ]);
    const own = ['Authorization', `Bearer ${await as.token({ resource: pair[0].url })}`];
    const sessions = await Promise.all(pair.map(async ({ url }) => await openSession(url, { headers: own })));
    const calls = (): Promise<Rpc[]> =>
      Promise.all(sessions.map(async (session) => await session.ask('tools/call', { name: 'files__echo' }, ...own)));
    const [{ error } = {}] = await calls();
    await consent(linkIn({ error: error! }), 'alice');
    for (const answer of await calls()) expect(answer).toHaveProperty('result');
    seen.delete('');
    expect(seen.size).toBe(1);
    for (const token of seen) refused.add(token);
    const before = renewals();
    for (const answer of await calls()) expect(answer).toHaveProperty('result');
    expect([seen.size, renewals()]).toEqual([2, before + 1]);
  },
);
