/** Which BackendTLSPolicy counts for a backend, and what it may say. */
import { expect, test } from 'vitest';
import { reading, type Reading } from './reading.ts';

interface Policy {
  readonly name: string;
  readonly host: string;
  readonly sectionName?: string;
  readonly made?: string;
  readonly authorities?: string;
}

function withPolicies(...policies: readonly Policy[]): Reading {
  const objects = [
    {
      apiVersion: 'aigateway.envoyproxy.io/v1beta1',
      kind: 'MCPRoute',
      metadata: { name: 'r' },
      spec: { parentRefs: [{ name: 'gw' }], backendRefs: [{ name: 's', port: 80 }] },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ name: 'web', port: 80 }] } },
    ...policies.map(({ name, host, sectionName, made, authorities = 'System' }) => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'BackendTLSPolicy',
      metadata: { name, creationTimestamp: made },
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name: 's', sectionName }],
        validation: { hostname: host, wellKnownCACertificates: authorities },
      },
    })),
  ];
  return reading(objects.map((one) => JSON.stringify(one)).join('\n---\n'));
}

function nameFor(...policies: readonly Policy[]): string | undefined {
  const transport = withPolicies(...policies).routes[0]?.upstreams[0]?.transport;
  return transport?.kind === 'http' ? transport.tls?.serverName : undefined;
}

test('one for the port before one for all, the older, then the first by name', () => {
  const all = { name: 'a', host: 'all' };
  expect(nameFor(all, { name: 'b', host: 'port', sectionName: 'web' })).toBe('port');
  expect(nameFor(all, { name: 'b', host: 'other-port', sectionName: 'admin' })).toBe('all');
  expect(
    nameFor({ ...all, made: '2026-02-01T00:00:00Z' }, { name: 'b', host: 'old', made: '2026-01-01T00:00:00Z' }),
  ).toBe('old');
  expect(nameFor({ name: 'b', host: 'second' }, all)).toBe('all');
});

test('the one that does not count is told', () => {
  const { warnings } = withPolicies({ name: 'b', host: 'second' }, { name: 'a', host: 'first' });
  expect(warnings).toContainEqual(
    expect.stringContaining('metadata.name: passed over: the policy "a" is for the same'),
  );
  const apart = withPolicies({ name: 'b', host: 'second', sectionName: 'web' }, { name: 'a', host: 'first' });
  expect(apart.warnings.join()).not.toContain('is for the same');
});

test('a set of certificates that is not known is a fault, not the public ones', () => {
  expect(withPolicies({ name: 'a', host: 'h', authorities: 'example.com/ours' }).faults).toEqual([
    expect.stringContaining('wellKnownCACertificates: a set of certificates that is not known here'),
  ]);
});

test('a policy that names a backend and a port of it is refused, as there', () => {
  const target = { group: '', kind: 'Service', name: 's' };
  const policy = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata: { name: 'p' },
    spec: {
      targetRefs: [{ ...target, sectionName: 'web' }, target],
      validation: { hostname: 'h', wellKnownCACertificates: 'System' },
    },
  };
  expect(reading(JSON.stringify(policy)).faults).toEqual([
    expect.stringContaining('sectionName must be specified when targetRefs includes 2 or more references to the same'),
  ]);
});
