/** Session keys and secrets that change while the gateway serves (docs/operating.md §Rotation). */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { openSession, type PlainSession } from '../support/plain-client.ts';
import type { RawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, startScripted } from '../support/scripted-upstream.ts';

let directory: string;
let server: RawServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  server = await startScripted((message, response) => sayJson(response, resultOf(message, { tools: [] })));
});
afterAll(() => rm(directory, { recursive: true }));

interface Key {
  readonly id: string;
  readonly secret: string;
}

function key(id: string): Key {
  return { id, secret: randomBytes(32).toString('base64') };
}

/** Over the old file, as a mounted Secret changes. */
async function writeKeys(path: string, ...keys: readonly Key[]): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify({ keys: keys.map((each) => ({ ...each, kdf: 'none' })) }), {
    mode: 0o600,
  });
  await rename(`${path}.new`, path);
}

async function statusOf(session: PlainSession): Promise<number> {
  return (await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).status;
}

function told({ stderr }: GatewayProcess, text: string): number {
  return stderr.filter((line) => line.includes(text)).length;
}

describe.each([1, 2])('with %i process(es)', (workers) => {
  test('a key that is added ends no session; the old one taken out ends those that it sealed; an invalid file changes nothing', async () => {
    const keysFile = join(directory, `keys-${workers}.json`);
    const [old, next] = [key('old'), key('next')];
    await writeKeys(keysFile, old);
    const gateway = await startGateway({
      config: { mcpServers: { up: { url: server.url } } },
      keysFile,
      args: ['--workers', String(workers)],
    });
    const first = await openSession(gateway.url);
    await writeKeys(keysFile, next, old);
    await expect.poll(() => told(gateway, 'session keys reloaded')).toBe(workers);
    expect(await statusOf(first)).toBe(200);
    // Sealed with the old key yet, since other replicas may not have the new one.
    const second = await openSession(gateway.url);
    await writeFile(keysFile, '{"keys": [{"id": "x", "secret": "changeme"}]}');
    await expect.poll(() => told(gateway, 'was not taken')).toBeGreaterThan(0);
    expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200]);
    expect(gateway.stderr.join('\n')).not.toContain('changeme');
    await writeKeys(keysFile, next);
    await expect.poll(() => told(gateway, 'session keys reloaded')).toBe(2 * workers);
    expect([await statusOf(first), await statusOf(second)]).toEqual([404, 404]);
    expect(await statusOf(await openSession(gateway.url))).toBe(200);
  }, 60_000);
});

test('a secret in a file that the configuration names is read again: an envFile, and a ${file:…}', async () => {
  const [envFile, headerFile] = [join(directory, 'secret.env'), join(directory, 'secret')];
  const write = async (value: string): Promise<void> => {
    await writeFile(envFile, `TOKEN=${value}\n`);
    await writeFile(headerFile, value);
  };
  await write('one');
  const file = join(directory, 'servers.json');
  const mcpServers = {
    local: { command: process.execPath, args: ['-e', stdioServer], envFile },
    remote: { url: server.url, headers: { 'X-Token': `\${file:${headerFile}}` } },
  };
  await writeFile(file, JSON.stringify({ mcpServers }));
  const gateway = await startGateway({ args: [file] });
  const seen = async (): Promise<unknown> => {
    const { result } = await (await openSession(gateway.url)).ask('tools/list');
    const names = ((result?.['tools'] ?? []) as { name: string }[]).map(({ name }) => name);
    return [...names, server.requests.at(-1)?.headers['x-token']];
  };
  await expect.poll(seen).toEqual(['local__one', 'one']);
  await write('two');
  await expect.poll(seen).toEqual(['local__two', 'two']);
}, 60_000);

/** A stdio server whose only tool is named by its environment. */
const stdioServer = `
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const result = method === 'initialize'
    ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } }
    : { tools: [{ name: process.env.TOKEN, inputSchema: { type: 'object' } }] };
  console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
});`;

test('a changed Secret document reaches the requests, and no session is lost', async () => {
  const file = join(directory, 'route.yaml');
  const { port } = new URL(server.url);
  const yaml = (value: string): string => `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: MCPRoute
metadata: { name: r }
spec:
  parentRefs: [{ name: g }]
  backendRefs:
    - { name: b, kind: Backend, group: gateway.envoyproxy.io, securityPolicy: { apiKey: { secretRef: { name: s } } } }
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: b }
spec: { endpoints: [{ ip: { address: 127.0.0.1, port: ${port} } }] }
---
apiVersion: v1
kind: Secret
metadata: { name: s }
stringData: { apiKey: ${value} }`;
  await writeFile(file, yaml('key-one'));
  const gateway = await startGateway({ args: [file] });
  const session = await openSession(gateway.url);
  const seen = async (): Promise<unknown> => {
    expect(await statusOf(session)).toBe(200);
    await session.ask('resources/read', { uri: 'b+x://y' });
    return server.requests.at(-1)?.headers.authorization;
  };
  await expect.poll(seen).toBe('Bearer key-one');
  await writeFile(file, yaml('key-two'));
  await expect.poll(seen).toBe('Bearer key-two');
});
