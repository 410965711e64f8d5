/**
 * A changed list is told to the peers before the client hears of it, as the client may list at any of them next (docs/operating.md
 * §Peers).
 */
import type { ServerResponse } from 'node:http';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import type { PushingUpstream } from '../../support/pushing-upstream.ts';
import { startPushing } from '../../support/pushing-upstream.ts';
import type { RawServer } from '../../support/raw-server.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { makeKeysFile } from '../../support/replicas.ts';

const patience = { timeout: 20_000 };
const changed = 'notifications/tools/list_changed';

let keeping: PushingUpstream;
let plain: PushingUpstream;
let peer: RawServer;
let gateway: GatewayProcess;
/** What the peer has not answered yet. */
let unanswered: ServerResponse[] = [];

beforeAll(async () => {
  keeping = await startPushing();
  plain = await startPushing({ hasSessions: false });
  peer = await startRawServer((_request, response) => void unanswered.push(response));
  const config = { mcpServers: { keeping: { url: keeping.url }, plain: { url: plain.url } } };
  gateway = await startGateway({
    config,
    keysFile: await makeKeysFile(),
    admin: false,
    args: ['--peers', `127.0.0.1:${peer.port}`],
  });
});

beforeEach(() => {
  unanswered = [];
});

const answer = (): void => unanswered.splice(0).forEach((response) => void response.writeHead(204).end());
const methodsOf = (messages: readonly Rpc[]): unknown[] => messages.map(({ method }) => method);
const noticesFrom = (count: number): unknown[] =>
  peer.requests.slice(count).map(({ json }) => (json as { notice: unknown }).notice);
const silence = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 100));

test('what an upstream says meanwhile stays behind the change, in order and under its event ids', async () => {
  const stream = await listenTo(await openSession(gateway.url));
  await expect.poll(() => keeping.open, patience).toBe(1);
  const before = peer.requests.length;
  keeping.push({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 1 } }, 'a');
  await stream.until(({ params }) => params?.['data'] === 1);
  keeping.push({ jsonrpc: '2.0', method: changed }, 'b');
  for (const data of [2, 3])
    keeping.push({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } }, `c${data}`);
  await expect.poll(() => unanswered.length, patience).toBe(1);
  await silence();
  expect(stream.messages).toHaveLength(1);
  expect(noticesFrom(before)).toEqual([
    { kind: 'changed', upstream: expect.any(Number), list: 'tools', audience: expect.any(String) },
  ]);
  answer();
  await stream.until(({ params }) => params?.['data'] === 3);
  expect(stream.messages.slice(1).map(({ method, params }) => params?.['data'] ?? method)).toEqual([changed, 2, 3]);
  expect(new Set(stream.text().match(/^id: .+$/gm)).size).toBeGreaterThanOrEqual(4);
  stream.close();
  await expect.poll(() => keeping.open, patience).toBe(0);
});

test('two changes in a row are each told before they are heard', async () => {
  const stream = await listenTo(await openSession(gateway.url));
  await expect.poll(() => keeping.open, patience).toBe(1);
  for (const list of ['prompts', 'resources'])
    keeping.push({ jsonrpc: '2.0', method: `notifications/${list}/list_changed` });
  for (const heard of [1, 2]) {
    await expect.poll(() => unanswered.length, patience).toBe(1);
    expect(stream.messages).toHaveLength(heard - 1);
    answer();
    await expect.poll(() => stream.messages.length, patience).toBe(heard);
  }
  expect(methodsOf(stream.messages)).toEqual([
    'notifications/prompts/list_changed',
    'notifications/resources/list_changed',
  ]);
  stream.close();
  await expect.poll(() => keeping.open, patience).toBe(0);
});

test('a change that many sessions share is told once, and once more', async () => {
  const sessions = await Promise.all([1, 2, 3, 4, 5].map(() => openSession(gateway.url)));
  const streams = await Promise.all(sessions.map((session) => listenTo(session)));
  await expect.poll(() => plain.open, patience).toBe(5);
  const before = peer.requests.length;
  plain.push({ jsonrpc: '2.0', method: changed });
  await expect.poll(() => unanswered.length, patience).toBe(1);
  await silence();
  answer();
  await expect.poll(() => unanswered.length, patience).toBe(1);
  answer();
  for (const stream of streams) await stream.until(({ method }) => method === changed);
  expect(noticesFrom(before)).toHaveLength(2);
  for (const stream of streams) stream.close();
});

test('a client hears of a change although no peer answers', async () => {
  const stream = await listenTo(await openSession(gateway.url));
  await expect.poll(() => keeping.open, patience).toBe(1);
  keeping.push({ jsonrpc: '2.0', method: changed });
  await expect.poll(() => unanswered.length, patience).toBe(1);
  await stream.until(({ method }) => method === changed);
  expect(unanswered).toHaveLength(1);
  stream.close();
});
