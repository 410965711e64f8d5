/** MCPRoutes with the objects they lead to: what they come to, and what is wrong, each with its place and never a secret. */
import { describe, expect, test } from 'vitest';
import { Findings } from '../../../src/config/findings.ts';
import { documentOf } from '../../../src/config/mcp-route/documents.ts';
import { readMcpRouteDocuments } from '../../../src/config/mcp-route/read.ts';
import { makeAuthority } from '../../support/certificates.ts';
import { aRoute, reading } from './reading.ts';

const also = (...documents: readonly string[]): string => ['', ...documents].join('\n---\n');
const toBackend = aRoute().replace('      port: 80', '      kind: Backend\n      group: gateway.envoyproxy.io');
const backend = (spec: string, kind = 'Backend'): string =>
  `apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: ${kind}\nmetadata: { name: s }\nspec: ${spec}`;
const secret = (name: string, rest: string, namespace = 'default'): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: ${namespace} }\n${rest}`;

const urlOf = (text: string): unknown => {
  const { routes, faults } = reading(text);
  expect(faults).toEqual([]);
  const [upstream] = routes[0]!.upstreams;
  return upstream!.transport.kind === 'http' ? upstream!.transport.url : undefined;
};

describe('where a backend is', () => {
  for (const [about, text, url] of [
    ['a Service by its name in the cluster', aRoute(), 'http://s.default.svc/mcp'],
    ['a Service at port 443 speaks TLS', aRoute().replace('port: 80', 'port: 443'), 'https://s.default.svc/mcp'],
    [
      'a name',
      toBackend + also(backend('{ endpoints: [{ fqdn: { hostname: a.example.com, port: 8080 } }] }')),
      'http://a.example.com:8080/mcp',
    ],
    [
      'a name at port 443',
      toBackend + also(backend('{ endpoints: [{ fqdn: { hostname: a.example.com, port: 443 } }] }')),
      'https://a.example.com/mcp',
    ],
    [
      'an address',
      toBackend + also(backend('{ endpoints: [{ ip: { address: "fd00::7", port: 80 } }] }')),
      'http://[fd00::7]/mcp',
    ],
    [
      'tls of the Backend',
      toBackend +
        also(
          backend('{ endpoints: [{ fqdn: { hostname: a.example.com, port: 8443 } }], tls: { sni: b.example.com } }'),
        ),
      'https://a.example.com:8443/mcp',
    ],
    [
      'an ExternalName',
      aRoute() +
        also(
          'apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { type: ExternalName, externalName: x.example.com, ports: [{ port: 80 }] }',
        ),
      'http://x.example.com/mcp',
    ],
    ['a path with a query', aRoute('', '      path: /a?b=c'), 'http://s.default.svc/a?b=c'],
    [
      'the key in the query, escaped',
      aRoute('', '      securityPolicy: { apiKey: { inline: "a&b", queryParam: k } }'),
      'http://s.default.svc/mcp?k=a%26b',
    ],
  ] as const) {
    test(about, () => expect(urlOf(text)).toBe(url));
  }

  test('a Unix socket, and TLS by a policy with authorities of its own', () => {
    const policy = [
      'apiVersion: gateway.networking.k8s.io/v1alpha3',
      'kind: BackendTLSPolicy',
      'metadata: { name: p }',
      'spec:',
      '  targetRefs: [{ group: gateway.envoyproxy.io, kind: Backend, name: s }]',
      '  validation: { hostname: a.example.com, caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }] }',
    ].join('\n');
    const pem = makeAuthority().cert;
    const ca = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ca }\ndata: { ca.crt: ${JSON.stringify(pem)} }`;
    const { routes, faults } = reading(
      toBackend + also(backend('{ endpoints: [{ unix: { path: /run/mcp.sock } }] }'), policy, ca),
    );
    expect(faults).toEqual([]);
    expect(routes[0]?.upstreams[0]?.transport).toMatchObject({
      url: 'https://localhost/mcp',
      socketPath: '/run/mcp.sock',
      tls: { serverName: 'a.example.com', ca: [pem] },
    });
  });
});

const withKey = (ref: string): string => aRoute('', `      securityPolicy: { apiKey: { secretRef: ${ref} } }`);

