/** The rules of the MCPRoute CRD: the cases that its own tests accept and reject, by what each of them is about. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { aRoute, reading } from './reading.ts';

const oauth = [
  '    oauth:',
  '      issuer: https://auth.example.com/',
  '      protectedResourceMetadata: { resource: https://api.example.com/mcp }',
].join('\n');
const rule = (source: string): string =>
  `    authorization: { rules: [{ source: { jwt: ${source} }, target: { tools: [{ backend: s, tool: echo }] } }] }`;

describe('accepted', () => {
  for (const [about, text] of [
    [
      'a route with everything',
      aRoute(
        `  path: /mcp\n  securityPolicy:\n${oauth}`,
        '      path: /mcp\n      toolSelector: { include: [run] }\n      securityPolicy: { apiKey: { inline: k } }',
      ),
    ],
    ['exclude', aRoute('', '      toolSelector: { exclude: [dangerous] }')],
    ['excludeRegex', aRoute('', '      toolSelector: { excludeRegex: ["^internal_.*"] }')],
    ['include with exclude', aRoute('', '      toolSelector: { include: [read, write], exclude: [write] }')],
    [
      'authorization without a source, and no oauth',
      aRoute('  securityPolicy: { authorization: { rules: [{ target: { tools: [{ backend: s, tool: echo }] } }] } }'),
    ],
    ['the older version', aRoute().replace('v1beta1', 'v1alpha1')],
  ] as const) {
    test(about, () => {
      const { faults, routes } = reading(text);
      expect(faults).toEqual([]);
      expect(routes).toHaveLength(1);
    });
  }
});

describe('rejected', () => {
  for (const [fault, text] of [
    [
      '6:3 spec.backendRefs: all backendRefs names must be unique',
      aRoute().replace('      port: 80', '      port: 80\n    - { name: s, port: 80 }'),
    ],
    ['5:3 spec.parentRefs: only Gateway is supported', aRoute().replace('{ name: gw }', '{ name: gw, kind: Service }')],
    [
      '9:7 spec.backendRefs[0].toolSelector: at least one of include, includeRegex, exclude, or excludeRegex must be specified',
      aRoute('', '      toolSelector: {}'),
    ],
    [
      '9:7 spec.backendRefs[0].toolSelector: include and includeRegex are mutually exclusive',
      aRoute('', '      toolSelector: { include: [a], includeRegex: [a] }'),
    ],
    [
      '9:7 spec.backendRefs[0].toolSelector: exclude and excludeRegex are mutually exclusive',
      aRoute('', '      toolSelector: { exclude: [a], excludeRegex: [a] }'),
    ],
    [
      '9:25 spec.backendRefs[0].securityPolicy.apiKey: exactly one of secretRef or inline must be set',
      aRoute('', '      securityPolicy: { apiKey: { inline: a, secretRef: { name: b } } }'),
    ],
    [
      '9:25 spec.backendRefs[0].securityPolicy.apiKey: exactly one of secretRef or inline must be set',
      aRoute('', '      securityPolicy: { apiKey: {} }'),
    ],
    [
      '9:25 spec.backendRefs[0].securityPolicy.apiKey: only one of header or queryParam can be set',
      aRoute('', '      securityPolicy: { apiKey: { inline: a, header: b, queryParam: c } }'),
    ],
    [
      '13:7 spec.securityPolicy.oauth.jwks: either remoteJWKS or localJWKS must be specified',
      aRoute(`  securityPolicy:\n${oauth}\n      jwks: {}`),
    ],
    [
      '13:7 spec.securityPolicy.oauth.jwks: remoteJWKS and localJWKS cannot both be specified',
      aRoute(
        `  securityPolicy:\n${oauth}\n      jwks: { remoteJWKS: { uri: "https://a" }, localJWKS: { inline: "{}" } }`,
      ),
    ],
    [
      '9:3 spec.securityPolicy: oauth must be configured when any authorization rule uses a jwt source',
      aRoute(`  securityPolicy:\n${rule('{ scopes: [echo] }')}`),
    ],
    [
      "13:49 spec.securityPolicy.authorization.rules[0].source.jwt.claims: 'scope' claim name is reserved for OAuth scopes",
      aRoute(`  securityPolicy:\n${oauth}\n${rule('{ claims: [{ name: scope, values: [a] }] }')}`),
    ],
    [
      '13:42 spec.securityPolicy.authorization.rules[0].source.jwt: either scopes or claims must be specified',
      aRoute(`  securityPolicy:\n${oauth}\n${rule('{}')}`),
    ],
    ['7:7 spec.backendRefs[0]: Must have port for Service reference', aRoute().replace('      port: 80\n', '')],
    [
      '9:3 spec.headers: two matches for one header',
      aRoute('  headers: [{ name: a, value: b }, { name: a, value: c }]'),
    ],
    ['9:15 spec.hostnames[0]: not written as the field demands', aRoute('  hostnames: [Example.com]')],
    ['9:3 spec.path: 1025 characters, more than 1024', aRoute(`  path: /${'a'.repeat(1_024)}`)],
    [
      '9:3 spec.hostnames: 17 entries, more than 16',
      aRoute(`  hostnames: [${Array.from({ length: 17 }, (_, i) => `h${i}`).join(', ')}]`),
    ],
    ['8:7 spec.backendRefs[0].port: outside of what is allowed', aRoute().replace('port: 80', 'port: 65536')],
    ['8:7 spec.backendRefs[0].port: a string is not accepted here', aRoute().replace('port: 80', 'port: "80"')],
    [
      '10:9 spec.backendSelector.defaultAction: not a word that is known here',
      aRoute('  backendSelector:\n        defaultAction: Maybe'),
    ],
  ] as const) {
    test(fault, () => {
      const { faults, routes } = reading(text);
      expect(faults).toEqual([fault]);
      expect(routes).toEqual([]);
    });
  }
});

const shared = new URL('../../../../shared/envoy-examples/', import.meta.url);
const found = existsSync(shared) ? shared : undefined;

const folder = (name: string): URL => new URL(`${name}/`, found);

describe.skipIf(found === undefined)('files of the reference product, which lie beside this project', () => {
  test('crd-cases: the verdict of each is the expected one', () => {
    const rows = readFileSync(new URL('crd-cases/expected.tsv', found), 'utf8').trim().split('\n');
    expect(rows).toHaveLength(18);
    for (const row of rows) {
      const [file = '', verdict = ''] = row.split('\t');
      const { faults } = reading(readFileSync(new URL(file, folder('crd-cases')), 'utf8'));
      if (verdict === 'ok') expect(faults, file).toEqual([]);
      else expect(faults.join('\n'), file).toContain(verdict);
    }
  });

  for (const name of ['e2e', 'examples']) {
    test(`${name}: every file gives its routes`, () => {
      const files = readdirSync(folder(name)).filter((file) => file.endsWith('.yaml'));
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const text = readFileSync(new URL(file, folder(name)), 'utf8');
        const { faults, routes } = reading(text);
        expect(faults, file).toEqual([]);
        expect(routes, file).toHaveLength(text.split(/^kind: MCPRoute$/m).length - 1);
      }
    });
  }
});

describe('headers that the protocol sets are refused, whatever names them', () => {
  test.each([
    'Mcp-Session-Id',
    'MCP-Protocol-Version',
    'Content-Type',
    'Transfer-Encoding',
    'Mcp-Method',
    'Accept',
    'Host',
    'Proxy-Authorization',
    'Keep-Alive',
    'Upgrade',
    'HTTP2-Settings',
    'Connection',
  ])('%s', (header) => {
    const key = reading(aRoute('', `      securityPolicy: { apiKey: { inline: k, header: ${header} } }`));
    expect(key.faults).toEqual([expect.stringContaining('apiKey.header: a header that the gateway sets itself')]);
    const from = reading(aRoute('', `      forwardHeaders: [{ name: ${header} }]`));
    expect(from.faults).toEqual([expect.stringContaining('belongs to one hop and is never passed on')]);
    const to = reading(aRoute('', `      forwardHeaders: [{ name: x-a, backendHeader: ${header} }]`));
    expect(to.faults).toEqual([expect.stringContaining('is set by the gateway itself')]);
    const told = reading(
      aRoute(
        [
          '  securityPolicy:',
          '    oauth:',
          '      issuer: https://auth.example.com/',
          '      protectedResourceMetadata: { resource: https://api.example.com/mcp }',
          `      claimToHeaders: [{ claim: sub, header: ${header} }]`,
          '    extAuth:',
          `      http: { backendRefs: [{ name: check, port: 80 }], headersToBackend: [${header}] }`,
        ].join('\n'),
      ),
    );
    expect(told.faults.toSorted()).toEqual([
      expect.stringMatching(/claimToHeaders\[0\]\.header: a header that the gateway sets itself/),
      expect.stringMatching(/extAuth\.http\.headersToBackend\[0\]: a header that the gateway sets itself/),
    ]);
  });
});

function sized(size: string): readonly string[] {
  return reading(
    aRoute(
      `  securityPolicy: { extAuth: { grpc: { backendRefs: [{ name: x, port: 80 }], backendSettings: { connection: { bufferLimit: ${size} } } } } }`,
    ),
  ).faults;
}

test('a size is a whole number or a text with a unit', () => {
  for (const size of ['1024', '32Ki']) expect(sized(size)).toEqual([]);
  expect(sized('7.5')).toEqual([expect.stringContaining('backendSettings.connection.bufferLimit')]);
});
