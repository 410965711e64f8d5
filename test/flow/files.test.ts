/** What `manifold run` does with files, addresses, keys and outputs as people have them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import { freePort } from '../support/free-port.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { type StatelessServer, startStatelessServer } from '../support/stateless-server.ts';

const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'manifold-'));
afterAll(() => rmSync(folder, { recursive: true }));

let upstream: StatelessServer;
beforeAll(async () => {
  upstream = await startStatelessServer({ name: 'good', tools: ['echo'] });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A command that ends by itself. */
async function ended(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [command, ...argv], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, out, err };
}

async function toolNames(url: string): Promise<readonly string[]> {
  const { client, close } = await sdkClient(url);
  const { tools } = await client.listTools();
  await close();
  return tools.map(({ name }) => name);
}

function servers(): object {
  return {
    good: { url: upstream.url },
    bad: { url: 'https://example.com/mcp', headers: { Authorization: 'Bearer ${NEVER_SET_HERE}' } },
  };
}

/** The arguments that serve the good server alone. */
function served(): readonly string[] {
  return ['--mcp-json', JSON.stringify({ mcpServers: { good: { url: upstream.url } } })];
}

describe('one entry that cannot be used', () => {
  test('does not stop the others, and the greeting says why it failed', async () => {
    const gateway = await startGateway({ config: { mcpServers: servers() }, admin: false });
    await expect.poll(() => gateway.stdout.join('\n')).toContain('Not served, until the configuration is mended:');
    const row = gateway.stdout.find((line) => line.startsWith('  bad  failed'));
    expect(row).toContain('mcpServers.bad.headers.Authorization: the environment variable NEVER_SET_HERE is not set');
    expect(await toolNames(gateway.url)).toEqual(['good__echo']);
    await gateway.kill();
  });

  test('stops the start with --strict, and fails a check', async () => {
    const path = file('two.json', JSON.stringify({ mcpServers: servers() }));
    for (const argv of [
      ['run', path, '--strict', '--port', '0', '--admin-port', 'off'],
      ['check', path],
    ]) {
      const { code, err } = await ended(argv);
      expect([argv[0], code]).toEqual([argv[0], 1]);
      expect(err).toContain('the environment variable NEVER_SET_HERE is not set');
    }
  });
});

test('manifold tools names a server that does not answer', async () => {
  const down = { url: 'http://127.0.0.1:1/mcp' };
  const gateway = await startGateway({ config: { mcpServers: { good: { url: upstream.url }, down } }, admin: false });
  const { code, out } = await ended(['tools', gateway.url]);
  expect(code).toBe(0);
  expect(out).toContain('good (1 tool)');
  expect(out).toContain('\nMissing, as they do not answer: down\n');
  expect((await ended(['tools', gateway.url.replace('/mcp', '')])).err).toContain(`Try ${gateway.url}`);
  await gateway.kill();
});

test('a file that is not UTF-8 says so, for run, check and keys', async () => {
  const config = JSON.stringify({ mcpServers: { a: { url: 'https://example.com/mcp' } } });
  const latin = file('latin.json', Buffer.from(config.replace('example', 'exämple'), 'latin1'));
  const utf16 = file('utf16.json', Buffer.from(`\uFEFF${config}`, 'utf16le'));
  for (const argv of [
    ['run', latin],
    ['check', latin],
  ])
    expect(await ended(argv)).toMatchObject({ code: 1, err: expect.stringContaining('not UTF-8; save it') as string });
  expect((await ended(['check', utf16])).err).toContain('not UTF-8 but UTF-16');
  const good = file('good.json', `\uFEFF${config}`);
  expect((await ended(['check', good])).code).toBe(0);
  expect((await ended(['run', good, '--session-keys', latin])).err).toContain('not UTF-8');
});

