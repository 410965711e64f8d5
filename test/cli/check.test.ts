/** `manifold check`: what a file comes to, or all that is wrong with it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckOptions } from '../../src/cli/arguments.ts';
import { check } from '../../src/cli/check.ts';
import { recordingIo } from './recording-io.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'manifold-check-'));
});
afterAll(() => rm(directory, { recursive: true }));

function given(files: readonly string[], more: Partial<CheckOptions> = {}): CheckOptions {
  return { files, mcpConfig: [], mcpJson: [], output: 'table', diff: false, ...more };
}

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

test('a valid file gives its plan on stdout and 0, without any secret', async () => {
  const path = await file(
    'good.json',
    JSON.stringify({
      mcpServers: {
        docs: {
          url: 'https://example.com/mcp?key=hunter2',
          headers: { Authorization: 'Bearer ${TOKEN}' },
          includeTools: ['read', 'find'],
          excludeTools: ['find'],
          timeout: 60_000,
          onSessionLoss: 'error',
          forwardHeaders: ['X-Tenant'],
        },
        files: { command: 'npx', args: ['--token', 'hunter2'], env: { KEY: 'hunter2' } },
        'old one': { type: 'sse', url: 'http://localhost:3000/sse', tools: [] },
      },
    }),
  );
  const io = recordingIo({ TOKEN: 'hunter2' });
  expect(await check(given([path]), io)).toBe(0);
  expect(io.said().out).toBe(
    [
      `${path}: valid`,
      '  /mcp  route "default", 3 upstreams',
      '    docs     http   https://example.com/mcp    timeout 60 s; tools read, find but find; a lost session is an error; headers Authorization; forwards x-tenant',
      '    files    stdio  npx (2 arguments)          timeout 300 s; all tools',
      '    old-one  sse    http://localhost:3000/sse  timeout 300 s; tools none',
      '',
    ].join('\n'),
  );
  expect(io.said().err).toBe(
    [
      `${path}: warning: mcpServers["old one"]: its tools begin with "old-one__"`,
      `${path}: warning: mcpServers["old one"].tools: an empty list shows no tool at all`,
      '',
    ].join('\n'),
  );
});

test('every fault of every file is told on stderr, and the code is 1', async () => {
  const bad = await file('bad.json', '{"mcpServers":{"a":{"url":"x","timeout":-1},"b":{}}}');
  const good = await file('fine.json', '{"mcpServers":{"a":{"command":"x"}}}');
  const yaml = await file('route.yaml', 'kind: MCPRoute\n');
  const gone = join(directory, 'gone.json');
  const empty = join(directory, 'empty');
  await mkdir(empty);
  const io = recordingIo();
  expect(await check(given([bad, gone, good, yaml, empty]), io)).toBe(1);
  expect(io.said()).toEqual({
    out: '',
    err: [
      '5 sources: 6 faults',
      `  (file): ${gone}: there is no such file or directory. Give the path of a configuration file`,
      `  (file): ${empty}: a directory without configuration files. Files end in .yaml, .yml, .json or .jsonc`,
      `  ${bad}: mcpServers.a.url: not a web address. Give an http:// or https:// URL`,
      `  ${bad}: mcpServers.a.timeout: a timeout outside of 100 ms to 86400000 ms. Give milliseconds: 60 seconds are 60000`,
      `  ${bad}: mcpServers.b: neither a "url" nor a "command". Give the "url" of a remote server or the "command" that starts a local one`,
      `  ${yaml}:1:1: apiVersion: not an object of Kubernetes: "apiVersion" or "kind" is missing. Give both, such as apiVersion: aigateway.envoyproxy.io/v1beta1 and kind: MCPRoute`,
      '',
    ].join('\n'),
  });
});

const route = [
  'apiVersion: aigateway.envoyproxy.io/v1beta1',
  'kind: MCPRoute',
  'metadata: { name: tools }',
  'spec:',
  '  parentRefs: [{ name: gw }]',
  '  path: /tools',
  '  hostnames: [mcp.example.com, "*.example.org"]',
  '  headers: [{ name: X-Tenant, value: "a.*", type: RegularExpression }]',
  '  backendRefs:',
  '    - name: github',
  '      kind: Backend',
  '      group: gateway.envoyproxy.io',
  '      path: /mcp/x',
  '      toolSelector: { includeRegex: [".*issues?.*"], exclude: [delete_issue] }',
  '      securityPolicy: { apiKey: { secretRef: { name: token } } }',
  '      forwardHeaders: [{ name: X-User, backendHeader: X-Real-User }]',
  '  securityPolicy:',
  '    oauth:',
  '      issuer: https://auth.example.com',
  '      protectedResourceMetadata: { resource: https://mcp.example.com/tools, scopesSupported: [read] }',
  '    authorization:',
  '      rules: [{ source: { jwt: { scopes: [read] } }, target: { tools: [{ backend: github, tool: list_issues }] } }]',
  '---',
].join('\n');
const backend = [
  'apiVersion: gateway.envoyproxy.io/v1alpha1',
  'kind: Backend',
  'metadata: { name: github }',
  'spec: { endpoints: [{ fqdn: { hostname: api.example.com, port: 443 } }] }',
  '---',
  'apiVersion: v1',
  'kind: Secret',
  'metadata: { name: token }',
  'stringData: { apiKey: "${GITHUB_TOKEN}" }',
].join('\n');

test('files of a directory and an mcpServers text make one plan', async () => {
  const folder = join(directory, 'routes');
  await mkdir(folder);
  await writeFile(join(folder, 'a.yaml'), route);
  await writeFile(join(folder, 'b.yml'), backend);
  await writeFile(join(folder, 'notes.txt'), 'not read');
  const io = recordingIo({ GITHUB_TOKEN: 'hunter2' });
  const json = '{"mcpServers":{"docs":{"url":"https://docs.example.com/mcp"}}}';
  expect(await check(given([folder], { mcpJson: [json] }), io)).toBe(0);
  expect(io.said().out).toBe(
    [
      '2 sources: valid',
      '  /mcp  route "default", 1 upstream',
      '    docs  http  https://docs.example.com/mcp  timeout 300 s; all tools',
      '  mcp.example.com/tools, *.example.org/tools  route "default/tools", 1 upstream',
      '    headers: x-tenant ~ a.*',
      '    oauth: issuer https://auth.example.com; audiences https://mcp.example.com/tools; keys discovered',
      '      resource https://mcp.example.com/tools; scopes read',
      '    authorization:',
      '      Allow: scopes read; github/list_issues',
      '      else Deny',
      '    github  http  https://api.example.com/mcp/x  timeout 300 s; tools /.*issues?.*/ but delete_issue; key of default/token in header authorization; forwards x-user as x-real-user',
      '',
    ].join('\n'),
  );
  expect(JSON.stringify(io.said())).not.toContain('hunter2');
});

