/** The times that a session token says, judged by the real command: when it was made, how long it lives, and how long it may. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { routeHash } from '../../src/session/claims.ts';
import { loadKeyring, type Keyring } from '../../src/session/keyring.ts';
import { newClaims, sealSession } from '../../src/session/token.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { posting, send } from '../support/plain-client.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const secret = 'Q4pQ3bDq1iX0Zt8m5Wk2yC7eR9aJ6sVuHfLgTnBxOdE=';
const resource = 'https://gw.example/mcp';
const [minute, hour, day] = [60, 3_600, 86_400];

let keyring: Keyring;
let start: (...args: readonly string[]) => Promise<GatewayProcess>;

beforeAll(async () => {
  keyring = await loadKeyring([{ id: 'only', secret, kdf: { kind: 'none' } }], { gateway: 'manifold', resource });
  const folder = await mkdtemp(join(tmpdir(), 'manifold-times-'));
  closedAtTheEnd(() => rm(folder, { recursive: true }));
  const keysFile = join(folder, 'keys.json');
  await writeFile(keysFile, JSON.stringify({ keys: [{ id: 'only', secret, kdf: 'none' }] }), { mode: 0o600 });
  const alpha = await startStatefulServer({ name: 'alpha', tools: ['echo'] });
  const config = { mcpServers: { alpha: { url: alpha.url } } };
  start = (...args) => startGateway({ config, keysFile, admin: false, args: ['--public-url', resource, ...args] });
});

/** A session that was made `age` seconds ago to live for `life`, as whoever has the key can make it. */
function tokenOf(age: number, life: number): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = newClaims(
    keyring,
    {
      principal: 'anonymous',
      route: routeHash('default', resource),
      revision: '2025-11-25',
      clientCapabilities: 0,
      upstreams: [],
      maxAgeSeconds: 300,
    },
    randomBytes,
    now,
  );
  return sealSession(keyring, { ...claims, issuedAt: now - age, expiresAt: now - age + life }, randomBytes, now);
}

const statusAt = async ({ url }: GatewayProcess, token: string): Promise<number> =>
  (await send(url, { headers: posting('Mcp-Session-Id', token), body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' }))
    .status;

test('times that no gateway gives are 404: made far ahead, and a life under 5 minutes or over 30 days', async () => {
  const gateway = await start('--session-max-age', '30d');
  for (const [age, life, status] of [
    [0, hour, 200],
    [-minute, hour, 200],
    [-10 * minute, hour, 404],
    [0, 5 * minute, 200],
    [0, 5 * minute - 1, 404],
    [minute, 30 * day, 200],
    [minute, 30 * day + 1, 404],
    [0, -minute, 404],
    [2 * hour, hour, 404],
  ] as const)
    expect([age, life, await statusAt(gateway, tokenOf(age, life))]).toEqual([age, life, status]);
});

test('a shorter --session-max-age holds for sessions that were given a longer one', async () => {
  const [long, short] = await Promise.all([start('--session-max-age', '24h'), start('--session-max-age', '1h')]);
  const [young, old] = [tokenOf(30 * minute, day), tokenOf(2 * hour, day)];
  expect([await statusAt(long, young), await statusAt(long, old)]).toEqual([200, 200]);
  expect([await statusAt(short, young), await statusAt(short, old)]).toEqual([200, 404]);
});

test('--sessions-not-before refuses those from before it', async () => {
  const cutOff = `${new Date(Date.now() - hour * 1_000).toISOString().slice(0, 19)}Z`;
  const gateway = await start('--sessions-not-before', cutOff);
  expect(await statusAt(gateway, tokenOf(30 * minute, day))).toBe(200);
  expect(await statusAt(gateway, tokenOf(2 * hour, day))).toBe(404);
});

test('without a derivation the name of the gateway is part of the keys all the same', async () => {
  const other = await start('--gateway-name', 'another');
  expect(await statusAt(other, tokenOf(0, hour))).toBe(404);
  expect(await statusAt(await start(), tokenOf(0, hour))).toBe(200);
});
