/** The listener speaks TLS: its certificate is renewed while it serves, and clients may be asked for theirs. */
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askingToolNames } from '../support/asking-tools.ts';
import { makeAuthority, type Authority, type Certificate } from '../support/certificates.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { modernRequest } from '../support/modern-client.ts';
import { initializeText, listenTo, messagesOf, openSession, send, type ClientTls } from '../support/plain-client.ts';
import { makeKeysFile } from '../support/replicas.ts';
import { startStatefulServer, type StatefulServer } from '../support/stateful-server.ts';
import { freePort } from '../support/free-port.ts';

let directory: string;
let authority: Authority;
let server: Certificate;
let upstream: StatefulServer;
let asking: StatefulServer;
let ca: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'listener-'));
  authority = makeAuthority();
  ca = authority.cert;
  server = authority.sign('/CN=gateway', ['DNS:localhost', 'IP:127.0.0.1']);
  upstream = await startStatefulServer({ name: 'alpha' });
  asking = await startStatefulServer({ name: 'asking', tools: askingToolNames });
});
afterAll(() => rm(directory, { recursive: true }));

const serving = (): string[] => ['--tls-cert', server.certFile, '--tls-key', server.keyFile];
const config = (): object => ({ mcpServers: { alpha: { url: upstream.url }, asking: { url: asking.url } } });
const shown = ({ cert, key }: Certificate): ClientTls => ({ ca, cert, key });

/** The name in the certificate that a new connection is shown, by the name it asks for. */
async function nameAt(url: string, servername = 'localhost'): Promise<string | string[] | undefined> {
  const socket = connect({ port: Number(new URL(url).port), host: 'localhost', servername, ca });
  await once(socket, 'secureConnect');
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return name;
}

describe.each(['1', '2'])('with %s process(es)', (workers) => {
  test('the greeting names https, and the certificate is renewed under an open stream', async () => {
    const certFile = join(directory, `cert-${workers}.pem`);
    const keyFile = join(directory, `key-${workers}.pem`);
    await copyFile(server.certFile, certFile);
    await copyFile(server.keyFile, keyFile);
    const args = ['--tls-cert', certFile, '--tls-key', keyFile, '--workers', workers];
    const gateway = await startGateway({ config: config(), args, keysFile: await makeKeysFile() });
    expect(gateway.url).toMatch(/^https:\/\/localhost:/);
    expect(await nameAt(gateway.url)).toBe('gateway');
    const session = await openSession(gateway.url, { tls: { ca } });
    const stream = await listenTo(session);
    const renewed = authority.sign('/CN=renewed', ['DNS:localhost']);
    await copyFile(renewed.certFile, certFile);
    // Half of a pair is not taken.
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await nameAt(gateway.url)).toBe('gateway');
    await copyFile(renewed.keyFile, keyFile);
    await expect.poll(() => nameAt(gateway.url)).toBe('renewed');
    await upstream.changed('tools');
    await stream.until(({ method }) => method === 'notifications/tools/list_changed');
    expect((await session.ask('tools/list')).error).toBeUndefined();
    stream.close();
  });
});

const asks = (): string[] => [...serving(), '--tls-client-ca', authority.certFile];
const statusWith = async ({ url }: GatewayProcess, tls: ClientTls): Promise<number> =>
  (await send(url, { body: initializeText(), tls })).status;

describe('certificates of clients', () => {
  test('a client without one, or with one of another authority, is refused', async () => {
    const gateway = await startGateway({ config: config(), args: asks(), admin: false });
    const ada = authority.sign('/CN=ada', []);
    const foreign = makeAuthority('Foreign').sign('/CN=ada', []);
    expect(await statusWith(gateway, shown(ada))).toBe(200);
    const refused = await send(gateway.url, { body: initializeText(), tls: { ca } });
    expect([refused.status, refused.body]).toEqual([
      403,
      '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Forbidden: a client certificate is required"},"id":null}',
    ]);
    expect(await statusWith(gateway, shown(foreign))).toBe(403);
  });

  test('"request" serves clients without one too', async () => {
    const gateway = await startGateway({
      config: config(),
      args: [...asks(), '--tls-client-auth', 'request'],
      admin: false,
    });
    expect(await statusWith(gateway, { ca })).toBe(200);
  });

  test('the name in it is who the client is: a session is of no use to another one', async () => {
    const gateway = await startGateway({ config: config(), args: [...asks(), '--tls-client-principal'], admin: false });
    const ada = authority.sign('/CN=gateway client', ['DNS:host', 'URI:spiffe://mesh/ada']);
    const session = await openSession(gateway.url, { tls: shown(ada) });
    const ping = (tls: ClientTls): Promise<number> =>
      send(gateway.url, {
        headers: [
          'Content-Type',
          'application/json',
          'Accept',
          'application/json, text/event-stream',
          'Mcp-Session-Id',
          session.token,
        ],
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        tls,
      }).then(({ status }) => status);
    expect(await ping(shown(ada))).toBe(200);
    // A renewed certificate of the same name.
    expect(await ping(shown(authority.sign('/CN=x', ['URI:spiffe://mesh/ada'])))).toBe(200);
    expect(await ping(shown(authority.sign('/CN=gateway client', ['DNS:host'])))).toBe(404);
  });
});