test('--output json gives the plan to programs, without any secret', async () => {
  const path = await file('all.yaml', `${route}\n${backend}`);
  const io = recordingIo({ GITHUB_TOKEN: 'hunter2' });
  expect(await check(given([path], { output: 'json' }), io)).toBe(0);
  expect(io.said().out).not.toContain('hunter2');
  expect(JSON.parse(io.said().out)).toMatchObject({
    routes: [
      {
        route: 'default/tools',
        path: '/tools',
        hosts: ['mcp.example.com', '*.example.org'],
        upstreams: [
          {
            id: 'github',
            target: 'https://api.example.com/mcp/x',
            credential: { in: 'header', name: 'authorization', from: 'default/token' },
            tools: { includeRegex: ['.*issues?.*'], exclude: ['delete_issue'] },
          },
        ],
        security: { oauth: { issuer: 'https://auth.example.com' } },
      },
    ],
  });
});

function secured(audience: string): string {
  return JSON.stringify({
    mcpServers: { a: { url: 'http://a/mcp' } },
    manifold: {
      backends: { a: { retries: { attempts: audience.length } } },
      routes: {
        r: {
          servers: ['a'],
          securityPolicy: {
            oauth: {
              issuer: 'https://auth.example.com',
              audiences: [audience],
              protectedResourceMetadata: { resource: 'https://mcp.example.com/mcp' },
            },
          },
        },
      },
    },
  });
}

