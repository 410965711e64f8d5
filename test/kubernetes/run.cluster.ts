/** `manifold run --kubernetes`: routes of a real API server served by the real command to a real client, and their status. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openSession } from '../support/plain-client.ts';
import { makeKeysFile } from '../support/replicas.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { kubeconfig, hasCluster, namespace, route, secret } from './fixtures.ts';
import {
  backend,
  conditions,
  startClusterGateway,
  startTelling,
  startWaitingGateway,
  summary,
  textAt,
  toBackend,
  type ClusterGateway,
} from './gateway.ts';
import { apiServer, apply, kubectl } from './kube.ts';

const good = ['Accepted=True/Accepted', 'ResolvedRefs=True/ResolvedRefs', 'Programmed=True/Programmed'];
const call = { name: 'tools__whoami', arguments: {} };

/** The one text of the answer of a fresh client; or the fault. */
async function said(gateway: ClusterGateway, path: string): Promise<string> {
  try {
    const { client, close } = await sdkClient(`${gateway.origin}${path}`);
    const answer = await client.callTool({ ...call, name: 'whoami' });
    await close();
    return JSON.stringify(answer.content);
  } catch (fault) {
    return String(fault);
  }
}

const key = (id: string): object => ({ id, secret: randomBytes(32).toString('base64'), kdf: 'none' });

const readyz = async ({ adminUrl }: ClusterGateway): Promise<string> => (await textAt(`${adminUrl}/readyz`)).text;

