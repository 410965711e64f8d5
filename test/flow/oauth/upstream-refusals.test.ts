/**
 * Refusals of upstreams end at the gateway, whatever the kind of credential: one more try with a new token where there is one to be
 * had, and never the upstream's words or its challenge. And a token of a caller goes on only to whom it is meant for.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authorizationServer, clientSecret, type AuthorizationServer } from '../../support/oidc.ts';
import { openSession, type Answer, type PlainSession } from '../../support/plain-client.ts';
import { oauthOf, startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';

const kinds = ['fixed', 'own', 'exchanged'] as const;
const resource = 'https://backend.example.com/mcp';
const challenge = 'Bearer realm="inner", resource_metadata="https://inner.example.com/"';

let as: AuthorizationServer;
let gateway: ProtectedGateway;
const servers = new Map<string, StatefulServer>();
/** What every server answers, to which credentials; undefined: to all. */
let refusal: { readonly status: number; readonly of: ReadonlySet<string> | undefined } | undefined;

async function serverOf(name: string): Promise<StatefulServer> {
  const server = await startStatefulServer({
    name,
    tools: ['echo'],
    intercept: ({ headers }, response) => {
      if (refusal === undefined) return false;
      const { authorization = '' } = headers;
      if (refusal.of !== undefined && !refusal.of.has(authorization)) return false;
      response.writeHead(refusal.status, { 'www-authenticate': challenge }).end('inner words');
      return true;
    },
  });
  servers.set(name, server);
  return server;
}

beforeAll(async () => {
  as = await authorizationServer();
  const [fixed, own, exchanged, meant, unmeant, named] = await Promise.all(
    [...kinds, 'meant', 'unmeant', 'named'].map(serverOf),
  );
  const grant = { issuer: as.issuer, clientId: 'gateway', clientSecretRef: { name: 'client' }, resource };
  const passed = { forwardHeaders: [{ name: 'Authorization' }] };
  gateway = await startProtected({
    backends: {
      fixed: { url: fixed!.url, ref: { securityPolicy: { apiKey: { secretRef: { name: 'key' } } } } },
      own: { url: own!.url },
      exchanged: { url: exchanged!.url },
      meant: { url: meant!.url, ref: passed },
      unmeant: { url: unmeant!.url, ref: passed },
      named: { url: named!.url, ref: passed },
    },
    securityPolicy: (url) => ({ oauth: oauthOf(as.issuer, url) }),
    settings: {
      backends: {
        own: { grant: { clientCredentials: grant } },
        exchanged: { grant: { tokenExchange: grant } },
        meant: { acknowledgeTokenPassthrough: true },
        unmeant: { acknowledgeTokenPassthrough: true },
        named: { acknowledgeTokenPassthrough: true, passthroughAudience: 'the-service' },
      },
    },
    secrets: { key: { apiKey: 'k-1' }, client: { 'client-secret': clientSecret } },
  });
});
afterAll(() => as.close());
beforeEach(() => {
  refusal = undefined;
});

const logins = (): number => as.asked.filter((path) => path === '/token').length;
const seenBy = (name: string): string => String(servers.get(name)!.requests.at(-1)?.headers.authorization);

/** A session of its own, by a token of its own, that has called once. */
async function calling(name: string): Promise<() => Promise<Answer>> {
  const headers = ['Authorization', `Bearer ${await as.token({ resource: gateway.url })}`];
  const session: PlainSession = await openSession(gateway.url, { headers });
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: `${name}__echo` } });
  const call = (): Promise<Answer> => session.post(body, ...headers);
  expect((await call()).body).toContain('"result"');
  return call;
}

function expectEndedHere(answer: Answer): void {
  expect(answer.status).toBe(200);
  expect(answer.headers['www-authenticate']).toBeUndefined();
  expect(answer.body).not.toContain('inner');
  expect(answer.body).toContain('Upstream server refused the request');
}

describe.each(kinds)('%s', (name) => {
  test('401 to one token: another one, where one is to be had', async () => {
    const call = await calling(name);
    refusal = { status: 401, of: new Set([seenBy(name)]) };
    const before = logins();
    const answer = await call();
    if (name === 'fixed') expectEndedHere(answer);
    else expect(answer.body).toContain('"result"');
    expect(logins() - before).toBe(name === 'fixed' ? 0 : 1);
  });

  test('401 to every token: tried once more, and the answer ends here', async () => {
    const call = await calling(name);
    refusal = { status: 401, of: undefined };
    const [before, requests] = [logins(), servers.get(name)!.requests.length];
    expectEndedHere(await call());
    expect(logins() - before).toBe(name === 'fixed' ? 0 : 1);
    expect(servers.get(name)!.requests.length - requests).toBe(name === 'fixed' ? 1 : 2);
  });

  test('403 soon after the token came: the answer ends here, and costs no token', async () => {
    const call = await calling(name);
    refusal = { status: 403, of: undefined };
    const before = logins();
    expectEndedHere(await call());
    expectEndedHere(await call());
    expect(logins()).toBe(before);
  });
});

async function passing(audiences: readonly string[]): Promise<(name: string) => Promise<string>> {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: as.issuer, sub: 'alice', iat: now, exp: now + 600, aud: [gateway.url, ...audiences] };
  const headers = ['Authorization', `Bearer ${await as.sign(claims)}`];
  const opened = await openSession(gateway.url, { headers });
  return async (name) => {
    const { error } = await opened.ask('tools/call', { name: `${name}__echo` }, ...headers);
    const last = servers.get(name)!.requests.at(-1)?.headers.authorization;
    return error === undefined ? `passed ${last === headers[1]}` : error.message;
  };
}
/** As the route names the backend: by its address. */
const addressOf = (name: string): string => servers.get(name)!.url.replace('localhost', '127.0.0.1');

describe('a caller’s token is passed on, as acknowledged', () => {
  test('to the upstream that it is meant for, and to no other', async () => {
    const call = await passing([addressOf('meant')]);
    expect(await call('meant')).toBe('passed true');
    for (const name of ['unmeant', 'named']) {
      expect(await call(name)).toBe('Upstream server refused the request');
      // The gateway's own requests, which look what is there, show nobody's token.
      expect(servers.get(name)!.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    }
  });

  test('to the upstream whose audience the operator has named', async () => {
    const call = await passing(['the-service']);
    expect(await call('named')).toBe('passed true');
    expect(await call('meant')).toBe('Upstream server refused the request');
  });
});
