/** The watcher against a real API server: what changes arrives, together and once, and what fails is overcome. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openApi } from '../../src/kubernetes/api.ts';
import type { KubernetesObject } from '../../src/kubernetes/objects.ts';
import { usualReflectorLimits } from '../../src/kubernetes/reflector.ts';
import { type ClusterWatch, watchCluster, type WatchOptions } from '../../src/kubernetes/watch.ts';
import { configAs, gateway, hasCluster, kubeconfig, namespace, route, secret, service } from './fixtures.ts';
import { apiServer, apply, kubectl } from './kube.ts';

interface Watched {
  readonly watch: ClusterWatch;
  /** Each time's documents. */
  readonly seen: (readonly KubernetesObject[])[];
}

function watching(options: Omit<WatchOptions, 'onChange'>, config = kubeconfig): Watched {
  const seen: (readonly KubernetesObject[])[] = [];
  const watch = watchCluster(openApi({ kubeconfig: config }), {
    ...options,
    limits: { ...usualReflectorLimits, backoff: { firstMs: 100, mostMs: 1000 }, ...options.limits },
    onChange: (documents) => void seen.push(documents),
  });
  onTestFinished(async () => await watch.close());
  return { watch, seen };
}

const kinds = (documents: readonly KubernetesObject[] | undefined): string[] =>
  (documents ?? []).map(({ kind, metadata: { name } }) => `${kind} ${name}`);
const last = ({ seen }: Watched): string[] => kinds(seen.at(-1));
const apiKey = ({ seen }: Watched, name: string): unknown => {
  const found = seen.at(-1)?.find(({ kind, metadata }) => kind === 'Secret' && metadata.name === name);
  const data = found?.['data'];
  return typeof data === 'object' && data !== null && 'apiKey' in data
    ? Buffer.from(String(data.apiKey), 'base64').toString()
    : undefined;
};

/** The kubeconfig with another address or token, in a file of its own. */
function changedConfig(change: (text: string) => string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'manifold-kubeconfig-')), 'config');
  writeFileSync(file, change(readFileSync(kubeconfig, 'utf8')));
  return file;
}

