/** A client that reads slowly slows its upstream, and costs the gateway no more than a bound. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { openSession, posting } from '../../support/plain-client.ts';
import { resultOf, sayEvents, startScripted } from '../../support/scripted-upstream.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const mebi = 1024 * 1024;
const times = 1_024;
const data = 'x'.repeat(64 * 1024);
const event = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } });
/** Of 64 MiB that are pushed: what may be on its way at any time, in the kernel's buffers of four sockets above all. */
const onTheWay = 24 * mebi;

let proxy: FaultProxy;
let session: PlainSession;

const pushAll = async (response: ServerResponse, signal: AbortSignal): Promise<void> => {
  const say = sayEvents(response);
  for (let n = 0; n < times; n += 1) {
    say(event);
    if (response.writableNeedDrain) await once(response, 'drain', { signal });
  }
};

beforeAll(async () => {
  const upstream = await startScripted(
    async (message, response, { signal }) => {
      await pushAll(response, signal);
      response.end(`data: ${resultOf(message, { content: [] })}\n\n`);
    },
    {
      sessionId: 'pressing-1',
      capabilities: { tools: {}, logging: {} },
      get: ({ signal }, response) => pushAll(response, signal),
    },
  );
  proxy = await startFaultProxy(upstream.url);
  session = await openSession(
    (await startGateway({ config: { mcpServers: { pressing: { url: proxy.url } } }, admin: false })).url,
  );
});

/** A stream that is not read until `read` is called. */
async function unread(method: 'GET' | 'POST'): Promise<{ read(): Promise<number>; close(): void }> {
  const { hostname, port, pathname } = new URL(session.url);
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'pressing__x' } };
  const asked = request({
    hostname,
    port,
    path: pathname,
    method,
    headers: posting('Host', `localhost:${port}`, 'Mcp-Session-Id', session.token),
    agent: false,
  });
  asked.end(method === 'POST' ? JSON.stringify(call) : undefined);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.pause();
  response.on('error', () => {});
  closedAtTheEnd(() => Promise.resolve(void response.destroy()));
  return {
    read: async () => {
      let events = 0;
      response.setEncoding('latin1');
      response.on('data', (text: string) => void (events += text.split('{"jsonrpc"').length - 1));
      response.resume();
      await (method === 'POST' ? once(response, 'end') : expect.poll(() => events).toBeGreaterThan(times - 20));
      return events;
    },
    close: () => void response.destroy(),
  };
}

async function standstill(): Promise<number> {
  for (let last = -1; ; await sleep(300)) {
    if (proxy.passed.down === last && last > 0) return last;
    last = proxy.passed.down;
  }
}

describe('a client that does not read', () => {
  for (const method of ['POST', 'GET'] as const) {
    test(`its ${method} stream brings the upstream to a standstill; others go on; all of it arrives once it reads`, async () => {
      const before = proxy.passed.down;
      const stream = await unread(method);
      await expect.poll(() => proxy.passed.down - before).toBeGreaterThan(64 * 1024);
      expect((await standstill()) - before).toBeLessThan(onTheWay);
      expect((await session.ask('ping')).result).toEqual({});
      // A border between chunks may fall into the bytes that are counted.
      expect(await stream.read()).toBeGreaterThan(times - 20);
      stream.close();
    });
  }

  test('and leaves, lets the upstream finish: leaving is no cancellation, and nothing is kept for it', async () => {
    const before = proxy.passed.down;
    const stream = await unread('POST');
    await standstill();
    stream.close();
    await expect.poll(() => proxy.passed.down - before).toBeGreaterThan(64 * mebi);
  });
});
