/** Every overlay and the chart, as the API server sees them: all fields known, all values valid, and the rules of the house kept. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../src/kubernetes/objects.ts';
import { hasCluster, kubeconfig } from './fixtures.ts';
import { apply, helmProgram, kubectl, root } from './kube.ts';
import { kindOf, operatorDefinitions } from './manifests.ts';

const folder = path.join(root, 'k8s/overlays');
const overlays = readdirSync(folder);
const helm = helmProgram();
const strict = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--force-conflicts', '-f', '-'];

describe.skipIf(!hasCluster)('manifests', () => {
  beforeAll(() => {
    apply(kubeconfig, ...operatorDefinitions);
    const names = operatorDefinitions.map(({ metadata }) => `crd/${metadata.name}`);
    kubectl(kubeconfig, ['wait', '--for=condition=Established', ...names]);
    // A pod that breaks the restricted policy is refused here, since Deployments and Jobs would only be warned about.
    for (const name of ['manifold', 'manifold-dev']) {
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
      apply(kubeconfig, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
      apply(kubeconfig, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } });
    }
  });

  test.each(overlays)('overlay %s is valid', (overlay) => {
    const text = execFileSync('kubectl', ['kustomize', path.join(folder, overlay)], { encoding: 'utf8' });
    expect(kubectl(kubeconfig, strict, text)).toContain('deployment.apps/manifold serverside-applied');
    const pods = podsOf(text);
    expect(pods).toHaveLength(2);
    for (const pod of pods) checkPod(pod, overlay === 'dev' ? 'manifold-dev' : 'manifold');
  });

  test('the route of the oauth overlay is valid', () => {
    const file = path.join(folder, 'oauth/route.yaml');
    expect(kubectl(kubeconfig, ['create', '--dry-run=server', '--validate=strict', '-f', file])).toContain(
      'tools created',
    );
  });

  test.skipIf(helm === undefined).each([
    ['as it is', []],
    [
      'with everything on',
      ['kubernetes.enabled', 'serviceMonitor.enabled', 'httpRoute.enabled', 'prometheusRule.enabled'],
    ],
    [
      'with everything off',
      ['!autoscaling.enabled', '!podDisruptionBudget.enabled', '!networkPolicy.enabled', '!makeKeys.enabled'],
    ],
  ])('the chart is valid %s', (_name, switches) => {
    const sets = switches.flatMap((text) =>
      text.startsWith('!') ? ['--set', `${text.slice(1)}=false`] : ['--set', `${text}=true`],
    );
    const args = ['template', 'manifold', path.join(root, 'k8s/chart'), '--namespace', 'manifold', ...sets];
    const text = execFileSync(helm ?? '', args, { encoding: 'utf8' });
    expect(kubectl(kubeconfig, [...strict, '-n', 'manifold'], text)).toContain('deployment.apps/manifold');
    for (const pod of podsOf(text)) checkPod(pod, 'manifold');
  });
});

/** The pods that Deployments and Jobs would make. */
function podsOf(text: string): Record<string, unknown>[] {
  const objects = parseAllDocuments(text).map((document): unknown => document.toJS());
  return objects
    .filter((object) => ['Deployment', 'Job'].includes(kindOf(object)))
    .map((object) => {
      const spec = isRecord(object) && isRecord(object['spec']) ? object['spec'] : {};
      return { ...(isRecord(spec['template']) ? spec['template'] : {}) };
    });
}

function checkPod(template: Record<string, unknown>, namespace: string): void {
  const spec = isRecord(template['spec']) ? template['spec'] : {};
  // A Service named manifold would set MANIFOLD_PORT, which is a flag.
  expect(spec['enableServiceLinks']).toBe(false);
  expect(spec).not.toHaveProperty('affinity');
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one', namespace },
    spec: { ...spec, serviceAccountName: 'default', automountServiceAccountToken: false },
  };
  expect(kubectl(kubeconfig, strict, JSON.stringify(pod))).toContain('pod/one serverside-applied');
}