describe('the address of the gateway', () => {
  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

  test.runIf(hasIpv6)('is printed in brackets when it is ::1, and answers', async () => {
    for (const host of ['::1', '[::1]']) {
      const gateway = await startGateway({
        config: { mcpServers: { good: { url: upstream.url } } },
        args: ['--host', host],
        admin: false,
      });
      expect(gateway.url).toMatch(/^http:\/\/\[::1\]:\d+\/mcp$/);
      expect(await toolNames(gateway.url)).toEqual(['good__echo']);
      await gateway.kill();
    }
  });

  test('in its own file is told and not called', async () => {
    const port = await freePort();
    const gateway = await startGateway({
      config: { mcpServers: { good: { url: upstream.url }, me: { url: `http://localhost:${port}/mcp` } } },
      port,
      admin: false,
    });
    await expect.poll(() => gateway.stdout.join('\n')).toMatch(/\n {2}me {2}failed {2}.*the address of this gateway/);
    expect(await toolNames(gateway.url)).toEqual(['good__echo']);
    await gateway.kill();
  });

  test('as its only server is a fault, by whatever name it goes', async () => {
    for (const [url, ...flags] of [
      ['http://127.0.0.1:1975/mcp'],
      ['http://localhost:1975/other', '--host', 'localhost'],
      ['http://[::1]:1975/mcp', '--host', '::1'],
      ['https://mcp.example.com/mcp', '--public-url', 'https://mcp.example.com/mcp'],
      ['http://127.0.0.1:1975/mcp', '--host', '0.0.0.0'],
    ]) {
      const source = JSON.stringify({ mcpServers: { me: { url } } });
      const { code, err } = await ended(['run', '--mcp-json', source, ...flags]);
      expect([url, code]).toEqual([url, 1]);
      expect(err).toContain('its URL is the address of this gateway');
    }
  });
});

test('a gateway whose output nobody reads any more serves on and ends in order', async () => {
  for (const format of ['json', 'pretty']) {
    const port = await freePort();
    const config = JSON.stringify({ mcpServers: { good: { url: upstream.url } } });
    const child = spawn(
      process.execPath,
      [command, 'run', '--mcp-json', config, '--port', `${port}`, '--admin-port', 'off', '--log-format', format],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const exited = once(child, 'exit');
    closedAtTheEnd(async () => void child.kill('SIGKILL'));
    child.stdout.destroy();
    child.stderr.destroy();
    const url = `http://127.0.0.1:${port}/mcp`;
    await expect.poll(() => toolNames(url).catch(() => [])).toEqual(['good__echo']);
    expect(await toolNames(url)).toEqual(['good__echo']);
    child.kill('SIGINT');
    expect((await exited)[0]).toBe(0);
  }
});

test('log lines for people hold no JSON and do not stand within the greeting', async () => {
  const down = { url: 'http://127.0.0.1:1/mcp' };
  const gateway = await startGateway({
    config: { mcpServers: { good: { url: upstream.url }, down } },
    args: ['--log-format', 'pretty'],
    admin: false,
  });
  await toolNames(gateway.url);
  await expect.poll(() => gateway.stderr.some((line) => / INFO {2}request /.test(line))).toBe(true);
  const warned = gateway.stderr.find((line) => line.includes('upstream is down'));
  expect(warned).toMatch(/^\d\d:\d\d:\d\d WARN {2}upstream is down upstream=down fault=/);
  expect(gateway.stderr.filter((line) => line.startsWith('{'))).toEqual([]);
  expect(gateway.stderr.join('')).not.toContain('\u001B');
  await gateway.kill();
});

describe('session keys', () => {
  test.skipIf(process.platform === 'win32')('that others can read are warned of', async () => {
    const { out } = await ended(['keygen']);
    const keys = file('keys.json', out);
    for (const [mode, warned] of [
      [0o644, true],
      [0o640, true],
      [0o600, false],
      [0o400, false],
    ] as const) {
      chmodSync(keys, mode);
      const gateway = await startGateway({ args: served(), keysFile: keys, admin: false });
      const said = gateway.stderr.join('\n').includes('other users of this machine can read the session keys');
      expect([mode, said]).toEqual([mode, warned]);
      await gateway.kill();
    }
  });

  test('with a derivation that cannot be are a fault that names the flag, with exit code 2', async () => {
    const env = { MANIFOLD_SESSION_SECRET: 'correct horse battery staple' };
    for (const kdf of ['md5', 'scrypt:1099511627776:8:1', 'scrypt:3', 'pbkdf2-sha256:1', 'none:1']) {
      const { code, err } = await ended(['run', ...served(), '--session-kdf', kdf], env);
      expect([kdf, code]).toEqual([kdf, 2]);
      expect(err).toMatch(/^manifold: --session-kdf: /);
    }
  });
});