describe('credentials', () => {
  for (const [about, rest] of [
    ['stringData', 'stringData: { apiKey: hunter2 }'],
    ['data', `data: { apiKey: ${Buffer.from('hunter2\n').toString('base64')} }`],
    ['a variable', 'stringData: { apiKey: "${KEY}" }'],
  ] as const) {
    test(`the key of a Secret, by ${about}`, () => {
      const { routes, faults, warnings } = reading(withKey('{ name: k }') + also(secret('k', rest)), {
        KEY: 'hunter2',
      });
      expect(faults).toEqual([]);
      expect(routes[0]?.upstreams[0]).toMatchObject({
        transport: { headers: [['Authorization', 'Bearer hunter2']] },
        credential: { in: 'header', name: 'authorization', from: 'default/k' },
      });
      expect(warnings.join()).not.toContain('hunter2');
    });
  }

  test('the variable that an annotation names stands for the value', () => {
    const annotated = `apiVersion: v1\nkind: Secret\nmetadata: { name: k, annotations: { substitution.aigw.run/env/apiKey: KEY } }\nstringData: { apiKey: KEY }`;
    const { routes } = reading(withKey('{ name: k }') + also(annotated), { KEY: 'hunter2' });
    expect(routes[0]?.upstreams[0]?.transport).toMatchObject({ headers: [['Authorization', 'Bearer hunter2']] });
  });

  test('a Secret of another namespace needs a ReferenceGrant there', () => {
    const text = withKey('{ name: k, namespace: vault }') + also(secret('k', 'stringData: { apiKey: x }', 'vault'));
    expect(reading(text).faults).toEqual([
      '9:57 spec.backendRefs[0].securityPolicy.apiKey.secretRef.namespace: leads into the namespace "vault", which has no ReferenceGrant for it',
    ]);
    const grant = [
      'apiVersion: gateway.networking.k8s.io/v1beta1',
      'kind: ReferenceGrant',
      'metadata: { name: g, namespace: vault }',
      'spec: { from: [{ group: aigateway.envoyproxy.io, kind: MCPRoute, namespace: default }], to: [{ group: "", kind: Secret, name: k }] }',
    ].join('\n');
    expect(reading(text + also(grant)).faults).toEqual([]);
    expect(reading(text + also(grant.replace('name: k', 'name: other'))).faults).toHaveLength(1);
  });

  test('what is missing is named, with what was probably meant, and no fault holds a value', () => {
    const { faults } = reading(
      withKey('{ name: key1 }') +
        also(
          secret('key2', 'stringData: { apikey: hunter2, b: ["hunter2"] }'),
          secret('key3', 'data: { apiKey: "hunter2!" }'),
        ),
    );
    expect(faults.join('\n')).not.toContain('hunter2');
    expect(faults).toEqual(
      [
        '14:33 stringData.b: a list is not accepted here',
        '9:51 spec.backendRefs[0].securityPolicy.apiKey.secretRef.name: there is no Secret "key1" in the namespace "default" among the documents',
      ].map((one) => expect.stringContaining(one.slice(one.indexOf(' ')))),
    );
  });

  test('headers of the client go on under other names; a token only when that was acknowledged', () => {
    const spec = aRoute('', '      forwardHeaders: [{ name: X-User, backendHeader: X-Real }, { name: Authorization }]');
    expect(reading(spec).faults).toEqual(
      [
        "9:74 spec.backendRefs[0].forwardHeaders[1].name: authorization would hand the client's credential for this gateway to the backend, which MCP forbids",
      ].map((one) => expect.stringContaining(one.slice(one.indexOf(' ')))),
    );
    const settings =
      'metadata:\n  name: r\n  annotations:\n    manifold.dev/settings: "{backends: {s: {acknowledgeTokenPassthrough: true}}}"';
    const { routes, faults } = reading(spec.replace('metadata: { name: r }', settings));
    expect(faults).toEqual([]);
    expect(routes[0]?.upstreams[0]).toMatchObject({
      forwardHeaders: ['x-user', 'authorization'],
      forwardedAs: [['x-user', 'x-real']],
    });
  });
});