describe('replicas speak TLS to one another', () => {
  test('news of an ended session, and a call that waits at the other, with the certificate of its client', async () => {
    const keysFile = await makeKeysFile();
    const ports = [await freePort(), await freePort()] as const;
    const start = (own: 0 | 1): Promise<GatewayProcess> =>
      startGateway({
        config: config(),
        keysFile,
        admin: false,
        port: ports[own],
        args: [
          ...serving(),
          '--tls-client-ca',
          authority.certFile,
          '--tls-client-principal',
          '--peers',
          `127.0.0.1:${ports[own === 0 ? 1 : 0]}`,
          '--peer-address',
          '127.0.0.1:0',
        ],
      });
    const one = await start(0);
    const other = await start(1);
    const ada = shown(authority.sign('/CN=ada', []));
    const ending = await openSession(one.url, { tls: ada });
    const elsewhere = ending.at(other.url);
    const status = async (): Promise<number> =>
      (await elsewhere.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status;
    expect(await status()).toBe(200);
    await send(one.url, { method: 'DELETE', headers: ['Mcp-Session-Id', ending.token], tls: ada });
    await expect.poll(status).toBe(404);

    const capabilities = { elicitation: { form: {} } };
    const call = async (url: string, more: object, tls = ada): Promise<Record<string, unknown> | undefined> => {
      const params = { name: 'asking__ask_elicitation', arguments: {}, ...more };
      const answer = await send(url, { ...modernRequest('tools/call', { capabilities, params }), tls });
      return messagesOf(answer).at(-1)?.result;
    };
    const asked = await call(one.url, {});
    const reply = {
      requestState: asked?.['requestState'],
      inputResponses: { q1: { action: 'accept', content: { name: 'Ada' } } },
    };
    expect(await call(other.url, reply, shown(authority.sign('/CN=eve', [])))).toBeUndefined();
    const answered = await call(other.url, reply);
    expect(JSON.stringify(answered?.['content'])).toContain('Ada');
  });
});

test.each([
  ['a certificate without its key', ['--tls-cert', 'a.pem'], '--tls-cert and --tls-key are given together'],
  ['a file that does not exist', ['--tls-cert', 'no.pem', '--tls-key', 'no.key'], 'the file no.pem does not exist'],
  ['authorities without a certificate', ['--tls-client-ca', 'a.pem'], 'over TLS only'],
])('%s stops the start', async (_about, args, told) => {
  await expect(startGateway({ config: config(), args, admin: false })).rejects.toThrow(told);
});

const secret = (name: string, { cert, key }: Certificate): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\nstringData:\n  tls.crt: ${JSON.stringify(cert)}\n  tls.key: ${JSON.stringify(key)}`;

const document = (first: Certificate, second: Certificate): string => {
  return [
    [
      'apiVersion: gateway.networking.k8s.io/v1',
      'kind: Gateway',
      'metadata: { name: g }',
      'spec:',
      '  gatewayClassName: g',
      '  listeners:',
      '    - { name: a, port: 443, protocol: HTTPS, hostname: localhost, tls: { certificateRefs: [{ name: first }] } }',
      '    - { name: b, port: 443, protocol: HTTPS, hostname: "*.example.com", tls: { certificateRefs: [{ name: second }] } }',
    ].join('\n'),
    [
      'apiVersion: aigateway.envoyproxy.io/v1beta1',
      'kind: MCPRoute',
      'metadata: { name: r }',
      'spec:',
      '  parentRefs: [{ name: g }]',
      '  backendRefs: [{ name: alpha, group: gateway.envoyproxy.io, kind: Backend }]',
    ].join('\n'),
    [
      'apiVersion: gateway.envoyproxy.io/v1alpha1',
      'kind: Backend',
      'metadata: { name: alpha }',
      `spec: { endpoints: [{ ip: { address: 127.0.0.1, port: ${upstream.port} } }] }`,
    ].join('\n'),
    secret('first', first),
    secret('second', second),
  ].join('\n---\n');
};

describe('Gateway listeners with certificates', () => {
  test('each name has its own, and a changed Secret is used without a restart', async () => {
    const file = join(directory, 'gateway.yaml');
    const second = authority.sign('/CN=second', ['DNS:a.example.com']);
    await writeFile(file, document(server, second));
    const gateway = await startGateway({ args: [file], admin: false });
    expect(gateway.url).toMatch(/^https:/);
    expect(await nameAt(gateway.url)).toBe('gateway');
    expect(await nameAt(gateway.url, 'a.example.com')).toBe('second');
    const session = await openSession(gateway.url, { tls: { ca } });
    await writeFile(file, document(authority.sign('/CN=renewed', ['DNS:localhost']), second));
    await expect.poll(() => nameAt(gateway.url)).toBe('renewed');
    expect((await session.ask('tools/list')).error).toBeUndefined();
  });

  test.each(['1', '2'])(
    'with %s process(es) a port without one gets one without a restart',
    { timeout: 60_000 },
    async (workers) => {
      const file = join(directory, `plain-${workers}.yaml`);
      const port = await freePort();
      const secured = document(server, authority.sign('/CN=second', ['DNS:a.example.com'])).replaceAll(
        'port: 443',
        `port: ${port}`,
      );
      const plain = secured
        .replaceAll('protocol: HTTPS', 'protocol: HTTP')
        .replaceAll(/, tls: \{ certificateRefs: \[\{ name: \w+ \}\] \}/g, '');
      await writeFile(file, plain);
      const gateway = await startGateway({ args: [file, '--workers', workers], admin: false, port: 'configured' });
      const at = `://localhost:${port}/mcp`;
      const session = await openSession(`http${at}`);
      expect((await session.ask('tools/list')).error).toBeUndefined();
      await writeFile(file, secured);
      await expect.poll(() => nameAt(`https${at}`).catch(() => ''), { timeout: 30_000 }).toBe('gateway');
      const after = await openSession(`https${at}`, { tls: { ca } });
      expect((await after.ask('tools/list')).error).toBeUndefined();
      await expect.poll(() => openSession(`http${at}`).catch(() => 'refused')).toBe('refused');
      expect((await gateway.kill()).code).toBe(0);
    },
  );
});
