/** The Job's program, with the rights that the Job has and no others. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseKeyFile } from '../../src/session/keyring.ts';
import { hasCluster, kubeconfig, namespace } from './fixtures.ts';
import { kubectl, root } from './kube.ts';

describe.skipIf(!hasCluster)('the Job that makes the keys', () => {
  test('makes a key ring once and leaves it as it is', () => {
    const ns = namespace('keys');
    kubectl(kubeconfig, ['apply', '-n', ns, '-f', path.join(root, 'k8s/base/keys-job.yaml')]);
    const bound = kubectl(kubeconfig, ['get', 'rolebinding', 'manifold-make-keys', '-n', ns, '-o', 'json']);
    kubectl(kubeconfig, ['apply', '-f', '-'], bound.replaceAll('"kind": "ServiceAccount",', `"kind": "ServiceAccount", "namespace": "${ns}",`));
    const token = kubectl(kubeconfig, ['create', 'token', 'manifold-make-keys', '-n', ns]).trim();
    const config = path.join(mkdtempSync(path.join(tmpdir(), 'manifold-keys-')), 'config');
    const text = readFileSync(kubeconfig, 'utf8').replace(/token: .*/, `token: ${token}`);
    writeFileSync(config, text.replace('namespace: default', `namespace: ${ns}`));

    const run = (): string =>
      execFileSync(process.execPath, [path.join(root, 'src/kubernetes/keys-job.ts'), 'manifold-keys'], {
        encoding: 'utf8',
        env: { ...process.env, KUBECONFIG: config },
      });
    const stored = (): string =>
      Buffer.from(
        kubectl(kubeconfig, ['get', 'secret', 'manifold-keys', '-n', ns, '-o', 'jsonpath={.data.keys\\.json}']),
        'base64',
      ).toString();
    expect(run()).toBe('Made Secret manifold-keys.\n');
    const made = stored();
    expect(parseKeyFile(made, 'keys.json')).toHaveLength(1);
    expect(run()).toBe('Secret manifold-keys is there already; left as it is.\n');
    expect(stored()).toBe(made);
    // It may read no Secret, not even its own.
    expect(() => kubectl(config, ['get', 'secret', 'manifold-keys'])).toThrow(/forbidden/i);
  });
});