describe.skipIf(!hasCluster)('cluster mode', () => {
  for (const workers of ['1', '2'])
    test(`serves routes as they come, change and go, and tells what became of them (workers: ${workers})`, async () => {
      const ns = namespace('run');
      const [one, two] = [await startTelling('one'), await startTelling('two')];
      apply(
        kubeconfig,
        backend(ns, 'one', one.port),
        backend(ns, 'two', two.port),
        secret(ns, 'key', 'first'),
        route(ns, 'tools', { backend: toBackend('one'), secret: { name: 'key' } }),
      );
      const gateway = await startClusterGateway(ns, { args: ['--workers', workers] });
      await expect.poll(async () => await said(gateway, '/tools')).toContain('one Bearer first');
      expect(await readyz(gateway)).toBe('ready: the cluster is watched');
      await expect.poll(() => summary(ns, 'tools')).toEqual(good);
      expect(conditions(ns, 'tools')[0]).toMatchObject({ observedGeneration: 1 });

      // Its session goes on through all that follows.
      const { client } = await sdkClient(`${gateway.origin}/tools`);
      const now = async (): Promise<string> =>
        JSON.stringify((await client.callTool({ ...call, name: 'whoami' })).content);

      apply(kubeconfig, secret(ns, 'key', 'second'));
      await expect.poll(now).toContain('one Bearer second');

      apply(kubeconfig, route(ns, 'tools', { backend: toBackend('two'), secret: { name: 'key' } }));
      await expect.poll(async () => await said(gateway, '/tools')).toContain('two Bearer second');
      await expect.poll(() => conditions(ns, 'tools')[0]).toMatchObject({ observedGeneration: 2, status: 'True' });

      apply(kubeconfig, route(ns, 'more', { backend: toBackend('one') }));
      await expect.poll(async () => await said(gateway, '/more')).toContain('one nobody');

      const metrics = (await textAt(`${gateway.adminUrl}/metrics`)).text;
      expect(metrics).toMatch(/^manifold_watch_lag_seconds [0-9.]+$/m);
      expect(metrics).toMatch(/^manifold_watch_connected 1$/m);
      expect(metrics).toMatch(/^manifold_leader 1$/m);

      kubectl(kubeconfig, ['delete', 'mcproute', 'more', '-n', ns]);
      await expect.poll(async () => await said(gateway, '/more')).toContain('Not Found');
      expect(await said(gateway, '/tools')).toContain('two Bearer second');
    });

  test('an invalid newer version leaves the older one in use; a Secret that is taken away takes the route with it', async () => {
    const ns = namespace('refuse');
    const one = await startTelling('one');
    apply(
      kubeconfig,
      backend(ns, 'one', one.port),
      secret(ns, 'key', 'first'),
      route(ns, 'tools', { backend: toBackend('one'), secret: { name: 'key' } }),
      route(ns, 'twin', { backend: toBackend('one'), path: '/tools' }),
      route(ns, 'lost', { backend: toBackend('nowhere') }),
      route(ns, 'far', { backend: { ...toBackend('one'), namespace: 'elsewhere' } }),
      route(ns, 'unmade', { backend: { name: 'unmade' } }),
    );
    const gateway = await startClusterGateway(ns);
    await expect.poll(async () => await said(gateway, '/tools')).toContain('one Bearer first');
    // All of one second: the names decide, as on every replica.
    await expect.poll(() => summary(ns, 'twin')[0]).toBe('Accepted=False/Conflicted');
    await expect
      .poll(() => summary(ns, 'lost'))
      .toEqual(['Accepted=True/Accepted', 'ResolvedRefs=False/BackendNotFound', 'Programmed=False/Unresolved']);
    await expect.poll(() => summary(ns, 'far')[1]).toBe('ResolvedRefs=False/RefNotPermitted');
    await expect
      .poll(() => summary(ns, 'unmade'))
      .toEqual(['Accepted=True/Accepted', 'ResolvedRefs=False/BackendNotFound', 'Programmed=True/Programmed']);
    expect(await said(gateway, '/lost')).toContain('Not Found');

    apply(
      kubeconfig,
      route(ns, 'tools', { backend: { ...toBackend('one'), path: '/with#fragment' }, secret: { name: 'key' } }),
    );
    await expect.poll(() => summary(ns, 'tools')[0]).toBe('Accepted=False/Invalid');
    expect(await said(gateway, '/tools')).toContain('one Bearer first');

    apply(kubeconfig, route(ns, 'tools', { backend: { ...toBackend('one'), path: '/mcp' }, secret: { name: 'key' } }));
    await expect.poll(() => summary(ns, 'tools')).toEqual(good);
    kubectl(kubeconfig, ['delete', 'secret', 'key', '-n', ns]);
    await expect.poll(() => summary(ns, 'tools')[1]).toBe('ResolvedRefs=False/RefNotFound');
    await expect.poll(async () => await said(gateway, '/tools')).not.toContain('Bearer');
    expect(gateway.program.stderr.join('\n')).not.toContain('first');
  });

  test.each(['1', '2'])('the key file is read again when it changes (workers: %s)', async (workers) => {
    const ns = namespace('keys');
    const one = await startTelling('one');
    apply(kubeconfig, backend(ns, 'one', one.port), route(ns, 'tools', { backend: toBackend('one') }));
    const keysFile = await makeKeysFile();
    const [first, second] = [key('first'), key('second')];
    writeFileSync(keysFile, JSON.stringify({ keys: [first] }));
    const gateway = await startClusterGateway(ns, { args: ['--session-keys', keysFile, '--workers', workers] });
    const session = await openSession(`${gateway.origin}/tools`);
    const status = async (): Promise<number> => (await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status;
    const reloads = (): number =>
      gateway.program.stderr.filter((line) => line.includes('session keys reloaded')).length;
    expect(await status()).toBe(200);
    // Accept first: what the old one has sealed is opened on.
    writeFileSync(keysFile, JSON.stringify({ keys: [second, first] }));
    await expect.poll(reloads).toBe(Number(workers));
    expect(await status()).toBe(200);
    // A change of the cluster does not bring the former keys back.
    apply(kubeconfig, route(ns, 'more', { backend: toBackend('one') }));
    await expect.poll(async () => await said(gateway, '/more')).toContain('one nobody');
    writeFileSync(keysFile, JSON.stringify({ keys: [second] }));
    await expect.poll(status).toBe(404);
    apply(kubeconfig, route(ns, 'last', { backend: toBackend('one') }));
    await expect.poll(async () => await said(gateway, '/last')).toContain('one nobody');
    for (let n = 0; n < 4; n += 1) expect(await status()).toBe(404);
    expect((await (await openSession(`${gateway.origin}/tools`)).ask('ping')).result).toEqual({});
  });

  test('while the API server is away the last configuration is served, and readiness says so', async () => {
    const ns = namespace('gone');
    const one = await startTelling('one');
    apply(kubeconfig, backend(ns, 'one', one.port), route(ns, 'tools', { backend: toBackend('one') }));
    const gateway = await startClusterGateway(ns);
    await expect.poll(async () => await said(gateway, '/tools')).toContain('one nobody');
    const server = apiServer(kubeconfig);
    await server.kill();
    await expect.poll(async () => await readyz(gateway)).toMatch(/^ready: the last known configuration is served, /);
    expect(await said(gateway, '/tools')).toContain('one nobody');
    // One that starts now knows nothing, and says so.
    const late = await startWaitingGateway(ns);
    await expect
      .poll(async () => await textAt(`${late.adminUrl}/readyz`))
      .toMatchObject({ status: 503, text: expect.stringMatching(/^not ready: the configuration of the cluster/) });
    await expect(fetch(`http://127.0.0.1:${late.port}/tools`)).rejects.toThrow();
    await server.start();
    await expect.poll(async () => await readyz(gateway)).toBe('ready: the cluster is watched');
    const now = { ...gateway, origin: `http://127.0.0.1:${late.port}` };
    await expect.poll(async () => await said(now, '/tools')).toContain('one nobody');
    await expect.poll(async () => (await textAt(`${late.adminUrl}/readyz`)).status).toBe(200);
  });
});
