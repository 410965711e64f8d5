/** Answers are of the share of whoever asked for them: one principal who does not read takes nothing from another. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { openSession, posting } from '../../support/plain-client.ts';
import { oauthOf, startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const mib = 1_048_576;
const budgetBytes = 64 * mib;
const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"one__large","arguments":{}}}';

let as: AuthorizationServer;
let gateway: ProtectedGateway;

beforeAll(async () => {
  as = await authorizationServer();
  const text = 'x'.repeat(14 * mib);
  const upstream = await startScripted((message, response) => {
    if (message.method === 'tools/call') sayJson(response, resultOf(message, { content: [{ type: 'text', text }] }));
    else sayJson(response, resultOf(message, { tools: [{ name: 'large', inputSchema: { type: 'object' } }] }));
  });
  gateway = await startProtected(
    {
      backends: { one: { url: upstream.url } },
      securityPolicy: (resource) => ({ oauth: oauthOf(as.issuer, resource) }),
    },
    ['--memory-budget', `${budgetBytes / mib}MiB`],
  );
});
afterAll(() => as.close());

const metric = async (name: string): Promise<number> => {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'gm'))].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
};

const bearer = async (client: string): Promise<string[]> => [
  'Authorization',
  `Bearer ${await as.token({ client, scope: 'read', resource: gateway.url })}`,
];

test('of one who reads no answer at most half the budget is held, and another gets a large one meanwhile', async () => {
  const alice = await bearer('alice');
  const bob = await bearer('bob');
  const own = await openSession(gateway.url, { headers: alice });
  const { host, hostname, port } = new URL(gateway.url);
  const head = posting('Host', host, ...alice, 'Mcp-Session-Id', own.token, 'Content-Length', String(call.length));
  const lines = head.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
  const sockets: Socket[] = Array.from({ length: 12 }, () => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.pause();
    socket.write(`POST /mcp HTTP/1.1\r\n${lines}\r\n${call}`);
    closedAtTheEnd(() => Promise.resolve(void socket.destroy()));
    return socket;
  });
  await expect.poll(() => metric('manifold_budget_refused_total'), { timeout: 20_000 }).toBeGreaterThan(0);
  expect(await metric('manifold_budget_bytes')).toBeLessThanOrEqual(budgetBytes / 2 + budgetBytes / 8);
  const other = await openSession(gateway.url, { headers: bob });
  const answer = await other.post(call, ...bob);
  expect([answer.status, answer.body.length > 14 * mib]).toEqual([200, true]);
  for (const socket of sockets) socket.destroy();
  await expect.poll(() => metric('manifold_budget_bytes'), { timeout: 20_000 }).toBe(0);
}, 60_000);
