/** Two principals in turn on one gateway: nothing of one ever reaches the other, whatever is shared below. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import {
  openSession,
  openStream,
  posting,
  send,
  type OpenStream,
  type PlainSession,
} from '../../support/plain-client.ts';
import { oauthOf, startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';
import { startStatelessServer } from '../../support/stateless-server.ts';

let as: AuthorizationServer;
let gateway: ProtectedGateway;

beforeAll(async () => {
  as = await authorizationServer();
  const kept = await startStatefulServer({ name: 'kept', tools: ['echo', 'counter', 'log', 'slow', 'touch'] });
  const free = await startStatelessServer({ name: 'free', tools: ['echo', 'log', 'slow'] });
  gateway = await startProtected({
    backends: { kept: { url: kept.url }, free: { url: free.url } },
    securityPolicy: (resource) => ({ oauth: oauthOf(as.issuer, resource) }),
  });
});
afterAll(() => as.close());

interface Member {
  readonly name: string;
  readonly headers: readonly string[];
  readonly session: PlainSession;
  readonly stream: OpenStream;
  /** All that it was told. */
  readonly heard: string[];
}

async function member(name: string): Promise<Member> {
  const headers = ['Authorization', `Bearer ${await as.token({ client: name, resource: gateway.url })}`];
  const session = await openSession(gateway.url, { headers });
  const stream = await openStream(gateway.url, {
    method: 'GET',
    headers: ['Accept', 'text/event-stream', 'Mcp-Session-Id', session.token, ...headers],
  });
  return { name, headers, session, stream, heard: [] };
}

async function turn({ name, headers, session, heard }: Member, at: number): Promise<void> {
  const marker = `marker-${name}-${at}`;
  const tools = ['kept__echo', 'free__echo', 'kept__log', 'free__log', 'kept__slow', 'free__slow'];
  await Promise.all(
    tools.map(async (tool) => {
      const params = { name: tool, arguments: { marker, times: 2, everyMs: 1 }, _meta: { progressToken: marker } };
      const body = JSON.stringify({ jsonrpc: '2.0', id: marker + tool, method: 'tools/call', params });
      heard.push((await session.post(body, ...headers)).body);
    }),
  );
  // Without a session, as some clients do it.
  const params = { name: 'free__echo', arguments: { marker } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: marker, method: 'tools/call', params });
  heard.push((await send(gateway.url, { headers: posting(...headers), body })).body);
}

test('no marker of one ever reaches the other', async () => {
  const members = [await member('alice'), await member('bob')];
  for (let at = 0; at < 10; at += 1) await Promise.all(members.map((one) => turn(one, at)));
  for (const { name, heard, stream } of members) {
    const all = heard.join('\n') + stream.text();
    expect(all).toContain(`marker-${name}-9`);
    expect(all).not.toContain(name === 'alice' ? 'marker-bob' : 'marker-alice');
    stream.close();
  }
});

test('what one was given opens nothing for the other', async () => {
  const [alice, bob] = [await member('alice'), await member('bob')];
  const stolen = ['Mcp-Session-Id', alice.session.token, ...bob.headers];
  const absent = ['Mcp-Session-Id', `${alice.session.token}x`, ...bob.headers];
  const get = ['Accept', 'text/event-stream'];
  for (const [method, more, body] of [
    ['POST', posting(), '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'],
    ['GET', get, undefined],
    ['DELETE', [], undefined],
  ] as const) {
    const [one, other] = await Promise.all(
      [stolen, absent].map((own) =>
        send(gateway.url, { method, headers: [...more, ...own], ...(body === undefined ? {} : { body }) }),
      ),
    );
    expect([one!.status, one!.body]).toEqual([404, other!.body]);
    expect(one!.rawHeaders).toEqual(other!.rawHeaders);
  }
  // It still is alice's.
  expect(await alice.session.ask('tools/call', { name: 'kept__counter' }, ...alice.headers)).toHaveProperty('result');
});
