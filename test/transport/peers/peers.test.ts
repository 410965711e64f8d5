/** What replicas tell one another: authenticated by the key ring, bounded, and heard before it is answered. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import pino from 'pino';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Keyring } from '../../../src/session/keyring.ts';
import { mcpServer } from '../../../src/transport/http/server.ts';
import type { Notice } from '../../../src/transport/peers/notice.ts';
import { Peers } from '../../../src/transport/peers/peers.ts';
import { listen } from '../../support/listener.ts';
import { answer, hang, startRawServer, type RawHandler, type RawServer } from '../../support/raw-server.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { firstKey, now, ringOf, secondKey } from '../../session/ring.ts';

const jti = 'abcdefghijklmnopqrstuv';
const notices: readonly Notice[] = [
  { kind: 'ended', jti, expiresAt: now + 60 },
  { kind: 'cancelled', jti, requestId: '"a\\"b"' },
  { kind: 'level', jti, level: 'warning', expiresAt: now + 60 },
  { kind: 'watching', jti, upstream: 4_294_967_295, uri: 'memo://a b', on: true, expiresAt: now + 60 },
  { kind: 'changed', upstream: 1, list: 'tools', audience: 'a b' },
  { kind: 'changed', upstream: 1, list: 'resources' },
];

let keyring: Keyring;
let port: number;
const heard: Notice[] = [];
/** What the hearing takes. */
let hearing: Promise<void>;

function peersOf(name: string | undefined, ring = keyring, at = now): Peers {
  const peers = new Peers(name, 80, ring, pino({ level: 'silent' }), () => at);
  closedAtTheEnd(() => peers.close());
  return peers;
}

beforeAll(async () => {
  keyring = await ringOf(firstKey);
  const app = express();
  peersOf(undefined).receive(app, async (notice) => {
    await hearing;
    heard.push(notice);
  });
  const listener = await listen(app);
  closedAtTheEnd(() => listener.stop());
  port = listener.port;
});

beforeEach(() => {
  heard.length = 0;
  hearing = Promise.resolve();
});

test('each kind of notice arrives as it was told', async () => {
  const peers = peersOf(`127.0.0.1:${port}`);
  for (const notice of notices) await peers.tell(notice);
  expect(heard).toEqual(notices);
});

