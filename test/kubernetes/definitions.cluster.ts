/** The API server gives the cases of the reference product the verdicts that their list expects. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasCluster, kubeconfig } from './fixtures.ts';
import { kubectl, shared } from './kube.ts';

const folder = path.join(shared, 'envoy-examples/crd-cases');
const list = path.join(folder, 'expected.tsv');
const cases = existsSync(list)
  ? readFileSync(list, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
  : [];

describe.skipIf(!hasCluster)('definitions of MCPRoute', () => {
  test('there are 18 cases', () => {
    expect(cases).toHaveLength(18);
  });

  test.each(cases)('%s: %s', (file, expected) => {
    const args = ['create', '--dry-run=server', '-f', path.join(folder, file ?? '')];
    if (expected === 'ok') expect(kubectl(kubeconfig, args)).toContain('created');
    else expect(() => kubectl(kubeconfig, args)).toThrow(expected ?? '');
  });
});
