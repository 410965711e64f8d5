/** Servers that take their time, through the real command: nobody waits, nothing is begun again, and what is ready joins. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { everythingServer, isAlive } from '../../support/bridge-client.ts';
import { fastMcpPython } from '../../support/fast-mcp.ts';
import { gated } from '../../support/gated.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const node = process.execPath;
const quick = { command: node, args: [everythingServer, 'stdio'] };

async function toolsOf(url: string): Promise<string[]> {
  const { client } = await sdkClient(url);
  return (await client.listTools()).tools.map(({ name }) => name);
}

test('a slow first start keeps no client waiting, is never begun anew, and its tools are listed once it is ready', async () => {
  const server = gated();
  const gateway = await startGateway({
    config: { mcpServers: { quick, slow: { command: node, args: server.args } } },
    args: ['--log-level', 'info'],
  });
  expect(gateway.stdout.join('\n')).toMatch(
    /slow\s+starting\s+stdio\s+joins by itself when it is ready: fetching packages/,
  );
  expect(gateway.stderr.join('\n')).toContain('fetching packages');
  const [first] = server.starts();
  const before = await toolsOf(gateway.url);
  expect(before).toContain('quick__echo');
  expect(before.some((name) => name.startsWith('slow__'))).toBe(false);
  server.open();
  await expect.poll(() => toolsOf(gateway.url), { timeout: 30_000, interval: 500 }).toContain(`slow__of-${first}`);
  expect(isAlive(first!)).toBe(true);
  // Every start that was begun came to its end.
  await expect.poll(() => server.greeted().length).toBe(server.starts().length);
}, 60_000);

test('with nine servers initialize is answered before any process for the new client has answered', async () => {
  const servers = Array.from({ length: 9 }, () => gated());
  for (const server of servers) server.open();
  const mcpServers = Object.fromEntries(servers.map(({ args }, i) => [`s${i}`, { command: node, args }]));
  const gateway = await startGateway({ config: { mcpServers } });
  for (const server of servers) server.shut();
  const answered = (): number => servers.reduce((sum, server) => sum + server.greeted().length, 0);
  const before = answered();
  const answer = await fetch(gateway.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: { roots: {}, elicitation: {} },
        clientInfo: { name: 'new', version: '1' },
      },
    }),
  });
  expect(await answer.json()).toMatchObject({
    // What all nine offer, known although none of their processes is there for this client.
    result: { protocolVersion: '2025-06-18', capabilities: { logging: {}, resources: { subscribe: true } } },
  });
  expect(answered()).toBe(before);
}, 60_000);

test('a real npx start with a cold cache comes up once and is used', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'npx-'));
  closedAtTheEnd(async () => rmSync(folder, { recursive: true, force: true }));
  const server = gated();
  server.open();
  const [program = '', ...rest] = server.args;
  // A package of this machine, so that no registry is needed.
  const own = join(folder, 'package');
  mkdirSync(own);
  writeFileSync(join(own, 'package.json'), JSON.stringify({ name: 'slow-mcp', version: '1.0.0', bin: 'bin.mjs' }));
  writeFileSync(
    join(own, 'bin.mjs'),
    `#!/usr/bin/env node\nimport { spawnSync } from 'node:child_process';\nspawnSync(${JSON.stringify(node)}, ${JSON.stringify([program, ...rest])}, { stdio: 'inherit' });\n`,
    { mode: 0o755 },
  );
  const npx = {
    command: 'npx',
    args: ['-y', '--offline', '--package', own, 'slow-mcp'],
    env: { npm_config_cache: join(folder, 'cache'), npm_config_update_notifier: 'false' },
  };
  const gateway = await startGateway({ config: { mcpServers: { quick, npx } } });
  await expect
    .poll(async () => (await toolsOf(gateway.url)).filter((name) => name.startsWith('npx__of-')), {
      timeout: 60_000,
      interval: 500,
    })
    .toHaveLength(1);
  expect(server.greeted().length).toBe(server.starts().length);
}, 90_000);

test.skipIf(fastMcpPython === undefined)(
  'real FastMCP over stdio: tools, progress, and a traceback as one entry of the log',
  async () => {
    const script = fileURLToPath(new URL('../../support/fast-mcp-server.py', import.meta.url));
    const gateway = await startGateway({
      config: { mcpServers: { quick, py: { command: fastMcpPython!, args: [script] } } },
      args: ['--log-level', 'info'],
    });
    await expect.poll(() => toolsOf(gateway.url), { timeout: 60_000, interval: 500 }).toContain('py__shout');
    const { client } = await sdkClient(gateway.url);
    const steps: number[] = [];
    const answer = await client.callTool({ name: 'py__shout', arguments: { text: 'quiet' } }, undefined, {
      onprogress: ({ progress }) => void steps.push(progress),
    });
    expect(answer).toMatchObject({ content: [{ text: 'QUIET' }] });
    expect(steps).toEqual([1]);
    await client.callTool({ name: 'py__stumble', arguments: {} });
    const entry = (): string | undefined =>
      gateway.stderr.find((line) => line.includes('Traceback') && line.includes('ValueError: no'));
    await expect.poll(entry).toBeDefined();
  },
  90_000,
);