test('--diff tells what a reload would change, by name', async () => {
  const old = await file('old.json', '{"mcpServers":{"a":{"url":"http://a/mcp"},"b":{"url":"http://b/mcp"}}}');
  const next = await file(
    'next.json',
    JSON.stringify({
      mcpServers: { a: { url: 'http://a/mcp', headers: { K: 'hunter2' } }, c: { command: 'x' } },
    }),
  );
  const io = recordingIo();
  expect(await check(given([old, next], { diff: true }), io)).toBe(0);
  expect(io.said().out).toBe('~ route default\n  ~ upstream a: headers\n  + upstream c\n  - upstream b\n');
  const deep = recordingIo();
  const both = [await file('one.json', secured('a')), await file('other.json', secured('bb'))];
  expect(await check(given(both, { diff: true }), deep)).toBe(0);
  expect(deep.said().out).toBe('~ route r: security.oauth.audiences\n  ~ upstream a: limits.retries.attempts\n');
  const same = recordingIo();
  expect(await check(given([old, old], { diff: true }), same)).toBe(0);
  expect(same.said().out).toBe('no difference\n');
});

test('no secret of the gateway as a client of an authorization server is in the plan', async () => {
  const client = { issuer: 'https://auth.example.com', clientId: 'gateway', clientSecret: '${TOKEN}' };
  const introspection = { clientId: 'gateway', clientSecret: '${TOKEN}' };
  const path = await file(
    'client.json',
    JSON.stringify({
      mcpServers: { a: { url: 'http://a.example.com/mcp' } },
      manifold: {
        backends: { a: { grant: { clientCredentials: client }, public: true } },
        routes: {
          r: {
            servers: ['a'],
            securityPolicy: {
              oauth: {
                issuer: 'https://auth.example.com',
                protectedResourceMetadata: { resource: 'https://mcp.example.com/mcp' },
              },
              extAuth: {
                grpc: { backendRefs: [{ name: 'check', port: 80 }] },
                bodyToExtAuth: { maxRequestBytes: 7 },
                contextExtensions: [{ name: 'n', value: '${TOKEN}' }],
              },
            },
            security: {
              oauth: { introspection, issuers: [{ issuer: 'https://other.example.com', introspection }] },
              revocation: { tokens: ['t1'] },
            },
          },
        },
      },
    }),
  );
  for (const output of ['json', 'table'] as const) {
    const io = recordingIo({ TOKEN: 'hunter2' });
    expect(await check(given([path], { output }), io)).toBe(0);
    const { out, err } = io.said();
    expect(out + err).not.toContain('hunter2');
    if (output === 'table') {
      expect(out).toContain('token by clientCredentials of https://auth.example.com');
      expect(out).toContain(
        'external authorization: grpc http://check.default.svc/; bodies up to 7 bytes; 403 when it fails',
      );
    } else
      expect(JSON.parse(out)).toMatchObject({
        routes: [
          {
            upstreams: [
              {
                grant: { kind: 'clientCredentials', clientId: 'gateway', method: 'client_secret_basic' },
                public: true,
              },
            ],
            security: {
              oauth: {
                tokens: { introspection: { clientId: 'gateway', credential: { method: 'client_secret_basic' } } },
                furtherIssuers: [{ issuer: 'https://other.example.com' }],
              },
              extAuth: { maxBodyBytes: 7, contextExtensions: ['n'] },
              revocation: { tokens: ['t1'] },
            },
          },
        ],
      });
  }
});
