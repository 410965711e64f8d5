import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readBody } from '../../../src/transport/http/accept.ts';
import { budget } from '../../../src/transport/http/budget.ts';
import { maxSmallPiecesPerSecond, smallPieceBurst } from '../../../src/transport/http/limits.ts';
import { BodyTurns } from '../../../src/transport/http/turns.ts';

let server: Server;
beforeAll(async () => {
  server = createServer((request, response) =>
    readBody(request, (fault, body) =>
      response.end(fault?.code ?? `${body.length} ${body.toString('latin1').slice(-4)}`),
    ),
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const opened = (): { socket: Socket; said: () => string } => {
  const socket = connect((server.address() as AddressInfo).port);
  let said = '';
  socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
  socket.on('error', () => {});
  return { socket, said: () => said };
};
const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunksOf = (size: number, count: number): string =>
  `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`.repeat(count);

test('twenty bodies of 3 MiB in pieces, sent at the same time, all arrive whole and in their order', async () => {
  const text = chunksOf(16_384, 191) + '4000\r\n' + 'y'.repeat(16_384) + '\r\n0\r\n\r\n';
  const all = Array.from({ length: 20 }, opened);
  for (const { socket } of all) socket.write(chunked + text);
  for (const { said } of all) await expect.poll(said, { timeout: 20_000 }).toContain(`${3 * 1024 * 1024} yyyy`);
  expect(budget.used).toBe(0);
  for (const { socket } of all) socket.destroy();
});

test('a connection serves the next request after a body that came in pieces', async () => {
  const { socket, said } = opened();
  socket.write(`${chunked}${chunksOf(1, 500)}0\r\n\r\n`);
  await expect.poll(said).toContain('500 xxxx');
  socket.write(`${chunked}${chunksOf(1, 300)}0\r\n\r\n${chunked}${chunksOf(1, 301)}0\r\n\r\n`);
  await expect.poll(said).toContain('300 xxxx');
  await expect.poll(said).toContain('301 xxxx');
  socket.destroy();
});

test('small pieces beyond the burst are read at their rate, and large ones of other bodies go on', async () => {
  const { socket } = opened();
  socket.write(chunked);
  for (let sent = 0; sent < 400_000; sent += 10_000) socket.write(chunksOf(1, 10_000));
  await expect.poll(() => budget.used).toBeGreaterThan(smallPieceBurst / 2);
  const other = opened();
  other.socket.write(`${chunked}${chunksOf(16_384, 100)}0\r\n\r\n`);
  await expect.poll(other.said).toContain(`${16_384 * 100} xxxx`);
  expect(budget.used).toBeLessThan(100_000);
  socket.destroy();
  other.socket.destroy();
});

test('who waits for small pieces waits until they are earned; one goes on at a time', async () => {
  let nowMs = 0;
  const turns = new BodyTurns(() => nowMs);
  let taken = 0;
  while (turns.took(1, true)) taken += 1;
  expect(taken).toBe(smallPieceBurst - 1);
  const went: string[] = [];
  const goOn =
    (name: string): (() => boolean) =>
    () => {
      went.push(name);
      // What a socket has ready is read at once.
      while (turns.took(1, true));
      return true;
    };
  turns.wait(true, () => false);
  turns.wait(true, goOn('first'));
  turns.wait(true, goOn('second'));
  turns.wait(false, goOn('large'));
  await expect.poll(() => went).toEqual(['large']);
  nowMs = 2_000 / maxSmallPiecesPerSecond;
  await expect.poll(() => went).toEqual(['large', 'first']);
});
