/** Streams and sessions that outlive a token, and cut-offs that end what has leaked, by the real command. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryEventStore } from '../../support/event-store.ts';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { subscribe } from '../../support/modern-client.ts';
import { initializeText, openSession, openStream, posting, send } from '../../support/plain-client.ts';
import { oauthOf, startProtected, type ProtectedGateway, type ProtectedRoute } from '../../support/protected.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer;
let upstream: StatefulServer;
let gateway: ProtectedGateway;

const route = (revocation?: object): ProtectedRoute => ({
  backends: { one: { url: upstream.url } },
  securityPolicy: (resource) => ({ oauth: oauthOf(as.issuer, resource) }),
  ...(revocation === undefined ? {} : { settings: { security: { revocation } } }),
});

beforeAll(async () => {
  as = await authorizationServer();
  upstream = await startStatefulServer({ name: 'one', tools: ['echo', 'slow'], eventStore: memoryEventStore() });
  gateway = await startProtected(route());
});
afterAll(() => as.close());

const now = (): number => Math.floor(Date.now() / 1_000);

async function bearer(seconds: number, more: object = {}): Promise<readonly string[]> {
  const claims = { iss: as.issuer, sub: 'alice', aud: gateway.url, iat: now(), exp: now() + seconds, ...more };
  return ['Authorization', `Bearer ${await as.sign(claims)}`];
}

test('a GET stream ends with its token, and the session goes on with another', async () => {
  const long = await bearer(600);
  const session = await openSession(gateway.url, { headers: long });
  const headers = ['Accept', 'text/event-stream', 'Mcp-Session-Id', session.token];
  const stream = await openStream(gateway.url, { method: 'GET', headers: [...headers, ...(await bearer(2))] });
  expect(stream.status).toBe(200);
  await stream.ended;
  expect((await send(gateway.url, { method: 'GET', headers: [...headers, ...(await bearer(-100))] })).status).toBe(401);
  const kept = await openStream(gateway.url, { method: 'GET', headers: [...headers, ...long] });
  await expect
    .poll(async () => {
      // The upstream may still hold the stream that has ended.
      await upstream.changed('tools');
      return JSON.stringify(kept.messages);
    })
    .toContain('notifications/tools/list_changed');
  kept.close();
});

test('a subscription ends with its token, with an answer, and another one is told what changes', async () => {
  const wanted = { toolsListChanged: true };
  const stream = await subscribe(gateway.url, wanted, '"short"', await bearer(2));
  await stream.until(({ method }) => method === 'notifications/subscriptions/acknowledged');
  await stream.ended;
  expect((await subscribe(gateway.url, wanted, '"late"', await bearer(-100))).status).toBe(401);
  const other = await subscribe(gateway.url, wanted, '"long"', await bearer(600));
  await other.until(({ method }) => method === 'notifications/subscriptions/acknowledged');
  await expect
    .poll(async () => {
      await upstream.changed('tools');
      return JSON.stringify(other.messages);
    })
    .toContain('notifications/tools/list_changed');
  other.close();
});

test('an answer that outlives its token ends, and its rest comes with another one', async () => {
  const long = await bearer(600);
  const session = await openSession(gateway.url, { headers: long });
  const own = ['Mcp-Session-Id', session.token, 'MCP-Protocol-Version', '2025-11-25'];
  const params = { name: 'one__slow', arguments: { times: 50, everyMs: 100 }, _meta: { progressToken: 'p' } };
  const call = await openStream(gateway.url, {
    headers: posting(...own, ...(await bearer(2))),
    body: JSON.stringify({ jsonrpc: '2.0', id: 'slow', method: 'tools/call', params }),
  });
  await call.ended;
  expect(call.messages.some(({ id }) => id === 'slow')).toBe(false);
  const last = [...call.text().matchAll(/^id: ?(.+)$/gm)].at(-1)?.[1];
  const rest = await openStream(gateway.url, {
    method: 'GET',
    headers: ['Accept', 'text/event-stream', 'Last-Event-ID', String(last), ...own, ...long],
  });
  expect(await rest.until(({ id }) => id === 'slow')).toHaveProperty('result');
  const steps = [...call.messages, ...rest.messages].filter(({ method }) => method === 'notifications/progress');
  expect(steps.map((step) => step.params?.['progress'])).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
});

test('a cut-off ends the tokens from before it, and takes effect at once', async () => {
  const before = await bearer(600, { jti: 'leaked' });
  const of = async (headers: readonly string[]): Promise<number> =>
    (await send(gateway.url, { headers: posting(...headers), body: initializeText() })).status;
  expect(await of(before)).toBe(200);
  await gateway.rewrite(route({ tokens: ['leaked'] }));
  await expect.poll(() => of(before)).toBe(401);
  expect(await of(await bearer(600))).toBe(200);
  await sleep(1_100);
  await gateway.rewrite(route({ notBefore: new Date().toISOString() }));
  await sleep(1_100);
  const after = await bearer(600);
  await expect.poll(() => of(before)).toBe(401);
  expect(await of(after)).toBe(200);
  await gateway.rewrite(route({ principals: [{ issuer: as.issuer, subject: 'alice' }] }));
  await expect.poll(() => of(after)).toBe(401);
  expect(await of(await bearer(600, { sub: 'bob' }))).toBe(200);
});
