/** The stream to one client: heartbeats and patience come from the wheel, whose clock the test turns. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EventStream } from '../../../src/transport/http/event-stream.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';

// Only the wheel's own timer is turned by hand; sockets go on by themselves.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
const opened: { close(): void }[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const each of opened.splice(0)) each.close();
});

async function streamed(
  count = 1,
): Promise<{ streams: EventStream[]; texts: string[]; wheel: Wheel; pause: () => void }> {
  const wheel = new Wheel();
  const streams: EventStream[] = [];
  const server = createServer((_request, response: ServerResponse) => {
    const stream = new EventStream(response, wheel);
    streams.push(stream);
    stream.open(Buffer.from(': open\n\n'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  const texts: string[] = [];
  const responses = await Promise.all(
    Array.from({ length: count }, async (_each, index) => {
      const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
      const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
      texts[index] = '';
      response.on('data', (chunk) => (texts[index] += String(chunk)));
      response.on('error', () => {});
      return response;
    }),
  );
  await vi.waitFor(() => expect(texts).toEqual(Array.from({ length: count }, () => ': open\n\n')));
  return {
    streams,
    texts,
    wheel,
    pause: () => {
      for (const response of responses) response.pause();
    },
  };
}

describe('a heartbeat', () => {
  test('is a comment, 15 seconds after the last byte and every 15 seconds from then on', async () => {
    const { texts } = await streamed();
    vi.advanceTimersByTime(14_500);
    expect(texts[0]).toBe(': open\n\n');
    vi.advanceTimersByTime(1_000);
    await vi.waitFor(() => expect(texts[0]).toBe(': open\n\n:\n\n'));
    vi.advanceTimersByTime(16_000);
    await vi.waitFor(() => expect(texts[0]).toBe(': open\n\n:\n\n:\n\n'));
  });

  test('is left out where an event has shown that the connection lives', async () => {
    const { streams, texts } = await streamed();
    streams[0]!.write(Buffer.from('data: 1\n\n'));
    vi.advanceTimersByTime(16_000);
    streams[0]!.write(Buffer.from('data: 2\n\n'));
    await vi.waitFor(() => expect(texts[0]).toBe(': open\n\ndata: 1\n\ndata: 2\n\n'));
  });

  test('of a hundred streams costs one timer, and none when the last has ended', async () => {
    const { streams, wheel } = await streamed(100);
    expect([wheel.armed, vi.getTimerCount()]).toEqual([100, 1]);
    for (const stream of streams) stream.end();
    await vi.waitFor(() => expect([wheel.armed, vi.getTimerCount()]).toEqual([0, 0]));
  });
});

describe('a client that takes nothing', () => {
  const large = Buffer.alloc(64 * 1024, 'x');

  async function stuck(): Promise<{ stream: EventStream; drained: () => boolean; gone: () => boolean }> {
    const { streams, pause } = await streamed();
    const stream = streams[0]!;
    let isDrained = false;
    let isGone = false;
    stream.owner = { onDrain: () => void (isDrained = true), onGone: () => void (isGone = true) };
    pause();
    let written = 0;
    while (!stream.isFull || written < 32 * 1024 * 1024) {
      stream.write(large);
      written += large.length;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { stream, drained: () => isDrained, gone: () => isGone };
  }

  test('is cut after 3 minutes and not before, and what feeds it learns of it', async () => {
    const { stream, drained, gone } = await stuck();
    vi.advanceTimersByTime(179_000);
    expect([stream.isOpen, gone(), drained()]).toEqual([true, false, false]);
    vi.advanceTimersByTime(32_000);
    expect([stream.isOpen, gone()]).toEqual([false, true]);
    // Whoever writes in the same turn does no harm.
    expect(stream.write(large)).toBe(true);
  });

  test('is cut as well when only the end is left to take', async () => {
    const { stream, gone } = await stuck();
    stream.end(Buffer.from('data: last\n\n'));
    vi.advanceTimersByTime(211_000);
    expect(stream.isOpen).toBe(false);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0));
    expect(gone()).toBe(false);
  });
});
