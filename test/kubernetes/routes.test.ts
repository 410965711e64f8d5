import { describe, expect, test } from 'vitest';
import { defaultNaming } from '../../src/config/naming.ts';
import type { KubernetesObject } from '../../src/kubernetes/objects.ts';
import { routeReader, type RouteReader } from '../../src/kubernetes/routes.ts';

function object(kind: string, name: string, rest: object): KubernetesObject {
  const versions: Record<string, string> = {
    MCPRoute: 'aigateway.envoyproxy.io/v1beta1',
    ReferenceGrant: 'gateway.networking.k8s.io/v1beta1',
  };
  const metadata = { name, namespace: 'ns', uid: `uid-${name}`, resourceVersion: '', generation: 1 };
  return { apiVersion: versions[kind] ?? 'v1', kind, metadata, ...rest };
}

function route(name: string, backend: object = {}, path = `/${name}`): KubernetesObject {
  const backendRefs = [{ name: 'tools', kind: 'Service', group: '', port: 80, ...backend }];
  return object('MCPRoute', name, { spec: { parentRefs: [{ name: 'gw' }], path, backendRefs } });
}

const service = object('Service', 'tools', { spec: { ports: [{ port: 80 }] } });
const withKey = { securityPolicy: { apiKey: { secretRef: { name: 'key', kind: 'Secret', group: '' } } } };
const key = object('Secret', 'key', { data: { apiKey: Buffer.from('hush').toString('base64') } });

function reader(problem?: string): RouteReader {
  const refusals = problem === undefined ? [] : [{ path: 'route', problem, remedy: 'Take it out' }];
  return routeReader({ env: {}, naming: defaultNaming, refusals: () => refusals });
}

describe('the routes of a cluster', () => {
  test('are served when they are valid, and the verdict says so', () => {
    const { routes, verdicts } = reader().read([route('a'), service]);
    expect(routes.map(({ path }) => path)).toEqual(['/a']);
    expect(verdicts).toMatchObject([{ uid: 'uid-a', accepted: true, resolved: true, programmed: true, message: '' }]);
  });

  test('stand alone: one that is invalid holds up no other', () => {
    const { routes, verdicts } = reader().read([route('a'), route('b', { path: 'no path' }), service]);
    expect(routes.map(({ path }) => path)).toEqual(['/a']);
    expect(verdicts[1]).toMatchObject({ accepted: false, resolved: true, programmed: false });
    expect(verdicts[1]?.message).toContain('spec.backendRefs[0].path: ');
  });

  test('the last valid version is served while the newest is invalid, and no longer than its route exists', () => {
    const read = reader();
    read.read([route('a'), service]);
    const later = read.read([route('a', { path: 'no path' }), service]);
    expect(later.routes.map(({ path }) => path)).toEqual(['/a']);
    expect(later.verdicts[0]).toMatchObject({ accepted: false, programmed: false });
    expect(read.read([service]).routes).toEqual([]);
    expect(read.read([route('a', { path: 'no path' }), service]).routes).toEqual([]);
  });

  test('a Secret that is not there is not replaced by what it was', () => {
    const read = reader();
    const before = read.read([route('a', withKey), service, key]);
    expect(before.routes).toHaveLength(1);
    const after = read.read([route('a', withKey), service]);
    expect(after.routes).toEqual([]);
    expect(after.verdicts[0]).toMatchObject({ accepted: true, resolved: false, programmed: false });
    expect(after.verdicts[0]?.reasons).toMatchObject({ resolved: 'RefNotFound', programmed: 'Unresolved' });
    expect(after.verdicts[0]?.message).not.toContain('hush');
  });

  test('a ReferenceGrant that is withdrawn takes the route with it', () => {
    const read = reader();
    const far = { ...service, metadata: { ...service.metadata, namespace: 'far' } };
    const grant = object('ReferenceGrant', 'grant', {
      spec: {
        from: [{ group: 'aigateway.envoyproxy.io', kind: 'MCPRoute', namespace: 'ns' }],
        to: [{ group: '', kind: 'Service' }],
      },
    });
    const there = { ...grant, metadata: { ...grant.metadata, namespace: 'far' } };
    expect(read.read([route('a', { namespace: 'far' }), far, there]).routes).toHaveLength(1);
    const after = read.read([route('a', { namespace: 'far' }), far]);
    expect(after.routes).toEqual([]);
    expect(after.verdicts[0]?.reasons).toMatchObject({ resolved: 'RefNotPermitted' });
  });

  test('of two that no request can tell apart the first is served', () => {
    const { routes, verdicts } = reader().read([route('a', {}, '/x'), route('b', {}, '/x'), service]);
    expect(routes.map(({ name }) => name)).toEqual(['a']);
    expect(verdicts[1]).toMatchObject({ accepted: false, programmed: false, reasons: { accepted: 'Conflicted' } });
  });

  test('what the gateway cannot enforce is refused', () => {
    const { routes, verdicts } = reader('cannot be enforced').read([route('a'), service]);
    expect(routes).toEqual([]);
    expect(verdicts[0]).toMatchObject({ accepted: false, reasons: { accepted: 'UnsupportedValue' } });
    expect(verdicts[0]?.message).toContain('cannot be enforced');
  });

  test('a Service that nobody has made is said, and the route is served', () => {
    const { routes, verdicts } = reader().read([route('a')]);
    expect(routes).toHaveLength(1);
    expect(verdicts[0]).toMatchObject({ accepted: true, resolved: false, programmed: true });
    expect(verdicts[0]?.message).toBe('Service ns/tools is not there');
  });
});
