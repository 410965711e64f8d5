/** Session tokens through the running command: bound, uniform in their faults, and good across replicas and rotations. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Answer, PlainSession } from '../support/plain-client.ts';
import { initializeText, openSession, posting, send } from '../support/plain-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const notFound = '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}';

interface Key {
  readonly id: string;
  readonly secret: string;
  readonly kdf: string;
  readonly sealFrom?: string;
  readonly acceptUntil?: string;
}

const oldKey: Key = { id: 'old', secret: 'Q4pQ3bDq1iX0Zt8m5Wk2yC7eR9aJ6sVuHfLgTnBxOdE=', kdf: 'none' };
const newKey: Key = { id: 'new', secret: 'tN2yK8vRw5Qe1Zx7Lp4Jc9Ub3Ah6Gd0SfMiXoTzEqYk=', kdf: 'none' };

let folder: string;
let config: object;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifold-tokens-'));
  const [alpha, beta] = [await startStatefulServer({ name: 'alpha' }), await startStatelessServer({ name: 'beta' })];
  config = { mcpServers: { alpha: { url: alpha.url }, beta: { url: beta.url } } };
});
afterAll(() => rm(folder, { recursive: true }));

async function replica(keys: readonly Key[], ...args: string[]): Promise<GatewayProcess> {
  files += 1;
  const keysFile = join(folder, `keys-${files}.json`);
  await writeFile(keysFile, JSON.stringify({ keys }), { mode: 0o600 });
  return await startGateway({ config, keysFile, args, admin: false });
}

function withToken(url: string, token: string, method = 'POST'): Promise<Answer> {
  if (method === 'POST') return send(url, { headers: posting('Mcp-Session-Id', token), body: ping });
  return send(url, { method, headers: ['Accept', 'text/event-stream', 'Mcp-Session-Id', token] });
}

describe('every fault of a token is one answer', () => {
  let gateway: GatewayProcess;
  let session: PlainSession;
  const tokens: [string, string][] = [];

  beforeAll(async () => {
    gateway = await replica([oldKey]);
    session = await openSession(gateway.url);
    const { token } = session;
    const at = (index: number, byte: string): string => `${token.slice(0, index)}${byte}${token.slice(index + 1)}`;
    const other = (index: number): string => at(index, token[index] === 'A' ? 'B' : 'A');
    const foreign = async (...of: Parameters<typeof replica>): Promise<string> => {
      const process = await replica(...of);
      const opened = await openSession(process.url);
      await process.kill();
      return opened.token;
    };
    const ended = await openSession(gateway.url);
    await send(gateway.url, { method: 'DELETE', headers: ['Mcp-Session-Id', ended.token] });
    tokens.push(
      ['one character', 'x'],
      ['another alphabet', `${token.slice(0, -1)}!`],
      ['spaces inside', `${token.slice(0, 20)} ${token.slice(20)}`],
      ['cut short', token.slice(0, -4)],
      ['made longer', `${token}AAAA`],
      ['padded', `${token}==`],
      ['another version', other(0)],
      ['another key id', other(4)],
      ['another salt', other(20)],
      ['another commitment', other(45)],
      ['another payload', other(100)],
      ['another tag', other(token.length - 3)],
      ['very long', 'A'.repeat(8_000)],
      ['a UUID of some other server', 'b3f0a1c4-8d0e-4a2b-9a55-1f0e6f2c7d11'],
      ['sealed by another key', await foreign([newKey])],
      ['of another gateway', await foreign([oldKey], '--gateway-name', 'other')],
      ['of another endpoint', await foreign([oldKey], '--public-url', 'https://gw.example/mcp')],
      ['of a session that was ended', ended.token],
    );
  });

  test('404 with the same headers and the same body, to the byte, for POST, GET and DELETE', async () => {
    const first = await withToken(gateway.url, 'x');
    expect([first.status, first.body]).toEqual([404, notFound]);
    for (const [what, token] of tokens) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const { status, rawHeaders, body } = await withToken(gateway.url, token, method);
        expect([what, method, status, rawHeaders, body]).toEqual([what, method, 404, first.rawHeaders, notFound]);
      }
    }
    expect((await withToken(gateway.url, session.token)).status).toBe(200);
  });

  test('what the request asks makes no difference to it', async () => {
    const first = await withToken(gateway.url, 'x');
    for (const body of [
      '{"jsonrpc":"2.0","id":"known","method":"tools/list"}',
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      '{"jsonrpc":"2.0","id":"x","result":{}}',
    ]) {
      const answer = await send(gateway.url, { headers: posting('Mcp-Session-Id', 'x'), body });
      expect(answer).toEqual(first);
    }
  });

  test('`initialize` with a token that is stale begins a new session all the same', async () => {
    for (const [what, token] of [...tokens, ['a good one', session.token] as const]) {
      const answer = await send(gateway.url, { headers: posting('Mcp-Session-Id', token), body: initializeText() });
      expect([what, answer.status]).toEqual([what, 200]);
      expect(answer.headers['mcp-session-id']).toMatch(/^[\w-]{100,}$/);
      expect(answer.headers['mcp-session-id']).not.toBe(token);
    }
  });

  test('a token that stands twice is 400, even when both are good', async () => {
    const twice = posting('Mcp-Session-Id', session.token, 'mcp-session-id', session.token);
    expect((await send(gateway.url, { headers: twice, body: ping })).status).toBe(400);
  });
});

test('DELETE ends the session here at once: 204, then 404', async () => {
  const gateway = await replica([oldKey]);
  const session = await openSession(gateway.url);
  expect((await withToken(gateway.url, session.token, 'DELETE')).status).toBe(204);
  expect((await withToken(gateway.url, session.token)).status).toBe(404);
  expect((await withToken(gateway.url, session.token, 'DELETE')).status).toBe(404);
});

test('two gateways with one key file serve each other’s sessions, also after the first is gone', async () => {
  const [one, two] = [await replica([oldKey]), await replica([oldKey])];
  const session = await openSession(one.url);
  expect((await withToken(two.url, session.token)).status).toBe(200);
  await one.kill('SIGKILL');
  const { result } = await session.at(two.url).ask('tools/call', { name: 'alpha__counter' });
  expect(result?.['content']).toEqual([{ type: 'text', text: '1' }]);
});

test('an ephemeral key is good for one process only, and the command says so', async () => {
  const [one, two] = [await startGateway({ config, admin: false }), await startGateway({ config, admin: false })];
  const session = await openSession(one.url);
  expect((await withToken(two.url, session.token)).status).toBe(404);
  expect(one.stderr.join('\n')).toContain('No session key was given');
});

test('a key ring rotates replica by replica: accept, then seal, then drop, and no session is lost before the drop', async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const stages: readonly (readonly Key[])[] = [[oldKey], [oldKey, newKey], [newKey, oldKey], [newKey]];
  const replicas = await Promise.all(stages.map((keys) => replica(keys)));
  const sessions = await Promise.all(replicas.map(({ url }) => openSession(url)));
  const table = await Promise.all(
    sessions.map(({ token }) => Promise.all(replicas.map(async ({ url }) => (await withToken(url, token)).status))),
  );
  // A row for each stage that sealed, a column for each that opens; neighbours always understand one another.
  expect(table).toEqual([
    [200, 200, 200, 404],
    [200, 200, 200, 404],
    [404, 200, 200, 200],
    [404, 200, 200, 200],
  ]);
  // The same in one deployment: the new key stands first, and seals from its own time on.
  const timed = await replica([{ ...newKey, sealFrom: later }, oldKey]);
  const { token } = await openSession(timed.url);
  expect((await withToken(replicas[0]!.url, token)).status).toBe(200);
  expect((await withToken(timed.url, sessions[3]!.token)).status).toBe(200);
  await Promise.all([...replicas, timed].map((process) => process.kill()));
});

test('the KDF and its figures are part of the key: another figure opens nothing', async () => {
  const secret = 'seven grey herons walk upstream';
  const [one, same, other] = await Promise.all(
    ['pbkdf2-sha256:1000', 'pbkdf2-sha256:1000', 'pbkdf2-sha256:1001'].map((kdf) =>
      replica([{ id: 'phrase', secret, kdf }]),
    ),
  );
  const { token } = await openSession(one!.url);
  expect((await withToken(same!.url, token)).status).toBe(200);
  expect((await withToken(other!.url, token)).status).toBe(404);
});
