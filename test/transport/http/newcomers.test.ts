import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Newcomers } from '../../../src/transport/http/newcomers.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server whose requests name themselves in their path; `onRequest` is told of each. */
async function listening(newcomers: Newcomers, onRequest: (path: string) => void): Promise<() => Socket> {
  const server = createServer((request, response) => {
    newcomers.known(request.socket);
    onRequest(request.url!);
    response.end('ok');
  });
  servers.push(server);
  server.on('connection', (socket) => newcomers.arrived(socket));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return () => connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const connected = (sockets: readonly Socket[]): Promise<unknown> =>
  Promise.all(sockets.map((socket) => new Promise((resolve) => void socket.once('connect', resolve))));

test('what has not asked yet is read one after another once it was held, and whoever has asked is not held', async () => {
  const newcomers = new Newcomers();
  const asked: string[] = [];
  const open = await listening(newcomers, (path) => {
    asked.push(path);
    if (path === '/first') newcomers.hold();
  });
  const known = open();
  await connected([known]);
  known.write(get('/known'));
  await expect.poll(() => asked).toEqual(['/known']);
  const [first, ...others] = Array.from({ length: 6 }, open);
  await connected([first!, ...others]);
  // All of these are known to the server before the first of them says anything.
  known.write(get('/known'));
  await expect.poll(() => asked).toHaveLength(2);
  first!.write(get('/first'));
  await expect.poll(() => asked).toHaveLength(3);
  for (const [n, socket] of others.entries()) socket.write(get(`/${n}`));
  known.write(get('/known'));
  await expect.poll(() => asked.length).toBe(9);
  expect(new Set(asked)).toEqual(new Set(['/known', '/first', '/0', '/1', '/2', '/3', '/4']));
});

test('one that has gone meanwhile takes no turn', async () => {
  const newcomers = new Newcomers();
  const asked: string[] = [];
  const open = await listening(newcomers, (path) => {
    asked.push(path);
    newcomers.hold();
  });
  const [caller, ...gone] = Array.from({ length: 50 }, open);
  await connected([caller!, ...gone]);
  caller!.write(get('/one'));
  await expect.poll(() => asked).toEqual(['/one']);
  const last = open();
  for (const socket of gone) socket.destroy();
  last.write(get('/two'));
  await expect.poll(() => asked).toEqual(['/one', '/two']);
  for (const socket of [caller!, last]) socket.destroy();
});