test('one is told when its hearer is done with it, so that what comes after finds it done', async () => {
  const slow = Promise.withResolvers<void>();
  hearing = slow.promise;
  let isTold = false;
  const told = peersOf(`127.0.0.1:${port}`)
    .tell(notices[0]!)
    .then(() => (isTold = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isTold).toBe(false);
  slow.resolve();
  await told;
  expect(heard).toHaveLength(1);
});

test('nothing is heard of a teller with another key, or with a clock that is over a minute off', async () => {
  const other = await ringOf(secondKey);
  await peersOf(`127.0.0.1:${port}`, other).tell(notices[0]!);
  await peersOf(`127.0.0.1:${port}`, keyring, now - 61).tell(notices[0]!);
  await peersOf(`127.0.0.1:${port}`, keyring, now + 61).tell(notices[0]!);
  expect(heard).toEqual([]);
  await peersOf(`127.0.0.1:${port}`, keyring, now - 60).tell(notices[0]!);
  expect(heard).toHaveLength(1);
});

test('a key that seals in the second format is heard by one that does not, and the other way round', async () => {
  const told = await ringOf({ ...firstKey, format: 2 });
  await peersOf(`127.0.0.1:${port}`, told).tell(notices[0]!);
  const app = express();
  peersOf(undefined, told).receive(app, async (notice) => void heard.push(notice));
  const listener = await listen(app);
  closedAtTheEnd(() => listener.stop());
  await peersOf(`127.0.0.1:${listener.port}`).tell(notices[1]!);
  expect(heard).toEqual(notices.slice(0, 2));
});

/** The notices of one message as they came. */
function noticesIn(body: unknown): unknown[] {
  const { notice, notices: many } = body as { notice?: unknown; notices?: unknown[] };
  return many ?? [notice];
}

const ended = (at: number): Notice => ({ kind: 'ended', jti: String(at).padStart(22, 'A'), expiresAt: now + 60 });
const cancelled = (at: number, session = jti): Notice => ({ kind: 'cancelled', jti: session, requestId: String(at) });

/** How many connections a server has had at once. */
async function countingServer(handler: RawHandler): Promise<{ server: RawServer; most: () => number }> {
  const open = new Set<AbortSignal>();
  let most = 0;
  const server = await startRawServer((request, response) => {
    open.add(request.signal);
    most = Math.max(most, open.size);
    response.on('close', () => open.delete(request.signal));
    return handler(request, response);
  });
  return { server, most: () => most };
}

const readsMany = answer(204, '', { 'manifold-reads': '2' });

describe('many notices', () => {
  test('of 600 ended sessions, a peer that hangs costs four connections, and nobody waits for it without end', async () => {
    const { server, most } = await countingServer(hang);
    const peers = peersOf(`127.0.0.1:${server.port}`);
    await Promise.all(Array.from({ length: 600 }, (_, at) => peers.tell(ended(at))));
    expect(most()).toBe(4);
    expect(server.requests).toHaveLength(4);
    // It is told again of what comes later.
    server.answerWith(readsMany);
    await peers.tell(ended(600));
    expect(server.requests.at(-1)?.json).toMatchObject({ notice: ended(600) });
  });

  test('one peer that hangs keeps nothing from another', async () => {
    const hanging = await startRawServer(hang);
    const others = new Peers(
      `peers.example:${hanging.port}`,
      80,
      keyring,
      pino({ level: 'silent' }),
      () => now,
      async () => [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ],
    );
    closedAtTheEnd(() => others.close());
    const got: unknown[] = [];
    const second = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        got.push(...noticesIn(JSON.parse(body)));
        response.writeHead(204, { 'manifold-reads': '2' }).end();
      });
    });
    second.listen(hanging.port, '127.0.0.2');
    await once(second, 'listening');
    closedAtTheEnd(async () => second.closeAllConnections());
    closedAtTheEnd(async () => void second.close());
    const told = Promise.all(Array.from({ length: 100 }, (_, at) => others.tell(ended(at))));
    await expect.poll(() => got.length).toBe(100);
    await told;
  });

  test('leave as a few messages where the peer reads them', async () => {
    const server = await startRawServer(readsMany);
    const peers = peersOf(`127.0.0.1:${server.port}`);
    await peers.tell(ended(0));
    await Promise.all(Array.from({ length: 600 }, (_, at) => peers.tell(ended(at + 1))));
    expect(server.requests.length).toBeLessThan(8);
    const all = server.requests.flatMap(({ json }) => noticesIn(json));
    expect(new Set(all.map((notice) => JSON.stringify(notice))).size).toBe(601);
    for (const { body } of server.requests) expect(body.length).toBeLessThan(64 * 1024);
  });

  test('arrive at a replica of this release', async () => {
    const peers = peersOf(`127.0.0.1:${port}`);
    await peers.tell(ended(0));
    await Promise.all(Array.from({ length: 600 }, (_, at) => peers.tell(ended(at + 1))));
    expect(heard).toHaveLength(601);
  });

  test('go one by one to a replica of release 0.1, which reads nothing else', async () => {
    const { server, most } = await countingServer((request, response) => {
      const isOne =
        Object.keys(request.json as object)
          .toSorted()
          .join() === 'at,notice';
      response.writeHead(isOne ? 204 : 404).end();
    });
    const peers = peersOf(`127.0.0.1:${server.port}`);
    await Promise.all(Array.from({ length: 50 }, (_, at) => peers.tell(ended(at))));
    expect(server.requests).toHaveLength(50);
    expect(most()).toBeLessThanOrEqual(4);
    expect(server.requests[0]?.body.toString()).toBe(
      `{"notice":{"kind":"ended","jti":"${'A'.repeat(21)}0","expiresAt":${now + 60}},"at":${now}}`,
    );
  });

  test('are told again, one by one, when a peer goes back to the release before', async () => {
    const server = await startRawServer(readsMany);
    const peers = peersOf(`127.0.0.1:${server.port}`);
    await peers.tell(ended(0));
    const taken: unknown[] = [];
    server.answerWith((request, response) => {
      const isOne = 'notice' in (request.json as object);
      if (isOne) taken.push(...noticesIn(request.json));
      response.writeHead(isOne ? 204 : 404).end();
    });
    await Promise.all(Array.from({ length: 20 }, (_, at) => peers.tell(ended(at + 1))));
    expect(taken).toHaveLength(20);
  });

  test('that say the same are told once', async () => {
    const server = await startRawServer(readsMany);
    const peers = peersOf(`127.0.0.1:${server.port}`);
    await Promise.all(Array.from({ length: 50 }, () => peers.tell(ended(1))));
    expect(server.requests).toHaveLength(1);
  });
});