describe.skipIf(!hasCluster)('the watch of a cluster', () => {
  test('hands on a route with all it names, and each change of it', async () => {
    const ns = namespace('watch');
    const watched = watching({ namespaces: [ns] });
    await vi.waitFor(() => expect(watched.seen).toHaveLength(1), 30_000);
    expect(watched.seen[0]).toEqual([]);

    apply(
      kubeconfig,
      service(ns, 'tools'),
      service(ns, 'unrelated'),
      secret(ns, 'key', 'one'),
      secret(ns, 'other', 'x'),
    );
    apply(kubeconfig, route(ns, 'a', { secret: { name: 'key' } }));
    await expect.poll(() => last(watched)).toEqual(['MCPRoute a', 'Secret key', 'Service tools']);
    // The Secret came with the route, never after it.
    for (const documents of watched.seen) {
      const names = kinds(documents);
      if (names.includes('MCPRoute a')) expect(names).toContain('Secret key');
    }
    expect(apiKey(watched, 'key')).toBe('one');

    apply(kubeconfig, secret(ns, 'key', 'two'));
    await expect.poll(() => apiKey(watched, 'key')).toBe('two');

    kubectl(kubeconfig, ['delete', 'mcproute', 'a', '-n', ns]);
    await expect.poll(() => last(watched)).toEqual([]);
    expect(watched.watch.state()).toMatchObject({ isSynced: true, isConnected: true, faults: [] });
  });

  test('makes one change of many, and none of what means nothing', async () => {
    const ns = namespace('many');
    const watched = watching({ namespaces: [ns] });
    await vi.waitFor(() => expect(watched.seen).toHaveLength(1), 30_000);
    apply(kubeconfig, ...Array.from({ length: 20 }, (_, index) => route(ns, `r${index}`)));
    await expect.poll(() => last(watched)).toHaveLength(20);
    expect(watched.seen.length).toBeLessThan(20);

    const before = watched.seen.length;
    const conditions = [
      { type: 'Seen', status: 'True', reason: 'Seen', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ];
    const patch = JSON.stringify({ status: { conditions } });
    kubectl(kubeconfig, ['patch', 'mcproute', 'r0', '-n', ns, '--subresource=status', '--type=merge', '-p', patch]);
    // A later change has certainly come after that one.
    apply(kubeconfig, route(ns, 'r0', { path: '/changed' }));
    await expect.poll(() => JSON.stringify(watched.seen.at(-1))).toContain('/changed');
    expect(watched.seen.length).toBe(before + 1);
  });

  test('takes routes by label and by the class of their Gateway', async () => {
    const ns = namespace('class');
    apply(kubeconfig, gateway(ns, 'ours', 'manifold'), gateway(ns, 'theirs', 'other'));
    apply(
      kubeconfig,
      route(ns, 'a', { gateway: 'ours', labels: { team: 'x' } }),
      route(ns, 'b', { gateway: 'theirs', labels: { team: 'x' } }),
      route(ns, 'c', { gateway: 'ours', labels: { team: 'y' } }),
    );
    const watched = watching({ namespaces: [ns], selector: 'team=x', gatewayClass: 'manifold' });
    await expect.poll(() => last(watched).filter((text) => text.startsWith('MCPRoute'))).toEqual(['MCPRoute a']);
  });

  test('reads a Secret of another namespace only by a ReferenceGrant', async () => {
    const [ns, vault] = [namespace('from'), namespace('vault')];
    apply(kubeconfig, secret(vault, 'key', 'deep'));
    apply(kubeconfig, route(ns, 'a', { secret: { name: 'key', namespace: vault } }));
    const watched = watching({ namespaces: [ns, vault] });
    await expect.poll(() => last(watched)).toContain('MCPRoute a');
    expect(last(watched)).not.toContain('Secret key');
    expect(watched.watch.state().faults.join()).toContain(`Secret ${vault}/key: no ReferenceGrant`);

    apply(kubeconfig, {
      apiVersion: 'gateway.networking.k8s.io/v1beta1',
      kind: 'ReferenceGrant',
      metadata: { name: 'g', namespace: vault },
      spec: {
        from: [{ group: 'aigateway.envoyproxy.io', kind: 'MCPRoute', namespace: ns }],
        to: [{ group: '', kind: 'Secret', name: 'key' }],
      },
    });
    await expect.poll(() => apiKey(watched, 'key')).toBe('deep');
    kubectl(kubeconfig, ['delete', 'referencegrant', 'g', '-n', vault]);
    await expect.poll(() => last(watched)).not.toContain('Secret key');
  });

  test('a Role that names the Secrets suffices', async () => {
    const ns = namespace('narrow');
    const rules = [
      { apiGroups: ['aigateway.envoyproxy.io'], resources: ['mcproutes'], verbs: ['list', 'watch'] },
      { apiGroups: ['gateway.envoyproxy.io'], resources: ['backends'], verbs: ['list', 'watch'] },
      {
        apiGroups: ['gateway.networking.k8s.io'],
        resources: ['gateways', 'referencegrants', 'backendtlspolicies'],
        verbs: ['list', 'watch'],
      },
      { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['key'], verbs: ['list', 'watch'] },
    ];
    apply(
      kubeconfig,
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'narrow', namespace: ns } },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'narrow', namespace: ns }, rules },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'narrow', namespace: ns },
        subjects: [{ kind: 'ServiceAccount', name: 'narrow', namespace: ns }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'narrow' },
      },
      secret(ns, 'key', 'named'),
      secret(ns, 'hidden', 'unnamed'),
    );
    const watched = watching({ namespaces: [ns] }, configAs('narrow', ns));
    apply(kubeconfig, route(ns, 'a', { secret: { name: 'key' } }));
    await expect.poll(() => apiKey(watched, 'key')).toBe('named');

    apply(kubeconfig, route(ns, 'b', { secret: { name: 'hidden' } }));
    await expect.poll(() => last(watched)).toContain('MCPRoute b');
    expect(watched.watch.state().faults.join()).toContain('forbidden');
    expect(apiKey(watched, 'hidden')).toBeUndefined();
  });

  test('reads a rotated token by itself', async () => {
    const ns = namespace('token');
    apply(kubeconfig, route(ns, 'a'));
    const file = changedConfig((text) => text.replace(/token: .*/, 'token: expired'));
    const watched = watching({ namespaces: [ns] }, file);
    await expect.poll(() => watched.watch.state().faults.join()).toContain('Unauthorized');
    expect(watched.watch.state().isSynced).toBe(false);
    writeFileSync(file, readFileSync(kubeconfig, 'utf8'));
    await expect.poll(() => last(watched)).toContain('MCPRoute a');
  });

  test('gives up a watch that is half open, and goes on where it was', async () => {
    const ns = namespace('half');
    const wire = await stallingWire(kubeconfig);
    const watched = watching(
      { namespaces: [ns], limits: { ...usualReflectorLimits, idleMs: 2000, backoff: { firstMs: 100, mostMs: 500 } } },
      changedConfig((text) => text.replace(/server: .*/, `server: ${wire.url}`)),
    );
    await expect.poll(() => watched.watch.state().isConnected).toBe(true);
    wire.stall();
    apply(kubeconfig, route(ns, 'a'));
    await expect.poll(() => last(watched)).toEqual(['MCPRoute a']);
  });

  test('an API server that is killed leaves the last documents, and its return brings what changed', async () => {
    const ns = namespace('away');
    apply(kubeconfig, route(ns, 'a'));
    const watched = watching({ namespaces: [ns] });
    await expect.poll(() => last(watched)).toEqual(['MCPRoute a']);

    const server = apiServer(kubeconfig);
    await server.kill();
    await expect.poll(() => watched.watch.state()).toMatchObject({ isSynced: true, isConnected: false });
    await expect.poll(() => watched.watch.state().faults.join()).toContain('cannot be reached');
    expect(last(watched)).toEqual(['MCPRoute a']);
    const lag = watched.watch.state().lagMs;
    await expect.poll(() => watched.watch.state().lagMs).toBeGreaterThan(lag);

    await server.start();
    await expect.poll(() => watched.watch.state()).toMatchObject({ isConnected: true, faults: [] });
    // Nothing changed, so nothing was handed on, least of all an empty list.
    expect(watched.seen.filter((documents) => documents.length === 0)).toEqual([]);
    apply(kubeconfig, route(ns, 'b'));
    await expect.poll(() => last(watched)).toEqual(['MCPRoute a', 'MCPRoute b']);
  });

  test('a resourceVersion that is too old is listed anew', async () => {
    const ns = namespace('gone');
    const wire = await stallingWire(kubeconfig);
    const watched = watching(
      { namespaces: [ns], limits: { ...usualReflectorLimits, idleMs: 60_000, backoff: { firstMs: 100, mostMs: 500 } } },
      changedConfig((text) => text.replace(/server: .*/, `server: ${wire.url}`)),
    );
    await expect.poll(() => watched.watch.state().isConnected).toBe(true);
    wire.cut();
    apply(kubeconfig, route(ns, 'a'));
    // A server that has just started with an empty watch cache knows no older versions than its own start.
    const server = apiServer(kubeconfig);
    await server.kill();
    await server.start();
    apply(kubeconfig, route(ns, 'b'));
    kubectl(kubeconfig, ['delete', 'mcproute', 'a', '-n', ns]);
    wire.mend();
    await expect.poll(() => last(watched)).toEqual(['MCPRoute b']);
  });
});

interface Wire {
  readonly url: string;
  /** From now on nothing of the connections that stand passes, and none is closed. New ones pass. */
  stall(): void;
  /** Breaks all connections and lets no new one pass. */
  cut(): void;
  mend(): void;
}

/** Passes bytes on to the API server, TLS and all. */
async function stallingWire(config: string): Promise<Wire> {
  const server = new URL(/server: (.*)/.exec(readFileSync(config, 'utf8'))?.[1] ?? '');
  const pairs = new Set<readonly [Socket, Socket]>();
  let isCut = false;
  const wire = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(Number(server.port), server.hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.pipe(upstream).pipe(client);
    for (const socket of pair) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  });
  wire.listen(0, '127.0.0.1');
  await once(wire, 'listening');
  const breakAll = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
  };
  onTestFinished(() => {
    breakAll();
    wire.close();
  });
  const { port } = wire.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    stall: () => {
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream).resume();
        upstream.unpipe(client).resume();
      }
    },
    cut: () => {
      isCut = true;
      breakAll();
    },
    mend: () => {
      isCut = false;
    },
  };
}
