/** Every field that the definitions have and that means nothing here is named in a warning, at its place. */
import { expect, test } from 'vitest';
import { reading } from './reading.ts';

const route = {
  apiVersion: 'aigateway.envoyproxy.io/v1beta1',
  kind: 'MCPRoute',
  metadata: { name: 'r' },
  spec: {
    parentRefs: [{ name: 'gw' }],
    backendRefs: [{ name: 'b', kind: 'Backend', group: 'gateway.envoyproxy.io', toolSelector: { include: [] } }],
    securityPolicy: {
      oauth: {
        issuer: 'https://auth.example.com',
        jwks: {
          remoteJWKS: {
            uri: 'https://auth.example.com/keys',
            backendRefs: [{ name: 's', port: 80 }],
            backendSettings: { retry: { numRetries: 1 } },
          },
        },
        protectedResourceMetadata: { resource: 'https://mcp.example.com/mcp' },
      },
      extAuth: {
        http: {
          backendRefs: [
            { name: 'one', port: 80, weight: 5 },
            { name: 'two', port: 80, weight: 0 },
            { name: 'three', port: 80, fallback: true },
          ],
          backendSettings: { timeout: { tcp: { connectTimeout: '1s' } } },
        },
        contextExtensions: [{ name: 'a', value: 'b' }],
        recomputeRoute: true,
        includeRouteMetadata: true,
      },
      authorization: { rules: [{ target: { tools: [{ backend: 'nobody', tool: 't' }] } }] },
    },
  },
};
const backend = {
  apiVersion: 'gateway.envoyproxy.io/v1alpha1',
  kind: 'Backend',
  metadata: { name: 'b' },
  spec: {
    appProtocols: ['gateway.envoyproxy.io/h2c'],
    fallback: true,
    endpoints: [
      { fqdn: { hostname: 'a.example.com', port: 443 }, zone: 'z', hostname: 'h.example.com' },
      { fqdn: { hostname: 'b.example.com', port: 443 } },
    ],
    tls: {
      alpnProtocols: ['h2'],
      ciphers: ['x'],
      ecdhCurves: ['x'],
      fingerprints: ['JA3'],
      signatureAlgorithms: ['x'],
    },
  },
};
const policy = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'BackendTLSPolicy',
  metadata: { name: 'p' },
  spec: {
    targetRefs: [{ group: 'gateway.envoyproxy.io', kind: 'Backend', name: 'b' }],
    validation: { hostname: 'a.example.com', wellKnownCACertificates: 'System' },
    options: { a: 'b' },
  },
};

/** Of a warning. */
function pathOf(warning: string): string {
  return warning.replace(/^f:\d+:\d+: /, '').replace(/: .*$/, '');
}

test('each of them', () => {
  const { faults, warnings, routes } = reading(
    [route, backend, policy].map((one) => JSON.stringify(one)).join('\n---\n'),
  );
  expect(faults).toEqual([]);
  // One with weight 0 gets nothing, as there.
  expect(routes[0]?.security?.extAuth?.urls).toEqual(['http://one.default.svc', 'http://three.default.svc']);
  const extAuth = 'spec.securityPolicy.extAuth';
  expect(warnings.map(pathOf).toSorted()).toEqual(
    [
      'spec.appProtocols',
      'spec.backendRefs[0].toolSelector.include',
      'spec.endpoints',
      'spec.endpoints[0].hostname',
      'spec.endpoints[0].zone',
      'spec.fallback',
      'spec.options',
      'spec.parentRefs[0]',
      'spec.securityPolicy.authorization.rules[0].target.tools[0].backend',
      `${extAuth}.contextExtensions`,
      `${extAuth}.http.backendRefs[0].weight`,
      `${extAuth}.http.backendRefs[2].fallback`,
      `${extAuth}.http.backendSettings`,
      `${extAuth}.includeRouteMetadata`,
      `${extAuth}.recomputeRoute`,
      'spec.securityPolicy.oauth',
      'spec.securityPolicy.oauth.jwks.remoteJWKS.backendRefs',
      'spec.securityPolicy.oauth.jwks.remoteJWKS.backendSettings',
      'spec.tls.alpnProtocols',
      'spec.tls.ciphers',
      'spec.tls.ecdhCurves',
      'spec.tls.fingerprints',
      'spec.tls.signatureAlgorithms',
    ].toSorted(),
  );
});
