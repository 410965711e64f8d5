import { describe, expect, test } from 'vitest';
import { chosenRoutes, inOrder } from '../../src/kubernetes/chosen.ts';
import { type KubernetesObject, readObject } from '../../src/kubernetes/objects.ts';
import { maxNamedObjects, referencesOf } from '../../src/kubernetes/references.ts';

function object(kind: string, apiVersion: string, namespace: string, name: string, spec: unknown): KubernetesObject {
  const made = readObject({ metadata: { namespace, name }, spec }, apiVersion, kind);
  if (made === undefined) throw new Error('no object');
  return made;
}
const route = (namespace: string, name: string, backendRefs: unknown, more: object = {}): KubernetesObject =>
  object('MCPRoute', 'aigateway.envoyproxy.io/v1beta1', namespace, name, { backendRefs, ...more });
const backend = (name: string, spec: unknown): KubernetesObject =>
  object('Backend', 'gateway.envoyproxy.io/v1alpha1', 'ns', name, spec);
const grant = (from: object, to: object): KubernetesObject =>
  object('ReferenceGrant', 'gateway.networking.k8s.io/v1beta1', 'b', 'g', { from: [from], to: [to] });
const names = (objects: readonly KubernetesObject[]): string[] => inOrder(objects).map(({ metadata }) => metadata.name);

function settled(settings: string): KubernetesObject {
  const metadata = { namespace: 'ns', name: 'r', annotations: { 'manifold.dev/settings': settings } };
  return readObject({ metadata, spec: { backendRefs: [] } }, 'aigateway.envoyproxy.io/v1beta1', 'MCPRoute')!;
}

describe('referencesOf', () => {
  test('follows a route to its Services, Backends, their policies, and the Secrets of all', () => {
    const routes = [
      route('ns', 'r', [
        { kind: 'Service', name: 'tools', port: 80, securityPolicy: { apiKey: { secretRef: { name: 'key' } } } },
        { kind: 'Backend', group: 'gateway.envoyproxy.io', name: 'far' },
      ]),
    ];
    const backends = [
      backend('far', { tls: { clientCertificateRef: { name: 'client' } } }),
      backend('unused', { tls: { clientCertificateRef: { name: 'never' } } }),
    ];
    const policies = [
      object('BackendTLSPolicy', 'gateway.networking.k8s.io/v1', 'ns', 'p', {
        targetRefs: [{ group: '', kind: 'Service', name: 'tools' }],
        validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'trust' }] },
      }),
    ];
    const found = referencesOf(routes, backends, policies, []);
    expect(found.named.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'Secret key',
      'Secret client',
      'ConfigMap trust',
    ]);
    expect([...found.targets]).toEqual(['Service ns/tools', 'Backend ns/far']);
  });

  test('a reference to another namespace needs a grant for just that', () => {
    const routes = [route('a', 'r', [{ kind: 'Service', namespace: 'b', name: 'tools' }])];
    const from = { group: 'aigateway.envoyproxy.io', kind: 'MCPRoute', namespace: 'a' };
    const to = { group: '', kind: 'Service' };
    const targets = (...grants: KubernetesObject[]): string[] => [...referencesOf(routes, [], [], grants).targets];
    expect(targets(grant(from, to))).toEqual(['Service b/tools']);
    expect(targets(grant(from, { ...to, name: 'tools' }))).toEqual(['Service b/tools']);
    expect(targets(grant(from, { ...to, name: 'others' }))).toEqual([]);
    expect(targets(grant({ ...from, namespace: 'c' }, to))).toEqual([]);
    expect(targets(grant({ ...from, kind: 'HTTPRoute' }, to))).toEqual([]);
    expect(referencesOf(routes, [], [], []).refused).toEqual([{ kind: 'Service', namespace: 'b', name: 'tools' }]);
  });

  test('follows the settings of a route to Secrets, and takes what is no YAML for none', () => {
    const text =
      'backends: { a: { grant: { clientCredentials: { clientSecretRef: { name: one } } } } }\n' +
      'security: { oauth: { introspection: { privateKeyRef: { name: two } } } }';
    expect(referencesOf([settled(text)], [], [], []).named.map(({ name }) => name)).toEqual(['one', 'two']);
    expect(referencesOf([settled('a: [')], [], [], []).named).toEqual([]);
  });

  test('names no more than the limit', () => {
    const secrets = Array.from({ length: maxNamedObjects + 1 }, (_, index) => ({ kind: 'Secret', name: `s${index}` }));
    expect(referencesOf([route('ns', 'r', secrets)], [], [], []).named).toHaveLength(maxNamedObjects);
  });
});

describe('the order of documents', () => {
  test('is by kind, age and name, whatever the order they came in', () => {
    const made = ['b', 'a', 'old'].map((name) => {
      const found = route('ns', name, []);
      const creationTimestamp = name === 'old' ? '2020-01-01T00:00:00Z' : '2026-01-01T00:00:00Z';
      return { ...found, metadata: { ...found.metadata, creationTimestamp } };
    });
    expect(names(made)).toEqual(['old', 'a', 'b']);
    expect(names([...made].reverse())).toEqual(['old', 'a', 'b']);
  });

  test('only routes of the asked class are chosen, by the namespace of the Gateway too', () => {
    const gateways = [
      object('Gateway', 'gateway.networking.k8s.io/v1', 'gw', 'ours', { gatewayClassName: 'manifold' }),
      object('Gateway', 'gateway.networking.k8s.io/v1', 'ns', 'theirs', { gatewayClassName: 'other' }),
    ];
    const routes = [
      route('ns', 'a', [], { parentRefs: [{ name: 'ours', namespace: 'gw' }] }),
      route('ns', 'b', [], { parentRefs: [{ name: 'theirs' }, { name: 'ours', namespace: 'gw' }] }),
      route('ns', 'c', [], { parentRefs: [{ name: 'theirs' }] }),
      route('ns', 'd', [], { parentRefs: [{ name: 'ours' }] }),
    ];
    const chosen = chosenRoutes(routes, gateways, 'manifold').map(({ metadata }) => metadata.name);
    expect(chosen).toEqual(['a', 'b']);
    expect(chosenRoutes(routes, gateways, undefined)).toHaveLength(4);
  });
});
