/** A client misses nothing from the moment its GET stream is open: the upstreams' streams are open by then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import type { OpenStream } from '../../support/plain-client.ts';
import { logged, startPushing } from '../../support/pushing-upstream.ts';
import type { RawHandler } from '../../support/raw-server.ts';
import { hang } from '../../support/raw-server.ts';
import { openingBytes } from '../../../src/transport/http/limits.ts';

async function openedAt(...urls: readonly string[]): Promise<OpenStream> {
  const mcpServers = Object.fromEntries(urls.map((url, i) => [`s${i}`, { url }]));
  const { url } = await startGateway({ config: { mcpServers }, admin: false });
  return await listenTo(await openSession(url));
}

const event = (data: unknown, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify({ jsonrpc: '2.0', ...logged(data) })}\n\n`;

/** Opens a stream after `ms` and writes `text` with its head. */
const streaming = (ms: number, text: string): RawHandler => {
  return async (_request, response) => {
    await sleep(ms);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text);
  };
};

const dataIn = ({ messages }: OpenStream): unknown[] => messages.map(({ params }) => params?.['data']);

test('what an upstream pushes right after the head has come arrives, though its stream took a while to open', async () => {
  const slow = await startPushing();
  const instead: { push?: () => void } = {};
  slow.answerGetWith(async (_request, response) => {
    await sleep(100);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    instead.push = () => void response.write(event('late'));
  });
  const stream = await openedAt(slow.url);
  // Without a stream nobody would hear it.
  instead.push?.();
  await expect.poll(() => dataIn(stream)).toEqual(['late']);
});

test('what comes on a stream at once is kept while another one opens, in order and with its ids', async () => {
  const [eager, slow] = [await startPushing(), await startPushing()];
  eager.answerGetWith(streaming(0, event('one', 'e1') + event('two', 'e2')));
  slow.answerGetWith(streaming(100, event('three')));
  const stream = await openedAt(eager.url, slow.url);
  await expect.poll(() => dataIn(stream)).toEqual(['one', 'two', 'three']);
  expect(stream.text().match(/^id: /gm)).toHaveLength(2);
});

test('more than is kept opens it at once: nothing of it is lost', async () => {
  const [eager, silent] = [await startPushing(), await startPushing()];
  const pieces = Array.from({ length: 20 }, (_, i) => `${i} ${'x'.repeat(openingBytes / 8)}`);
  eager.answerGetWith(streaming(0, pieces.map((piece) => event(piece)).join('')));
  silent.answerGetWith(hang);
  const stream = await openedAt(eager.url, silent.url);
  await expect.poll(() => dataIn(stream)).toEqual(pieces);
});

test('a gateway that drains while it opens ends it in good order', async () => {
  const silent = await startPushing();
  silent.answerGetWith(hang);
  const gateway = await startGateway({ config: { mcpServers: { silent: { url: silent.url } } }, admin: false });
  const session = await openSession(gateway.url);
  const opening = listenTo(session);
  await expect.poll(() => silent.gets.length).toBe(1);
  void gateway.kill();
  expect((await opening).headers['content-type']).toBe('text/event-stream');
});
