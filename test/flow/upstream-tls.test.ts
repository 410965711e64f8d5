/** How TLS is spoken to upstreams: by the key `manifold`, by the objects of an MCPRoute, and over a Unix socket. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority, type Authority, type Certificate } from '../support/certificates.ts';
import { startGateway } from '../support/gateway-process.ts';
import { openSession } from '../support/plain-client.ts';
import { startStatefulServer, type StatefulServer } from '../support/stateful-server.ts';
import { startSocketFront, startTlsFront, type TlsFront } from '../support/tls-front.ts';

let directory: string;
let authority: Authority;
let client: Certificate;
let server: StatefulServer;
/** Its certificate is for mcp.example.com and spiffe://mesh/mcp, and it asks clients for theirs. */
let front: TlsFront;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tls-'));
  authority = makeAuthority();
  client = authority.sign('/CN=gateway', []);
  server = await startStatefulServer({ name: 'secure' });
  const { cert, key } = authority.sign('/CN=mcp', ['DNS:mcp.example.com', 'URI:spiffe://mesh/mcp']);
  front = await startTlsFront(server.port, {
    cert,
    key,
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: false,
  });
});
afterAll(() => rm(directory, { recursive: true }));

function configWith(tls: object | undefined, url = `https://127.0.0.1:${front.port}/mcp`): object {
  return {
    mcpServers: { secure: { url } },
    ...(tls !== undefined && { manifold: { backends: { secure: { tls } } } }),
  };
}

async function toolsThrough(args: { readonly config?: unknown; readonly args?: readonly string[] }): Promise<string[]> {
  const gateway = await startGateway({ ...args, admin: false });
  // A session begins only while an upstream answers.
  const answered = await openSession(gateway.url).then(
    (session) => session.ask('tools/list'),
    () => undefined,
  );
  const tools = (answered?.result?.['tools'] ?? []) as { name: string }[];
  await gateway.kill();
  return tools.map(({ name }) => name);
}

const all = expect.arrayContaining(['secure__echo']) as unknown;

describe('the key manifold of an mcpServers file', () => {
  test('authorities, server name and client certificate', async () => {
    const { certFile, keyFile } = client;
    const tls = { caFile: authority.certFile, serverName: 'mcp.example.com', certificateFile: certFile, keyFile };
    expect(await toolsThrough({ config: configWith(tls) })).toEqual(all);
    expect(front.connections.at(-1)).toEqual({ serverName: 'mcp.example.com', client: 'gateway' });
  });

  for (const [about, tls] of [
    ['an authority that is not given', { serverName: 'mcp.example.com' }],
    ['a certificate for another name', { caFile: true }],
    ['a version that the server does not have', { caFile: true, serverName: 'mcp.example.com', minVersion: '1.3' }],
  ] as const)
    test(`${about}: the server gets no request`, async () => {
      const { cert, key } = authority.sign('/CN=mcp', ['DNS:mcp.example.com']);
      const old = await startTlsFront(server.port, { cert, key, maxVersion: 'TLSv1.2' });
      const seen = server.requests.length;
      const given = { ...tls, ...('caFile' in tls && { caFile: authority.certFile }) };
      const gateway = await startGateway({
        config: configWith(given, `https://127.0.0.1:${old.port}/mcp`),
        admin: false,
      });
      expect(gateway.stdout.join('\n')).toContain('down');
      expect(server.requests.length).toBe(seen);
    });

  test('verify: false takes any certificate', async () => {
    expect(await toolsThrough({ config: configWith({ verify: false }) })).toEqual(all);
  });

  test('a changed authority file is read again while it serves', async () => {
    const caFile = join(directory, 'ca.pem');
    await copyFile(makeAuthority('Another').certFile, caFile);
    const file = join(directory, 'servers.json');
    await writeFile(file, JSON.stringify(configWith({ caFile, serverName: 'mcp.example.com' })));
    const gateway = await startGateway({ args: [file] });
    expect(gateway.stdout.join('\n')).toContain('down');
    await copyFile(authority.certFile, caFile);
    await expect
      .poll(async () => {
        const { result } = await (await openSession(gateway.url)).ask('tools/list');
        return ((result?.['tools'] ?? []) as { name: string }[]).map(({ name }) => name);
      })
      .toEqual(all);
  });

  test('a Unix socket in place of the host', async () => {
    const path = join(directory, 'mcp.sock');
    await startSocketFront(server.port, path);
    const config = {
      mcpServers: { secure: { url: 'http://localhost/mcp' } },
      manifold: { backends: { secure: { unixSocket: path } } },
    };
    expect(await toolsThrough({ config })).toEqual(all);
  });
});

