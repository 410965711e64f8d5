/** A configuration that changes while the gateway serves: what did not change goes on, what is invalid changes nothing. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { listenTo, openSession } from '../support/plain-client.ts';
import { startStatefulServer, type StatefulServer } from '../support/stateful-server.ts';

let directory: string;
let alpha: StatefulServer;
let beta: StatefulServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reload-'));
  alpha = await startStatefulServer({ name: 'alpha' });
  beta = await startStatefulServer({ name: 'beta' });
});
afterAll(() => rm(directory, { recursive: true }));

function textOf(...servers: readonly (readonly [string, StatefulServer])[]): string {
  return JSON.stringify({ mcpServers: Object.fromEntries(servers.map(([name, { url }]) => [name, { url }])) });
}

async function toolsOf(session: Awaited<ReturnType<typeof openSession>>): Promise<string[]> {
  const { result } = await session.ask('tools/list');
  return (result!['tools'] as { name: string }[]).map(({ name }) => name);
}

async function metricOf({ adminUrl }: GatewayProcess, name: string): Promise<string | undefined> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1];
}

for (const workers of ['1', '2'])
  describe(`with ${workers} process(es)`, () => {
    test('a server is added by a rename over the file, and taken out again: the session and the stream go on', async () => {
      const file = join(directory, `servers-${workers}.json`);
      await writeFile(file, textOf(['alpha', alpha]));
      const gateway = await startGateway({ args: [file, '--workers', workers] });
      const session = await openSession(gateway.url);
      const stream = await listenTo(session);
      const before = alpha.sessionIds();
      expect(await toolsOf(session)).not.toContain('beta__echo');
      await writeFile(`${file}.new`, textOf(['alpha', alpha], ['beta', beta]));
      await rename(`${file}.new`, file);
      await stream.until(({ method }) => method === 'notifications/tools/list_changed');
      await expect.poll(() => toolsOf(session)).toContain('beta__echo');
      const called = await session.ask('tools/call', { name: 'beta__echo', arguments: { text: 'hello' } });
      expect(called.error).toBeUndefined();
      await writeFile(file, textOf(['alpha', alpha]));
      await expect.poll(() => toolsOf(session)).not.toContain('beta__echo');
      // The session at the server that did not change is the one of before.
      expect(alpha.sessionIds()).toEqual(expect.arrayContaining(before));
      stream.close();
    });

    test('an invalid configuration is not taken and is told by a metric, until it is mended', async () => {
      const file = join(directory, `invalid-${workers}.json`);
      await writeFile(file, textOf(['alpha', alpha]));
      const gateway = await startGateway({ args: [file, '--workers', workers, '--strict'] });
      const session = await openSession(gateway.url);
      await writeFile(file, '{"mcpServers": {"alpha": {"url": 7}}}');
      await expect.poll(() => metricOf(gateway, 'manifold_config_reload_failed')).toBe('1');
      expect(await toolsOf(session)).toContain('alpha__echo');
      await writeFile(file, textOf(['alpha', alpha], ['beta', beta]));
      await expect.poll(() => metricOf(gateway, 'manifold_config_reload_failed')).toBe('0');
      await expect.poll(() => toolsOf(session)).toContain('beta__echo');
    });
  });

test('the symbolic links of a mounted ConfigMap are followed', async () => {
  const mount = join(directory, 'mount');
  const at = (version: string): string => join(mount, version);
  for (const [version, text] of [
    ['..1', textOf(['alpha', alpha])],
    ['..2', textOf(['alpha', alpha], ['beta', beta])],
  ] as const) {
    await mkdir(at(version), { recursive: true });
    await writeFile(join(at(version), 'servers.json'), text);
  }
  await symlink('..1', at('..data'));
  await symlink(join('..data', 'servers.json'), at('servers.json'));
  const gateway = await startGateway({ args: [at('servers.json')] });
  const session = await openSession(gateway.url);
  expect(await toolsOf(session)).not.toContain('beta__echo');
  await symlink('..2', at('..data_tmp'));
  await rename(at('..data_tmp'), at('..data'));
  await expect.poll(() => toolsOf(session)).toContain('beta__echo');
});

test('SIGHUP reads the configuration at once', async () => {
  const file = join(directory, 'signal.json');
  await writeFile(file, textOf(['alpha', alpha]));
  const gateway = await startGateway({ args: [file] });
  const session = await openSession(gateway.url);
  await writeFile(file, textOf(['alpha', alpha], ['beta', beta]));
  process.kill(gateway.pid, 'SIGHUP');
  await expect.poll(() => toolsOf(session)).toContain('beta__echo');
});
