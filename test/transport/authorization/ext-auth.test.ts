import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { anonymous, type RequestHead, type Verified } from '../../../src/oauth/verified.ts';
import { httpExtAuth, type HttpExtAuth } from '../../../src/transport/authorization/ext-auth.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';

const { fetch } = guardedEgress({ allowLoopback: true });
let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

async function service(answer: RequestListener): Promise<string> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server!.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const head: RequestHead = {
  method: 'POST',
  path: '/mcp?x=1',
  host: 'gw.example.com',
  rawHeaders: ['Authorization', 'Bearer t', 'X-Tenant', 'a', 'X-Tenant', 'b', 'Cookie', 'secret'],
};

async function asked(
  config: HttpExtAuth,
  more: Partial<RequestHead> = {},
  verified: Verified = anonymous,
): Promise<unknown> {
  try {
    return await httpExtAuth(config, fetch, 'Bearer ours')({ ...head, ...more }, verified);
  } catch (fault) {
    if (fault instanceof GatewayError) return [fault.status, fault.headers.join(' ')];
    throw fault;
  }
}

test('the service gets method, path, host and the chosen headers, and says who calls', async () => {
  const seen: IncomingMessage[] = [];
  const url = await service((request, response) => {
    seen.push(request);
    response.writeHead(200, { 'x-user': 'alice', 'x-team': 'red', 'x-other': 'no' }).end();
  });
  const config = {
    urls: [`${url}/check/`],
    headersToExtAuth: ['X-Tenant'],
    headersToBackend: ['X-Team', 'X-None'],
    subjectHeader: 'x-user',
  };
  expect(await asked(config)).toMatchObject({
    principal: { iss: 'extauth', sub: 'alice', bind: '' },
    forwarded: ['x-team', 'red'],
  });
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/check/mcp?x=1' });
  expect(seen[0]!.headers).toMatchObject({
    authorization: 'Bearer t',
    'x-tenant': 'a, b',
    'x-forwarded-host': 'gw.example.com',
  });
  expect(seen[0]!.headers).not.toHaveProperty('cookie');
});

test('a caller who is known already stays who it is', async () => {
  const url = await service((_request, response) => response.writeHead(200, { 'x-user': 'mallory' }).end());
  const alice: Verified = { ...anonymous, principal: { iss: 'i', sub: 'alice', bind: '' } };
  expect(await asked({ urls: [url], subjectHeader: 'x-user' }, {}, alice)).toMatchObject({
    principal: { sub: 'alice' },
  });
});

test('a path cannot lead out of the prefix or to another host', async () => {
  const paths: (string | undefined)[] = [];
  const url = await service((request, response) => {
    paths.push(request.url);
    response.end();
  });
  for (const path of [
    '/../admin',
    '@evil.example.com/',
    '//evil.example.com/',
    '.evil.example.com',
    '*',
    'http://evil.example.com/',
  ]) {
    await asked({ urls: [`${url}/check`] }, { path });
  }
  expect(paths).toHaveLength(6);
  for (const path of paths) expect(path).toMatch(/^\/check(?:\/|$)/);
});

test('401 and 403 refuse; a challenge of the service goes to the client, a broken one does not', async () => {
  let status = 403;
  let challenge: string | undefined;
  const url = await service((_request, response) => {
    response.writeHead(status, challenge === undefined ? {} : { 'www-authenticate': challenge }).end('why');
  });
  expect(await asked({ urls: [url] })).toEqual([403, 'Cache-Control no-store']);
  status = 302;
  expect(await asked({ urls: [url] })).toEqual([403, 'Cache-Control no-store']);
  status = 401;
  expect(await asked({ urls: [url] })).toEqual([401, 'WWW-Authenticate Bearer ours Cache-Control no-store']);
  challenge = 'Custom realm="x"';
  expect(await asked({ urls: [url] })).toEqual([401, 'WWW-Authenticate Custom realm="x" Cache-Control no-store']);
  challenge = `Custom realm="${'x'.repeat(1_000)}"`;
  expect(await asked({ urls: [url] })).toEqual([401, 'WWW-Authenticate Bearer ours Cache-Control no-store']);
});

test('a service that fails is 503, or let by where that is the setting', async () => {
  const url = await service((_request, response) => response.writeHead(500).end());
  const gone = 'http://127.0.0.1:1';
  for (const at of [url, gone]) {
    expect(await asked({ urls: [at] })).toEqual([503, 'Retry-After 5 Cache-Control no-store']);
    expect(await asked({ urls: [at], failOpen: true })).toBe(anonymous);
  }
});

test('what clients are told when it fails is the status that is set; a 401 has a challenge', async () => {
  const at = 'http://127.0.0.1:1';
  expect(await asked({ urls: [at], statusOnError: 403 })).toEqual([403, 'Cache-Control no-store']);
  expect(await asked({ urls: [at], statusOnError: 503 })).toEqual([503, 'Retry-After 5 Cache-Control no-store']);
  expect(await asked({ urls: [at], statusOnError: 418 })).toEqual([418, 'Cache-Control no-store']);
  expect(await asked({ urls: [at], statusOnError: 511 })).toEqual([511, 'Cache-Control no-store']);
  expect(await asked({ urls: [at], statusOnError: 401 })).toEqual([
    401,
    'WWW-Authenticate Bearer ours Cache-Control no-store',
  ]);
});

test('the body is shown as it came, where there is one', async () => {
  const seen: [string, IncomingMessage][] = [];
  const url = await service((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      seen.push([body, request]);
      response.end();
    });
  });
  await asked({ urls: [url] }, { body: Buffer.from('{"id": 1}') });
  await asked({ urls: [url] });
  expect(seen.map(([body]) => body)).toEqual(['{"id": 1}', '']);
  expect(seen[0]![1].headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': '9',
    'x-envoy-auth-partial-body': 'false',
    authorization: 'Bearer t',
  });
  expect(seen[1]![1].headers).not.toHaveProperty('x-envoy-auth-partial-body');
});
