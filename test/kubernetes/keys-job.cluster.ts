/** The Job's program, with the rights that the Job has and no others. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseKeyFile } from '../../src/session/keyring.ts';
import { configAs, hasCluster, kubeconfig, namespace } from './fixtures.ts';
import { apply, kubectl, root } from './kube.ts';
import { setNamespace } from './manifests.ts';

describe.skipIf(!hasCluster)('the Job that makes the keys', () => {
  test('makes a key ring once and leaves it as it is', () => {
    const ns = namespace('keys');
    const text = readFileSync(path.join(root, 'k8s/base/keys-job.yaml'), 'utf8');
    const objects = parseAllDocuments(text).map((document): unknown => document.toJS());
    for (const object of objects) setNamespace(object, ns);
    apply(kubeconfig, ...objects);
    const config = configAs('manifold-make-keys', ns);
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
