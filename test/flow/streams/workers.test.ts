/** `--workers N`: one port, any worker serves any request, and the death of one costs only what it had under way. */
import { execFileSync } from 'node:child_process';
import { kill } from 'node:process';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { listenTo, openSession, openStream, posting, send } from '../../support/plain-client.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import type { StatefulServer } from '../../support/stateful-server.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let alpha: StatefulServer;
let config: object;
let gateway: GatewayProcess;

beforeAll(async () => {
  alpha = await startStatefulServer({ name: 'alpha' });
  config = { mcpServers: { alpha: { url: alpha.url } } };
  gateway = await startGateway({ config, keysFile: await makeKeysFile(), args: ['--workers', '2'] });
});

const workersOf = ({ pid }: GatewayProcess): number[] =>
  execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);

/** Each on a connection of its own, as `send` makes them. */
async function statuses(session: PlainSession, count: number): Promise<number[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, () => session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')),
  );
  return [...new Set(answers.map(({ status }) => status))];
}

const servedBy = (from: GatewayProcess): unknown[] => [
  ...new Set(
    from.stderr
      .map((line) => JSON.parse(line) as { msg: string; worker?: number })
      .filter(({ msg }) => msg === 'call')
      .map(({ worker }) => worker),
  ),
];

test('any worker serves any request of a session', async () => {
  const session = await openSession(gateway.url);
  for (let count = 1; count <= 8; count += 1) {
    const { result } = await session.ask('tools/call', { name: 'alpha__counter' });
    expect(result?.['content']).toEqual([{ type: 'text', text: String(count) }]);
  }
  await expect.poll(() => servedBy(gateway).length).toBe(2);
});

test('a server’s question on a stream of one worker is answered through the others', async () => {
  const session = await openSession(gateway.url, { capabilities: { roots: {} } });
  const streams = await Promise.all(
    [1, 2, 3, 4].map((id) =>
      openStream(gateway.url, {
        headers: posting('Mcp-Session-Id', session.token),
        body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'alpha__roots' } }),
      }),
    ),
  );
  for (const stream of streams) {
    const { id } = await stream.until(({ method }) => method === 'roots/list');
    const { status } = await session.post(JSON.stringify({ jsonrpc: '2.0', id, result: { roots: [] } }));
    expect(status).toBe(202);
    await stream.until(({ result }) => result !== undefined);
  }
});

test('a session that is ended at one is ended at all, and so are its streams', async () => {
  const session = await openSession(gateway.url);
  const streams = [await listenTo(session), await listenTo(session)];
  const { status } = await send(gateway.url, { method: 'DELETE', headers: ['Mcp-Session-Id', session.token] });
  expect(status).toBe(204);
  await expect.poll(() => statuses(session, 6)).toEqual([404]);
  await Promise.all(streams.map(({ ended }) => ended));
});

test('metrics are those of all workers together', async () => {
  const sum = async (): Promise<number> => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('manifold_upstream_calls_total{'));
    return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  };
  const session = await openSession(gateway.url);
  const before = await sum();
  for (let n = 0; n < 10; n += 1) await session.ask('tools/call', { name: 'alpha__echo' });
  expect((await sum()) - before).toBe(10);
});

test('one that crashes is replaced and logged; sessions and the port stay', async () => {
  const session = await openSession(gateway.url);
  const [victim, survivor] = workersOf(gateway);
  kill(victim!, 'SIGKILL');
  await expect.poll(() => gateway.stderr.some((line) => line.includes('worker died and is replaced'))).toBe(true);
  await expect.poll(() => workersOf(gateway).length).toBe(2);
  expect(workersOf(gateway)).toContain(survivor);
  expect(await statuses(session, 10)).toEqual([200]);
  expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(200);
});

describe('the end of all', () => {
  test('a SIGTERM that reaches the workers too does not cut a call: the primary decides', async () => {
    const own = await startGateway({ config, args: ['--workers', '2'] });
    const session = await openSession(own.url);
    const slow = await openStream(own.url, {
      headers: posting('Mcp-Session-Id', session.token),
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'alpha__slow', arguments: { times: 1, everyMs: 1_500 } },
      }),
    });
    for (const worker of workersOf(own)) kill(worker, 'SIGTERM');
    const exit = own.kill();
    await expect.poll(async () => (await fetch(`${own.adminUrl}/readyz`)).status).toBe(503);
    const { result } = await slow.until(({ id }) => id === 1);
    expect(result?.['content']).toEqual([{ type: 'text', text: 'done after 1' }]);
    expect(await exit).toEqual({ code: 0, signal: null });
  });
});

describe('the peer channel', () => {
  test('a session that is ended at one replica is ended at the others, in each of their workers', async () => {
    const keysFile = await makeKeysFile();
    const there = await startGateway({ config, keysFile, args: ['--workers', '2'] });
    const here = await startGateway({ config, keysFile, args: ['--peers', new URL(there.url).host] });
    const session = await openSession(here.url);
    const remote = session.at(there.url);
    expect(await statuses(remote, 4)).toEqual([200]);
    const stream = await listenTo(remote);
    await send(here.url, { method: 'DELETE', headers: ['Mcp-Session-Id', session.token] });
    await stream.ended;
    await expect.poll(() => statuses(remote, 6)).toEqual([404]);
  });

  test('takes no message that is not sealed with the key ring', async () => {
    const session = await openSession(gateway.url);
    for (const headers of [[], ['manifold-signature', 'ab'.repeat(32)]]) {
      const { status } = await send(new URL('/.manifold/notice', gateway.url).href, {
        headers: ['Content-Type', 'application/json', ...headers],
        body: JSON.stringify({
          notice: { kind: 'ended', jti: 'A'.repeat(22), expiresAt: 2_000_000_000 },
          at: Math.floor(Date.now() / 1000),
        }),
      });
      expect(status).toBe(404);
    }
    expect(await statuses(session, 4)).toEqual([200]);
  });
});
