/** Real FastMCP over HTTP, mounted under a path of another application, which redirects `/mcp` to `/mcp/`. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { fastMcpPython } from '../../support/fast-mcp.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { modernSdkClient } from '../../support/modern-sdk-client.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { closedAtTheEnd } from '../../support/started.ts';

test.skipIf(fastMcpPython === undefined)(
  'is listed and called by clients of both eras, with progress, and its redirect is said once',
  async () => {
    const script = fileURLToPath(new URL('../../support/fast-mcp-mounted.py', import.meta.url));
    const server = spawn(fastMcpPython!, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    closedAtTheEnd(async () => {
      server.kill('SIGKILL');
      await once(server, 'exit');
    });
    const [url] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    const gateway = await startGateway({ config: { mcpServers: { py: { url } } } });
    const { client } = await sdkClient(gateway.url);
    const modern = await modernSdkClient(gateway.url);
    await expect
      .poll(async () => (await client.listTools()).tools.map(({ name }) => name), { timeout: 30_000, interval: 500 })
      .toEqual(['py__shout']);
    const steps: number[] = [];
    const called = { name: 'py__shout', arguments: { text: 'quiet' } };
    const onprogress = ({ progress }: { progress: number }): void => void steps.push(progress);
    expect(await client.callTool(called, undefined, { onprogress })).toMatchObject({ content: [{ text: 'QUIET' }] });
    expect(steps).toEqual([1]);
    expect(await modern.callTool(called)).toMatchObject({ content: [{ text: 'QUIET' }] });
    const redirects = (): unknown =>
      [...gateway.stdout, ...gateway.stderr].filter((line) => line.includes('"tolerated":"redirect"')).length;
    await expect.poll(redirects).toBe(1);
  },
  90_000,
);
