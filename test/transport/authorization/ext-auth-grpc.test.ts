/** A real gRPC server decides about requests: what it is told, and what its answers do. */
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { anonymous, type RequestHead, type Verified } from '../../../src/oauth/verified.ts';
import { grpcExtAuth, type GrpcExtAuth } from '../../../src/transport/authorization/ext-auth-grpc.ts';
import { certificateBrought } from '../../../src/transport/http/client-certificate.ts';
import { makeAuthority } from '../../support/certificates.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const proto = fileURLToPath(new URL('envoy-check.proto', import.meta.url));
const service = loadSync(proto, { keepCase: true, longs: Number, enums: String, oneofs: true })[
  'envoy.service.auth.v3.Authorization'
] as ServiceDefinition;

interface Seen {
  readonly attributes: {
    readonly source?: { readonly principal: string } | null;
    readonly request: { readonly http: Record<string, unknown> & { readonly headers: Record<string, string> } };
    readonly context_extensions: Record<string, string>;
  };
}

type Answer = (seen: Seen) => object | undefined;

/** An answer of `undefined` never comes. */
async function checker(answer: Answer, credentials = ServerCredentials.createInsecure()): Promise<string> {
  const server = new Server();
  server.addService(service, {
    Check: (call: ServerUnaryCall<Seen, object>, done: sendUnaryData<object>) => {
      const said = answer(call.request);
      if (said instanceof Error) done({ code: status.INTERNAL, message: said.message });
      else if (said !== undefined) done(null, said);
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (fault, bound) => (fault === null ? resolve(bound) : reject(fault))),
  );
  closedAtTheEnd(async () => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

const head: RequestHead = {
  method: 'POST',
  path: '/mcp?x=1',
  host: 'gw.example.com',
  rawHeaders: [
    'Authorization',
    'Bearer t',
    'X-Tenant',
    'a',
    'X-Tenant',
    'b',
    'Content-Length',
    '7',
    'MCP-Method',
    'ping',
  ],
};

async function asked(
  config: Omit<GrpcExtAuth, 'egress'> & Partial<GrpcExtAuth>,
  verified: Verified = anonymous,
  more: Partial<RequestHead> = {},
): Promise<unknown> {
  const check = grpcExtAuth({ egress: { allowLoopback: true }, ...config }, 'Bearer ours');
  try {
    return await check.ask({ ...head, ...more }, verified);
  } catch (fault) {
    if (fault instanceof GatewayError) return [fault.status, fault.headers.join(' ')];
    throw fault;
  } finally {
    check.close();
  }
}

const ok = (...headers: readonly object[]): object => ({ status: { code: 0 }, ok_response: { headers } });
const added = (key: string, value: string): object => ({ header: { key, value } });

test('the service is told what Envoy would tell it, and its headers go to upstreams', async () => {
  const seen: Seen[] = [];
  const address = await checker((one) => {
    seen.push(one);
    return ok(added('X-Team', 'red'), { header: { key: 'x-raw', raw_value: Buffer.from('raw') } });
  });
  const config = { urls: [`http://${address}`], contextExtensions: [{ name: 'tenant', value: 'x' }] };
  expect(await asked(config)).toMatchObject({ forwarded: ['x-team', 'red', 'x-raw', 'raw'] });
  expect(seen[0]?.attributes).toMatchObject({
    request: {
      http: {
        method: 'POST',
        path: '/mcp?x=1',
        host: 'gw.example.com',
        scheme: 'http',
        size: 7,
        protocol: 'HTTP/1.1',
        headers: {
          ':method': 'POST',
          ':path': '/mcp?x=1',
          ':authority': 'gw.example.com',
          authorization: 'Bearer t',
          'x-tenant': 'a,b',
        },
      },
    },
    context_extensions: { tenant: 'x' },
  });
});

test('it gets the headers that are named, and Authorization', async () => {
  const seen: Seen[] = [];
  const address = await checker((one) => {
    seen.push(one);
    return ok();
  });
  await asked({ urls: [`http://${address}`], headersToExtAuth: ['x-tenant'] });
  const names = Object.keys(seen[0]!.attributes.request.http.headers).filter((name) => !name.startsWith(':'));
  expect(names.toSorted()).toEqual(['authorization', 'x-tenant']);
});

test('it is told whose certificate the client has shown', async () => {
  const rawHeaders = [...head.rawHeaders];
  certificateBrought(rawHeaders, { name: 'URI:spiffe://mesh/ada', expiresAt: 0 });
  const seen: Seen[] = [];
  const address = await checker((one) => {
    seen.push(one);
    return ok();
  });
  await asked({ urls: [`http://${address}`] }, anonymous, { rawHeaders });
  expect(seen[0]?.attributes.source?.principal).toBe('spiffe://mesh/ada');
});

test('headers of a message, and what is no header, are not taken', async () => {
  const address = await checker(() =>
    ok(
      added('Host', 'evil'),
      added('content-length', '1'),
      added('mcp-session-id', 'x'),
      added('a b', 'x'),
      added('x', 'a\nb'),
      added('x-good', 'y'),
    ),
  );
  expect(await asked({ urls: [`http://${address}`] })).toMatchObject({ forwarded: ['x-good', 'y'] });
});

test('who has no other credential is who the service says, or is told apart by what was shown', async () => {
  const address = await checker(({ attributes }) =>
    attributes.request.http.headers['x-tenant'] === 'none' ? ok() : ok(added('x-user', 'alice')),
  );
  const config = { urls: [`http://${address}`], subjectHeader: 'X-User' };
  expect(await asked(config)).toMatchObject({ principal: { iss: 'extauth', sub: 'alice', bind: '' } });
  const byToken = async (token: string, id: string): Promise<unknown> =>
    (
      (await asked(config, anonymous, {
        rawHeaders: ['Authorization', token, 'X-Tenant', 'none', 'X-Request', id],
      })) as Verified
    ).principal;
  expect(await byToken('a', '1')).toEqual(await byToken('a', '2'));
  expect(await byToken('a', '1')).not.toEqual(await byToken('b', '1'));
  const known = { ...anonymous, principal: { iss: 'https://as', sub: 'bob', bind: '' } };
  expect(await asked(config, known)).toMatchObject({ principal: { sub: 'bob' } });
});

const refusing = (httpStatus: string | undefined, ...headers: readonly object[]): object => ({
  status: { code: 7 },
  ...(httpStatus !== undefined && { denied_response: { status: { code: httpStatus }, headers, body: 'inside' } }),
});

test.each([
  ['403 without more', refusing(undefined), [403, 'Cache-Control no-store']],
  ['404 is no different', refusing('NotFound'), [403, 'Cache-Control no-store']],
  [
    '401 with a challenge of its own',
    refusing('Unauthorized', added('WWW-Authenticate', 'Basic realm="x"')),
    [401, 'WWW-Authenticate Basic realm="x" Cache-Control no-store'],
  ],
  ['401 without one', refusing('Unauthorized'), [401, 'WWW-Authenticate Bearer ours Cache-Control no-store']],
  ['429', refusing('TooManyRequests'), [503, 'Retry-After 5 Cache-Control no-store']],
])('a refusal: %s', async (_about, answer, expected) => {
  const address = await checker(() => answer);
  expect(await asked({ urls: [`http://${address}`], failOpen: true })).toEqual(expected);
});

test('a service that fails, or does not answer in time', async () => {
  const failing = await checker(() => new Error('inside'));
  const silent = await checker(() => undefined);
  for (const address of [failing, silent]) {
    const config = { urls: [`http://${address}`], timeoutMs: 300 };
    expect(await asked(config)).toEqual([503, 'Retry-After 5 Cache-Control no-store']);
    expect(await asked({ ...config, statusOnError: 403 })).toEqual([403, 'Cache-Control no-store']);
    expect(await asked({ ...config, statusOnError: 502 })).toEqual([502, 'Cache-Control no-store']);
    expect(await asked({ ...config, failOpen: true })).toEqual(anonymous);
  }
});

test('the next address is asked where one does not answer', async () => {
  const failing = await checker(() => new Error('inside'));
  const address = await checker(() => ok(added('x-ok', '1')));
  expect(await asked({ urls: [`http://${failing}`, `http://${address}`] })).toMatchObject({ forwarded: ['x-ok', '1'] });
});

test('over TLS: authorities, server name and client certificate', async () => {
  const authority = makeAuthority();
  const { cert, key } = authority.sign('/CN=check', ['DNS:check.example.com']);
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  const address = await checker(() => ok(), ServerCredentials.createSsl(Buffer.from(authority.cert), [pair], true));
  const own = authority.sign('/CN=gateway', []);
  const tls = {
    ca: [authority.cert],
    serverName: 'check.example.com',
    clientCertificate: own.cert,
    clientKey: own.key,
  };
  const url = `https://${address}`;
  const by = async (more: object): Promise<unknown> =>
    await asked({ urls: [url], timeoutMs: 5_000, tls: new Map([[url, { ...tls, ...more }]]) });
  expect(await by({})).toMatchObject({ forwarded: [] });
  const unavailable = [503, 'Retry-After 5 Cache-Control no-store'];
  expect(await by({ serverName: 'other.example.com' })).toEqual(unavailable);
  expect(await by({ ca: [makeAuthority('Other').cert] })).toEqual(unavailable);
  expect(await by({ clientCertificate: undefined, clientKey: undefined })).toEqual(unavailable);
});

test('is asked at addresses that are allowed alone, whatever its name (the guarded way out)', async () => {
  const seen: Seen[] = [];
  const address = await checker((one) => {
    seen.push(one);
    return ok();
  });
  const { port } = new URL(`http://${address}`);
  for (const egress of [{}, { allowPrivate: true, allowPlainPrivate: true }])
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])
      expect(await asked({ urls: [`http://${host}:${port}`], egress })).toEqual([503, expect.any(String)]);
  expect(seen).toHaveLength(0);
  expect(await asked({ urls: [`http://localhost:${port}`] })).toMatchObject({ principal: 'anonymous' });
  expect(seen).toHaveLength(1);
});

test('the body is shown as Envoy shows a whole one', async () => {
  const seen: Seen[] = [];
  const address = await checker((one) => {
    seen.push(one);
    return ok();
  });
  await asked({ urls: [`http://${address}`] }, anonymous, { body: Buffer.from('{"name": "größer"}') });
  await asked({ urls: [`http://${address}`] });
  const [shown, without] = seen.map(({ attributes }) => attributes.request.http);
  expect(shown).toMatchObject({
    body: '{"name": "größer"}',
    size: 20,
    headers: { 'x-envoy-auth-partial-body': 'false' },
  });
  expect(without?.['body'] ?? '').toBe('');
  expect(without?.headers).not.toHaveProperty('x-envoy-auth-partial-body');
});
