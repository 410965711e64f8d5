/** Two replicas: one leads and writes status and events, the other takes over when it ends. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { openApi } from '../../src/kubernetes/api.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { defaultController, type Mode, startMode } from '../../src/kubernetes/mode.ts';
import { isRecord, type KubernetesObject, listOf, refOf } from '../../src/kubernetes/objects.ts';
import type { Verdict } from '../../src/kubernetes/verdict.ts';
import { configAs, hasCluster, kubeconfig, namespace, route, secret } from './fixtures.ts';
import { apiServer, apply, kubectl, root } from './kube.ts';
import { setNamespace } from './manifests.ts';

const timing = { durationMs: 3000, renewWithinMs: 2000, retryMs: 300 };
let count = 0;

/** Refuses routes whose path has the word "bad". */
function judge(routes: readonly KubernetesObject[]): Verdict[] {
  return routes
    .filter(({ kind }) => kind === 'MCPRoute')
    .map((object) => {
      const isGood = !JSON.stringify(object['spec']).includes('/bad');
      return {
        ref: refOf(object),
        uid: object.metadata.uid,
        generation: object.metadata.generation ?? 0,
        accepted: isGood,
        resolved: true,
        programmed: isGood,
        message: isGood ? '' : 'spec.path: this path is not wanted',
      };
    });
}

function replica(ns: string, leaseName: string, identity: string, config = kubeconfig): Mode {
  const mode = startMode({
    kubeconfig: config,
    namespaces: [ns],
    identity,
    leaseName,
    timing,
    log: createLog('silent'),
    onDocuments: (documents) => mode.reportStatus(judge(documents)),
  });
  onTestFinished(async () => await mode.close());
  return mode;
}

function conditions(ns: string, name: string): Record<string, unknown>[] {
  const object: unknown = JSON.parse(kubectl(kubeconfig, ['get', 'mcproute', name, '-n', ns, '-o', 'json']));
  const status = isRecord(object) && isRecord(object['status']) ? object['status'] : {};
  return listOf(status['conditions']).filter(isRecord);
}

const summary = (ns: string, name: string): string[] =>
  conditions(ns, name).map(({ type, status }) => `${String(type)}=${String(status)}`);

