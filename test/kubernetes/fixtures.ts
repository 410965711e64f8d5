/** Objects to put into the cluster. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { apply, kubectl } from './kube.ts';

export const kubeconfig = inject('kubeconfig');
export const hasCluster = kubeconfig !== '';

let count = 0;

/** A namespace of the test's own. */
export function namespace(prefix: string): string {
  const name = `${prefix}-${process.pid}-${count++}`;
  apply(kubeconfig, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  // No controller empties it, so its routes are deleted for the sake of tests that watch all namespaces.
  onTestFinished(() => {
    kubectl(kubeconfig, ['delete', 'mcproutes', '--all', '-n', name, '--wait=false']);
  });
  return name;
}

/** A kubeconfig with the rights of a ServiceAccount, whose namespace is that of its context, as in a pod. */
export function configAs(account: string, ns: string): string {
  const token = kubectl(kubeconfig, ['create', 'token', account, '-n', ns]).trim();
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'manifold-kubeconfig-')), 'config');
  const text = readFileSync(kubeconfig, 'utf8').replace(/token: .*/, `token: ${token}`);
  writeFileSync(file, text.replace('namespace: default', `namespace: ${ns}`));
  return file;
}

interface RouteParts {
  readonly labels?: Record<string, string>;
  readonly gateway?: string;
  readonly secret?: { readonly name: string; readonly namespace?: string };
  readonly backend?: Record<string, unknown>;
  readonly path?: string;
}

export function route(ns: string, name: string, parts: RouteParts = {}): unknown {
  return {
    apiVersion: 'aigateway.envoyproxy.io/v1beta1',
    kind: 'MCPRoute',
    metadata: { name, namespace: ns, ...(parts.labels === undefined ? {} : { labels: parts.labels }) },
    spec: {
      parentRefs: [{ name: parts.gateway ?? 'gw', kind: 'Gateway', group: 'gateway.networking.k8s.io' }],
      path: parts.path ?? `/${name}`,
      backendRefs: [
        {
          name: 'tools',
          port: 80,
          ...parts.backend,
          ...(parts.secret === undefined
            ? {}
            : { securityPolicy: { apiKey: { secretRef: { ...parts.secret, kind: 'Secret' } } } }),
        },
      ],
    },
  };
}

export function secret(ns: string, name: string, apiKey: string): unknown {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: ns }, stringData: { apiKey } };
}

export function service(ns: string, name: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: ns },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  };
}

export function gateway(ns: string, name: string, gatewayClassName: string): unknown {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace: ns },
    spec: { gatewayClassName, listeners: [{ name: 'http', protocol: 'HTTP', port: 80 }] },
  };
}