describe('faults of documents', () => {
  for (const [text, faults] of [
    [
      aRoute().replace('parentRefs', 'parentRef'),
      ['4:1 spec.parentRefs: missing', '5:3 spec.parentRef: unknown field'],
    ],
    [aRoute('  path: "/a?b"'), ['9:3 spec.path: not the path of a URL']],
    [
      aRoute('', '      toolSelector: { includeRegex: ["(?=a)"] }'),
      ['9:37 spec.backendRefs[0].toolSelector.includeRegex[0]: not an RE2 pattern'],
    ],
    [
      aRoute('  backendSelector: { rules: [{ cel: "a b" }] }'),
      ['9:31 spec.backendSelector.rules[0].cel: not an expression of CEL'],
    ],
    ['a: b\na: c\n', ['2:1 (root): the key stands twice in its object']],
    ['a: [b\n', ['2:1 (root): not indented as what stands around it']],
    [aRoute().replace('MCPRoute', 'MCPRoutes'), ['2:1 kind: a kind that its group does not have']],
    [aRoute().replace('v1beta1', 'v2'), ['1:1 apiVersion: a version of MCPRoute that is not read']],
    [
      aRoute('  path: "${GONE}"'),
      ['9:9 spec.path: the environment variable GONE is not set', '9:3 spec.path: not the path of a URL'],
    ],
    [
      toBackend,
      ['7:7 spec.backendRefs[0].name: there is no Backend "s" in the namespace "default" among the documents'],
    ],
    [
      `${aRoute()}---\n${aRoute()}`,
      ['12:13 metadata.name: there is another MCPRoute of this name in the namespace, at f:3:13'],
    ],
  ] as const) {
    test(faults[0], () => {
      const found = reading(text).faults;
      expect(found.map((one) => one.slice(one.indexOf(' ') + 1))).toEqual(
        faults.map((one) => one.slice(one.indexOf(' ') + 1)),
      );
      for (const one of found) expect(one).toMatch(/^[0-9]+:[0-9]+ /);
    });
  }

  test('all of all documents are told at once', () => {
    const { faults } = reading(`${aRoute('  path: a\n  hostnames: [A]')}---\n${backend('{ endpoint: [] }')}`);
    expect(faults).toHaveLength(2);
  });

  test('a variable without quotes may be a number', () => {
    expect(urlOf(aRoute().replace('port: 80', 'port: ${PORT:-8080}'))).toBe('http://s.default.svc:8080/mcp');
    expect(reading(aRoute().replace('port: 80', 'port: "${PORT:-8080}"')).faults).toHaveLength(1);
  });

  test('kinds that are not read are named once; nothing in them is touched', () => {
    const pod = 'apiVersion: v1\nkind: Pod\nspec: { command: "echo ${HOME}" }';
    const { faults, warnings } = reading(`${aRoute()}---\n${pod}\n---\n${pod}`);
    expect(faults).toEqual([]);
    expect(warnings).toContain('f: passed over: Pod; the kind is not read');
  });
});

test('listeners give host names and ports', () => {
  const gateway = [
    'apiVersion: gateway.networking.k8s.io/v1',
    'kind: Gateway',
    'metadata: { name: gw }',
    'spec:',
    '  gatewayClassName: c',
    '  listeners:',
    '    - { name: a, port: 80, protocol: HTTP, hostname: "*.example.com" }',
    '    - { name: b, port: 81, protocol: HTTP, hostname: other.org }',
  ].join('\n');
  const { routes, faults } = reading(aRoute('  hostnames: [x.example.com, y.org]') + also(gateway));
  expect(faults).toEqual([]);
  expect(routes[0]).toMatchObject({ hosts: ['x.example.com'], ports: [80, 81] });
  expect(reading(aRoute('  hostnames: [y.org]') + also(gateway)).faults).toEqual([
    expect.stringContaining('spec.hostnames: none of them is one of the listener'),
  ]);
  expect(
    reading(aRoute() + also(gateway.replace('{ name: gw }', '{ name: gw, namespace: infra }'))).warnings,
  ).toHaveLength(1);
});

const annotated = (text: string): string =>
  aRoute().replace(
    'metadata: { name: r }',
    `metadata:\n  name: r\n  annotations:\n    manifold.dev/settings: |\n${text}`,
  );

test('settings of ours are read, and what is wrong with them is told at their annotation', () => {
  const { routes, faults } = reading(
    annotated(
      [
        '      backends:',
        '        s:',
        '          timeouts: { connect: 2s, silence: 1m30s }',
        '          breaker: off',
        '          resourceSelector: { include: ["file:///a"] }',
        '          tools: { search: { rename: find, arguments: { v: { preset: 2, hidden: true } } } }',
      ].join('\n'),
    ),
  );
  expect(faults).toEqual([]);
  expect(routes[0]?.upstreams[0]).toMatchObject({
    timeoutMs: 90_000,
    limits: { connectTimeoutMs: 2_000, breaker: 'off' },
    resources: { include: new Set(['file:///a']) },
    overrides: new Map([['search', { rename: 'find', arguments: new Map([['v', { preset: 2, hidden: true }]]) }]]),
  });
  expect(reading(annotated('      backends: { t: { timeout: 2s } }')).faults).toEqual([
    '6:5 metadata.annotations["manifold.dev/settings"].backends.t.timeout: unknown field',
  ]);
  expect(
    reading(aRoute().replace('{ name: r }', '{ name: r, annotations: { manifold.dev/setting: "{}" } }')).faults,
  ).toEqual(['3:37 metadata.annotations["manifold.dev/setting"]: unknown annotation']);
});

test('objects of a cluster are read without any text', () => {
  const findings = new Findings();
  const value = {
    apiVersion: 'aigateway.envoyproxy.io/v1beta1',
    kind: 'MCPRoute',
    metadata: { name: 'r', namespace: 'n', uid: 'u' },
    spec: { parentRefs: [{ name: 'gw' }], backendRefs: [{ name: 's', port: 80, path: '/${x}' }] },
  };
  const routes = readMcpRouteDocuments([documentOf(value, 'MCPRoute n/r')], {}, findings);
  expect(findings.faults).toEqual([]);
  expect(routes[0]?.upstreams[0]?.transport).toMatchObject({ url: 'http://s.n.svc/$%7Bx%7D' });
});