describe.skipIf(!hasCluster)('status of routes', () => {
  test('one of two replicas leads; the other takes over at once when it ends', async () => {
    const ns = namespace('lead');
    const lease = `lease-${process.pid}-${count++}`;
    const [a, b] = [replica(ns, lease, 'a'), replica(ns, lease, 'b')];
    const leaders = (): number => [a, b].filter((mode) => mode.state().isLeader).length;
    await expect.poll(leaders).toBe(1);
    const [first, second] = a.state().isLeader ? [a, b] : [b, a];

    apply(kubeconfig, route(ns, 'good'));
    await expect.poll(() => summary(ns, 'good')).toEqual(['Accepted=True', 'ResolvedRefs=True', 'Programmed=True']);
    expect(conditions(ns, 'good')[0]).toMatchObject({
      reason: 'Accepted',
      observedGeneration: 1,
      message: `${defaultController}: the route is valid`,
    });

    await first.close();
    await expect.poll(() => second.state().isLeader).toBe(true);
    apply(kubeconfig, route(ns, 'good', { path: '/bad' }));
    await expect.poll(() => summary(ns, 'good')).toEqual(['Accepted=False', 'ResolvedRefs=True', 'Programmed=False']);
    expect(conditions(ns, 'good')[0]).toMatchObject({ observedGeneration: 2 });
  });

  test('two never lead at the same time, also while the API server is away', async () => {
    const ns = namespace('away');
    const lease = `lease-${process.pid}-${count++}`;
    const modes = [replica(ns, lease, 'a'), replica(ns, lease, 'b'), replica(ns, lease, 'c')];
    let most = 0;
    const look = setInterval(() => {
      most = Math.max(most, modes.filter((mode) => mode.state().isLeader).length);
    }, 20);
    onTestFinished(() => clearInterval(look));
    const leaders = (): number => modes.filter((mode) => mode.state().isLeader).length;
    await expect.poll(leaders).toBe(1);
    const server = apiServer(kubeconfig);
    await server.kill();
    await expect.poll(leaders).toBe(0);
    await server.start();
    await expect.poll(leaders).toBe(1);
    expect(most).toBe(1);
  });

  test('a refusal becomes one Event, whichever replica leads', async () => {
    const ns = namespace('event');
    const lease = `lease-${process.pid}-${count++}`;
    const first = replica(ns, lease, 'a');
    apply(kubeconfig, route(ns, 'bad'));
    const events = (): Record<string, unknown>[] => {
      const said: unknown = JSON.parse(kubectl(kubeconfig, ['get', 'events.events.k8s.io', '-n', ns, '-o', 'json']));
      return listOf(isRecord(said) ? said['items'] : []).filter(isRecord);
    };
    await expect.poll(events).toHaveLength(1);
    expect(events()[0]).toMatchObject({
      type: 'Warning',
      reason: 'NotAccepted',
      note: 'spec.path: this path is not wanted',
      reportingController: defaultController,
      regarding: { kind: 'MCPRoute', name: 'bad' },
    });
    await first.close();
    const second = replica(ns, lease, 'b');
    await expect.poll(() => second.state().isLeader).toBe(true);
    apply(kubeconfig, route(ns, 'later'));
    await expect.poll(() => summary(ns, 'later')).toContain('Accepted=True');
    expect(events()).toHaveLength(1);
  });

  test('the Role of the overlay is enough for all of it', async () => {
    const ns = namespace('role');
    const text = readFileSync(path.join(root, 'k8s/overlays/cluster-mode/role.yaml'), 'utf8');
    const objects = parseAllDocuments(text).map((document): unknown => document.toJS());
    for (const object of objects) setNamespace(object, ns);
    apply(kubeconfig, ...objects, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'manifold', namespace: ns },
    });
    apply(kubeconfig, secret(ns, 'mcp-credentials', 'x'), route(ns, 'bad', { secret: { name: 'mcp-credentials' } }));
    const mode = replica(ns, 'manifold', 'a', configAs('manifold', ns));
    await expect.poll(() => summary(ns, 'bad')).toContain('Accepted=False');
    await expect
      .poll(() => mode.state())
      .toMatchObject({ isLeader: true, isConnected: true, isSynced: true, faults: [] });
    expect(kubectl(kubeconfig, ['get', 'events.events.k8s.io', '-n', ns, '-o', 'name'])).toContain(
      'event.events.k8s.io/bad.',
    );
    await mode.close();
    const holder = ['get', 'lease', 'manifold', '-n', ns, '-o', 'jsonpath={.spec.holderIdentity}'];
    expect(kubectl(kubeconfig, holder)).toBe('');
  });

  test('conditions of another controller stay as they are', async () => {
    const ns = namespace('others');
    apply(kubeconfig, route(ns, 'shared'));
    const theirs = {
      type: 'Accepted',
      status: 'False',
      reason: 'NotAccepted',
      message: 'MCPRoute is refused',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const api = openApi({ kubeconfig });
    await api.request({
      method: 'PATCH',
      path: `/apis/aigateway.envoyproxy.io/v1beta1/namespaces/${ns}/mcproutes/shared/status`,
      contentType: 'application/merge-patch+json',
      body: { status: { conditions: [theirs] } },
    });
    replica(ns, `lease-${process.pid}-${count++}`, 'a');
    await expect
      .poll(() => summary(ns, 'shared'))
      .toEqual(['Accepted=False', 'mcp-manifold/Accepted=True', 'ResolvedRefs=True', 'Programmed=True']);
    expect(conditions(ns, 'shared')[0]).toEqual(theirs);
  });
});
