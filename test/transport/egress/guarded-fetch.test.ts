import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import {
  EgressRefused,
  guardedEgress,
  maxEgressBytes,
  maxEgressHeaderBytes,
  type Egress,
  type Lookup,
} from '../../../src/transport/egress/guarded-fetch.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function serving(answer: RequestListener): Promise<{ port: number; server: Server }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  open.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, server };
}

function egress(...settings: Parameters<typeof guardedEgress>): Egress {
  const made = guardedEgress(...settings);
  open.push(() => made.close());
  return made;
}

/** The fault itself, or the one that it stands for. */
async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'answered',
    (fault: unknown) => (fault instanceof Error && fault.cause instanceof EgressRefused ? fault.cause : fault),
  );
}

const get = { method: 'GET' };

test('loopback is refused by default, as an address and as a name, and no connection is made', async () => {
  let connections = 0;
  const { port, server } = await serving((_request, response) => response.end('secret'));
  server.on('connection', () => (connections += 1));
  const { fetch } = egress();
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1']) {
    expect(await refusal(fetch(`http://${host}:${port}/`, get))).toBeInstanceOf(EgressRefused);
    expect(await refusal(fetch(`https://${host}:${port}/`, get))).toBeInstanceOf(EgressRefused);
  }
  expect(connections).toBe(0);
});

test('loopback is reached by setting, as an address and as a name', async () => {
  const { port } = await serving((request, response) => response.end(`${request.method} ${request.url}`));
  const { fetch } = egress({ allowLoopback: true });
  expect(await (await fetch(`http://127.0.0.1:${port}/a?b=1`, get)).text()).toBe('GET /a?b=1');
  expect(await (await fetch(`http://localhost:${port}/`, { method: 'POST', body: 'x' })).text()).toBe('POST /');
});

test('http to a public address, other schemes and credentials are refused', async () => {
  const { fetch } = egress({ allowLoopback: true });
  for (const url of [
    'http://93.184.216.34/',
    'ftp://93.184.216.34/',
    'file:///etc/passwd',
    'https://u:p@93.184.216.34/',
  ]) {
    expect(await refusal(fetch(url, get))).toBeInstanceOf(EgressRefused);
  }
});

test('the metadata service is refused whatever is allowed', async () => {
  const { fetch } = egress({ allowLoopback: true, allowPrivate: true, allowPlainPrivate: true });
  expect(await refusal(fetch('http://169.254.169.254/latest/meta-data/', get))).toBeInstanceOf(EgressRefused);
});

test('a redirect is an answer, not a way', async () => {
  const asked: (string | undefined)[] = [];
  const { port } = await serving((request, response) => {
    asked.push(request.url);
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const { fetch } = egress({ allowLoopback: true });
  expect((await fetch(`http://127.0.0.1:${port}/`, get)).status).toBe(302);
  expect(asked).toEqual(['/']);
});

test('an answer may have 1 MiB, or less where that is asked for', async () => {
  const { port } = await serving((request, response) => {
    response.end(Buffer.alloc(Number(request.url!.slice(1))));
  });
  const { fetch } = egress({ allowLoopback: true });
  const sized = (bytes: number, maxBytes?: number): Promise<unknown> =>
    fetch(`http://127.0.0.1:${port}/${bytes}`, maxBytes === undefined ? get : { ...get, maxBytes }).then(
      async (answer) => (await answer.arrayBuffer()).byteLength,
      () => 'refused',
    );
  expect(await sized(maxEgressBytes)).toBe(maxEgressBytes);
  expect(await sized(maxEgressBytes + 1)).toBe('refused');
  expect(await sized(maxEgressBytes + 1, 8 * maxEgressBytes)).toBe('refused');
  expect(await sized(1_000, 1_000)).toBe(1_000);
  expect(await sized(1_001, 1_000)).toBe('refused');
});

test('who never answers, or never ends, is given up', async () => {
  const { port } = await serving((request, response) => {
    if (request.url === '/half') response.write('half');
  });
  const { fetch } = egress({ allowLoopback: true });
  for (const path of ['/', '/half']) {
    await expect(fetch(`http://127.0.0.1:${port}${path}`, { ...get, timeoutMs: 100 })).rejects.toThrow();
  }
});

test('compressed answers are refused', async () => {
  const { port } = await serving((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100_000)));
  });
  const { fetch } = egress({ allowLoopback: true });
  expect(await refusal(fetch(`http://127.0.0.1:${port}/`, get))).toBeInstanceOf(EgressRefused);
});

/** A name that means these addresses, another each time it is asked for. */
function meaning(...answers: readonly (readonly string[])[]): { readonly find: Lookup; readonly asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    find: (_hostname, _options, callback) => {
      const addresses = answers[Math.min(asked, answers.length - 1)]!;
      asked += 1;
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    },
  };
}

test('a name is judged by the addresses that it means at the connection, each time (DNS rebinding)', async () => {
  let connections = 0;
  const { port, server } = await serving((_request, response) => response.end('inside'));
  server.on('connection', () => (connections += 1));
  const inside = [
    '127.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '169.254.169.254',
    '10.0.0.1',
    'fd00::1',
  ];
  for (const address of inside) {
    const { find, asked } = meaning([address]);
    const guarded = guardedEgress({}, find);
    open.push(() => guarded.close());
    expect(await refusal(guarded.fetch(`https://as.example:${port}/`, get))).toBeInstanceOf(EgressRefused);
    expect(asked()).toBe(1);
  }
  // First harmless, then not: each connection asks again and is judged by what it was told.
  const { find, asked } = meaning(['127.0.0.1'], ['10.0.0.1']);
  const guarded = guardedEgress({ allowLoopback: true }, find);
  open.push(() => guarded.close());
  expect((await guarded.fetch(`http://as.example:${port}/`, get)).status).toBe(200);
  server.closeAllConnections();
  await expect.poll(() => refusal(guarded.fetch(`http://as.example:${port}/`, get))).toBeInstanceOf(EgressRefused);
  expect(asked()).toBeGreaterThan(1);
  expect(connections).toBe(1);
});

test('of several addresses only those that are allowed are tried', async () => {
  const { port } = await serving((_request, response) => response.end('here'));
  const { find } = meaning(['10.0.0.1', '169.254.169.254', '127.0.0.1']);
  const guarded = guardedEgress({ allowLoopback: true }, find);
  open.push(() => guarded.close());
  expect(await (await guarded.fetch(`http://as.example:${port}/`, get)).text()).toBe('here');
});

test('an answer that comes drop by drop is given up as a whole', async () => {
  const { port } = await serving((_request, response) => {
    const drip = setInterval(() => response.write('.'), 10);
    response.on('close', () => clearInterval(drip));
  });
  const { fetch } = egress({ allowLoopback: true });
  await expect(fetch(`http://127.0.0.1:${port}/`, { ...get, timeoutMs: 200 })).rejects.toThrow();
});

test('a head that is too large is no answer', async () => {
  const { port } = await serving((request, response) => {
    response.writeHead(200, { 'x-long': 'x'.repeat(Number(request.url!.slice(1))) }).end();
  });
  const { fetch } = egress({ allowLoopback: true });
  expect((await fetch(`http://127.0.0.1:${port}/${maxEgressHeaderBytes - 1_000}`, get)).status).toBe(200);
  await expect(fetch(`http://127.0.0.1:${port}/${maxEgressHeaderBytes}`, get)).rejects.toThrow();
});