const route = (group: string, kind: string): string =>
  [
    'apiVersion: aigateway.envoyproxy.io/v1beta1',
    'kind: MCPRoute',
    'metadata: { name: r }',
    'spec:',
    '  parentRefs: [{ name: g }]',
    `  backendRefs: [{ name: secure, group: ${group}, kind: ${kind} }]`,
  ].join('\n');
const data = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, text]) => `  ${name}: ${JSON.stringify(text)}`)
    .join('\n');
const trusted = (): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ca }\ndata:\n${data({ 'ca.crt': authority.cert })}`;
const backend = (spec: string): string =>
  `apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: { name: secure }\nspec: ${spec}`;
const policy = (validation: string): string =>
  [
    'apiVersion: gateway.networking.k8s.io/v1',
    'kind: BackendTLSPolicy',
    'metadata: { name: p }',
    'spec:',
    '  targetRefs: [{ group: gateway.envoyproxy.io, kind: Backend, name: secure }]',
    `  validation: ${validation}`,
  ].join('\n');

async function toolsOf(...documents: readonly string[]): Promise<string[]> {
  const file = join(directory, `route-${documents.length}-${Math.floor(performance.now())}.yaml`);
  await writeFile(file, documents.join('\n---\n'));
  return await toolsThrough({ args: [file] });
}

describe('objects beside an MCPRoute', () => {
  test('BackendTLSPolicy: authorities and the name of the server', async () => {
    const found = await toolsOf(
      route('gateway.envoyproxy.io', 'Backend'),
      backend(`{ endpoints: [{ ip: { address: 127.0.0.1, port: ${front.port} } }] }`),
      policy('{ hostname: mcp.example.com, caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }] }'),
      trusted(),
    );
    expect(found).toEqual(all);
    expect(front.connections.at(-1)).toEqual({ serverName: 'mcp.example.com', client: undefined });
  });

  for (const [uri, expected] of [
    ['spiffe://mesh/mcp', all],
    ['spiffe://mesh/other', []],
  ] as const)
    test(`BackendTLSPolicy: the certificate must be for ${uri}; the host name is only asked for`, async () => {
      const found = await toolsOf(
        route('gateway.envoyproxy.io', 'Backend'),
        backend(`{ endpoints: [{ ip: { address: 127.0.0.1, port: ${front.port} } }] }`),
        policy(
          `{ hostname: asked.example.com, subjectAltNames: [{ type: URI, uri: "${uri}" }], caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }] }`,
        ),
        trusted(),
      );
      expect(found).toEqual(expected);
    });

  test('Backend: its own authorities, server name and client certificate', async () => {
    const found = await toolsOf(
      route('gateway.envoyproxy.io', 'Backend'),
      backend(
        `{ endpoints: [{ ip: { address: 127.0.0.1, port: ${front.port} } }], tls: { sni: mcp.example.com, caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }], clientCertificateRef: { name: pair } } }`,
      ),
      trusted(),
      `apiVersion: v1\nkind: Secret\nmetadata: { name: pair }\nstringData:\n${data({ 'tls.crt': client.cert, 'tls.key': client.key })}`,
    );
    expect(found).toEqual(all);
    expect(front.connections.at(-1)).toEqual({ serverName: 'mcp.example.com', client: 'gateway' });
  });

  test('Backend: a Unix socket', async () => {
    const path = join(directory, 'backend.sock');
    await startSocketFront(server.port, path);
    expect(
      await toolsOf(route('gateway.envoyproxy.io', 'Backend'), backend(`{ endpoints: [{ unix: { path: ${path} } }] }`)),
    ).toEqual(all);
  });
});
