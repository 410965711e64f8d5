/** Which listeners of a Gateway lead to a route, and what of a Gateway is passed over. */
import { expect, test } from 'vitest';
import { aRoute, reading, type Reading } from './reading.ts';

function withGateway(listeners: readonly object[], more: object = {}, parentRef = '{ name: gw }'): Reading {
  const gateway = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'gw' },
    spec: { gatewayClassName: 'c', listeners, ...more },
  };
  return reading(`${JSON.stringify(gateway)}\n---\n${aRoute().replace('{ name: gw }', parentRef)}`);
}

const http = { name: 'web', protocol: 'HTTP', port: 8_080 };

test('only those that speak HTTP', () => {
  const stream = { name: 'stream', protocol: 'TCP', port: 9_000 };
  const both = withGateway([stream, http]);
  expect([both.faults, both.routes[0]?.ports]).toEqual([[], [8_080]]);
  expect(withGateway([stream]).faults).toEqual([
    expect.stringContaining('spec.parentRefs[0]: the listener does not speak HTTP'),
  ]);
});

function taking(...kinds: readonly string[]): Reading {
  return withGateway([{ ...http, allowedRoutes: { kinds: kinds.map((kind) => ({ kind })) } }]);
}

test('only those that take the kind', () => {
  for (const kinds of [[], ['HTTPRoute'], ['GRPCRoute', 'MCPRoute']]) expect(taking(...kinds).faults).toEqual([]);
  expect(taking('GRPCRoute').faults).toEqual([
    expect.stringContaining('spec.parentRefs[0]: the listener takes no MCPRoute'),
  ]);
});

test('a selector of namespaces is taken to let the route in, which is told', () => {
  const allowedRoutes = { namespaces: { from: 'Selector', selector: { matchLabels: { a: 'b' } } } };
  const gateway = JSON.stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'gw', namespace: 'far' },
    spec: { gatewayClassName: 'c', listeners: [{ ...http, allowedRoutes }] },
  });
  const { routes, warnings } = reading(
    `${gateway}\n---\n${aRoute().replace('{ name: gw }', '{ name: gw, namespace: far }')}`,
  );
  expect(routes[0]?.ports).toEqual([8_080]);
  expect(warnings).toEqual([
    expect.stringMatching(/spec\.listeners\[0\]\.allowedRoutes\.namespaces\.selector: taken to let in every namespace/),
  ]);
});

test('what is passed over is told, once for two routes', () => {
  const listener = { ...http, protocol: 'HTTPS', tls: { options: { a: 'b' } } };
  const more = { infrastructure: { labels: {} }, addresses: [], tls: {} };
  const gateway = withGateway([listener], more);
  expect(gateway.faults).toEqual([]);
  const told = [
    'spec.addresses',
    'spec.infrastructure',
    'spec.listeners[0].tls',
    'spec.listeners[0].tls.options',
    'spec.tls',
  ];
  expect(gateway.warnings.map((one) => /spec\.[^:]+/.exec(one)?.[0] ?? one).toSorted()).toEqual(told);
});

test('a parent that is no Gateway by its group is none', () => {
  const { routes, warnings } = withGateway([http], {}, '{ name: gw, group: example.com }');
  expect(routes[0]?.ports).toBeUndefined();
  expect(warnings).toEqual([
    expect.stringContaining('spec.parentRefs[0]: no Gateway of the Gateway API, by its group'),
  ]);
});
