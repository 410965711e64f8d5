/** Routes on the ports of their Gateway listeners, through the real command. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { openSession, type PlainSession } from '../support/plain-client.ts';
import { startStatefulServer, type StatefulServer } from '../support/stateful-server.ts';
import { freePort } from '../support/free-port.ts';

let directory: string;
const servers: StatefulServer[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ports-'));
  for (const name of ['one', 'two']) servers.push(await startStatefulServer({ name, tools: [{ name: `of-${name}` }] }));
});
afterAll(() => rm(directory, { recursive: true }));

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Two routes of the same path, each with a server, on a listener of its own. */
function yamlOf(ports: readonly number[]): string {
  const listeners = ports.map((port, i) => `    - { name: l${i}, protocol: HTTP, port: ${port} }`).join('\n');
  const gateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: g }
spec:
  gatewayClassName: c
  listeners:
${listeners}`;
  const routes = servers.map(
    ({ url }, i) => `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: MCPRoute
metadata: { name: r${i} }
spec:
  parentRefs: [{ name: g, sectionName: l${i} }]
  backendRefs: [{ name: b${i}, kind: Backend, group: gateway.envoyproxy.io }]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: b${i} }
spec: { endpoints: [{ ip: { address: 127.0.0.1, port: ${new URL(url).port} } }] }`,
  );
  return [gateway, ...routes].join('\n---\n');
}

async function tools(session: PlainSession): Promise<string[]> {
  const { result } = await session.ask('tools/list');
  return (result!['tools'] as { name: string }[]).map(({ name }) => name);
}

function at(port: number): string {
  return `http://127.0.0.1:${port}/mcp`;
}

describe.each([1, 2])('with %i process(es)', { timeout: 60_000 }, (workers) => {
  test('each route is on the port of its listener and on no other; a changed listener moves it, and the other goes on', async () => {
    const [a, b, c] = (await freePorts(3)) as [number, number, number];
    const file = join(directory, `routes-${workers}.yaml`);
    await writeFile(file, yamlOf([a, b]));
    const gateway = await startGateway({ args: [file, '--workers', String(workers)], port: 'configured' });
    const [one, two] = [await openSession(at(a)), await openSession(at(b))];
    expect([await tools(one), await tools(two)]).toEqual([['b0__of-one'], ['b1__of-two']]);
    expect(gateway.stdout.join('\n')).toContain(`localhost:${b}/mcp`);
    // A token of one route is worthless on another, though path and process are the same.
    expect((await one.at(at(b)).post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).status).toBe(404);
    expect((await two.at(at(a)).post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).status).toBe(404);

    await writeFile(file, yamlOf([a, c]));
    await expect.poll(() => openSession(at(c)).then(tools, () => []), { timeout: 30_000 }).toEqual(['b1__of-two']);
    expect(await tools(two.at(at(c)))).toEqual(['b1__of-two']);
    expect(await tools(one)).toEqual(['b0__of-one']);
    await expect.poll(() => openSession(at(b)).then(tools, () => 'refused'), { timeout: 30_000 }).toBe('refused');
    expect((await gateway.kill()).code).toBe(0);
  });

  test('a port that somebody else has is a reload that failed, and nothing of it is served', async () => {
    const [a, b] = (await freePorts(2)) as [number, number];
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = (other.address() as AddressInfo).port;
    const file = join(directory, `taken-${workers}.yaml`);
    await writeFile(file, yamlOf([a, b]));
    const gateway = await startGateway({ args: [file, '--workers', String(workers)], port: 'configured' });
    const one = await openSession(at(a));
    // The other listener moves as well, which it may not alone.
    const [c] = (await freePorts(1)) as [number];
    await writeFile(file, yamlOf([c, taken]));
    await expect.poll(() => failedReload(gateway), { timeout: 30_000 }).toBe('1');
    await expect.poll(() => gateway.stderr.join('\n')).toContain(`port ${taken} is taken`);
    expect(await tools(one)).toEqual(['b0__of-one']);
    expect(await tools(await openSession(at(b)))).toEqual(['b1__of-two']);
    expect(await openSession(at(c)).then(tools, () => 'refused')).toBe('refused');
    await new Promise((resolve) => void other.close(resolve));
    await writeFile(file, `${yamlOf([c, taken])}\n`);
    await expect.poll(() => openSession(at(taken)).then(tools, () => []), { timeout: 30_000 }).toEqual(['b1__of-two']);
    expect(await failedReload(gateway)).toBe('0');
    expect((await gateway.kill()).code).toBe(0);
  });
});

async function failedReload({ adminUrl }: GatewayProcess): Promise<string | undefined> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return /^manifold_config_reload_failed (.+)$/m.exec(text)?.[1];
}

test('--port puts all routes on one, where nothing but a port may tell them apart', async () => {
  const file = join(directory, 'clash.yaml');
  await writeFile(file, yamlOf(await freePorts(2)));
  await expect(startGateway({ args: [file], port: 0 })).rejects.toThrow('or leave out --port');
  await writeFile(file, yamlOf(await freePorts(2)).replace('name: r1 }\nspec:', 'name: r1 }\nspec:\n  path: /other'));
  const gateway = await startGateway({ args: [file], port: 0 });
  expect(await tools(await openSession(gateway.url))).toEqual(['b0__of-one']);
  expect(await tools(await openSession(gateway.url.replace('/mcp', '/other')))).toEqual(['b1__of-two']);
});