describe('cancellations', () => {
  test('of requests that nobody knows are gathered, and bounded for each session', async () => {
    const server = await startRawServer(readsMany);
    const peers = peersOf(`127.0.0.1:${server.port}`);
    await peers.tell(ended(0));
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => peers.tell(cancelled(at))));
    const other = 'otherabcdefghijklmnopq';
    await peers.tell(cancelled(1, other));
    const told = server.requests.slice(1).flatMap(({ json }) => noticesIn(json));
    expect(told).toHaveLength(257);
    expect(told.at(-1)).toEqual(cancelled(1, other));
    expect(server.requests.length).toBeLessThan(8);
  });

  test('with an id of any size are not told past 512 characters', async () => {
    const server = await startRawServer(readsMany);
    const peers = peersOf(`127.0.0.1:${server.port}`);
    await peers.tell({ kind: 'cancelled', jti, requestId: `"${'x'.repeat(4 * 1024 * 1024)}"` });
    await peers.tell({ kind: 'cancelled', jti, requestId: `"${'x'.repeat(511)}"` });
    expect(server.requests).toHaveLength(0);
    await peers.tell({ kind: 'cancelled', jti, requestId: `"${'x'.repeat(510)}"` });
    expect(server.requests).toHaveLength(1);
  });
});

/** The answer to a request with these lines and this body, to the byte but for the date. */
async function rawAnswer(at: number, lines: readonly string[], body = ''): Promise<string> {
  const socket = connect(at, '127.0.0.1');
  socket.write(`${[...lines, 'Host: localhost', 'Connection: close'].join('\r\n')}\r\n\r\n${body}`);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  await once(socket, 'close');
  return text.replace(/Date: [^\r]+/, '');
}

/** Whether there is an answer although the body never comes. */
async function isAnswered(at: number, path: string, headers: readonly string[]): Promise<boolean> {
  const socket = connect(at, '127.0.0.1');
  socket.write(`${[`POST ${path} HTTP/1.1`, 'Host: x', ...headers].join('\r\n')}\r\n\r\n`);
  const first = await Promise.race([once(socket, 'data').then(() => true), sleep(300).then(() => false)]);
  socket.destroy();
  return first;
}

describe('whoever cannot sign', () => {
  let at: number;
  const body = '{"notice":{},"at":1}';
  const json = ['Content-Type: application/json', `Content-Length: ${body.length}`];
  const signature = `Manifold-Signature: ${'0'.repeat(64)}`;

  beforeAll(async () => {
    const server = mcpServer(
      () => undefined,
      (app) => peersOf(undefined).receive(app, async () => {}),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closedAtTheEnd(async () => server.closeAllConnections());
    closedAtTheEnd(async () => void server.close());
    at = (server.address() as AddressInfo).port;
  });

  test.each([
    ['GET', [], ''],
    ['HEAD', [], ''],
    ['OPTIONS', [], ''],
    ['DELETE', [], ''],
    ['PUT', json, body],
    ['PATCH', json, body],
    ['TRACE', [], ''],
    ['POST', ['Content-Length: 0'], ''],
    ['POST', json, body],
    ['POST', [...json, signature], body],
    ['POST', [...json, 'Manifold-Signature: x'], body],
    ['POST', [...json, signature, 'Content-Encoding: gzip'], body],
    ['POST', [...json, signature, 'Content-Type: text/plain'], body],
    ['POST', ['Content-Type: text/plain', `Content-Length: ${body.length}`, signature], body],
    ['POST', ['Content-Type: application/json', 'Content-Length: 70000', signature], 'x'.repeat(70_000)],
    ['OPTIONS', [signature], ''],
    ['GET', [signature], ''],
  ] as const)('finds no page, as anywhere: %s %j', async (method, headers, sent) => {
    const [there, elsewhere] = await Promise.all(
      ['/.manifold/notice', '/.manifold/no-such'].map((path) =>
        rawAnswer(at, [`${method} ${path} HTTP/1.1`, ...headers], sent),
      ),
    );
    expect(there).toMatch(/^HTTP\/1\.1 404 /);
    expect(there).toBe(elsewhere);
  });

  test('is not let wait for a body that never comes, or everywhere', async () => {
    for (const headers of [json, [...json, signature]])
      expect(await isAnswered(at, '/.manifold/notice', headers)).toBe(await isAnswered(at, '/nowhere', headers));
  });
});
