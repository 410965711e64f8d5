/**
 * A session's call at a modern upstream, taken back at another replica than the one that made it (2025-11-25
 * basic/utilities/cancellation).
 */
import { once } from 'node:events';
import { beforeAll, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { startModern } from '../../support/modern-upstream.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { RawRequest } from '../../support/raw-server.ts';
import { makeKeysFile } from '../../support/replicas.ts';

let upstream: ModernUpstream;
let one: GatewayProcess;
let two: GatewayProcess;
let arrived: PromiseWithResolvers<RawRequest>;

beforeAll(async () => {
  upstream = await startModern((_message, response, request) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    arrived.resolve(request);
  });
  const config = { mcpServers: { up: { url: upstream.url } } };
  const keysFile = await makeKeysFile();
  one = await startGateway({ config, keysFile, admin: false, args: ['--workers', '2'] });
  two = await startGateway({ config, keysFile, admin: false, args: ['--peers', new URL(one.url).host] });
});

function call(session: PlainSession, id: string): ReturnType<PlainSession['post']> {
  arrived = Promise.withResolvers();
  return session.post(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"up__wait"}}`);
}

function takeBack(session: PlainSession, id: string): ReturnType<PlainSession['post']> {
  return session.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`);
}

test('it is closed there, whichever worker has it, and its stream ends without an answer', async () => {
  const session = await openSession(two.url);
  for (const id of ['7', '"seven"']) {
    const answered = call(session.at(one.url), id);
    const { signal } = await arrived.promise;
    const closed = once(signal, 'abort');
    expect((await takeBack(session, id)).status).toBe(202);
    await closed;
    expect(await answered).toMatchObject({ status: 200, body: '' });
  }
});

test('a call under the same id of another session goes on, and so does one whose id has another JSON type', async () => {
  const [mine, others] = [await openSession(two.url), await openSession(two.url)];
  void call(mine.at(one.url), '8').catch(() => {});
  const { signal } = await arrived.promise;
  await takeBack(others, '8');
  await takeBack(mine, '"8"');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(signal.aborted).toBe(false);
  const closed = once(signal, 'abort');
  await takeBack(mine, '8');
  await closed;
});
