/** How long a broken answer is taken up again: so often in a row, and for this long in all. The test turns the clock. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startInside } from '../../support/gateway-inside.ts';
import type { KeepingUpstream, KeptCall } from '../../support/keeping-upstream.ts';
import { startKeeping } from '../../support/keeping-upstream.ts';
import type { OpenStream, PlainSession } from '../../support/plain-client.ts';
import { listenTo, openSession, openStream, posting } from '../../support/plain-client.ts';
import { cut } from '../../support/raw-server.ts';

afterEach(() => void vi.useRealTimers());

/** A call after its first event. */
async function begun(
  session: PlainSession,
  { calls }: KeepingUpstream,
): Promise<{ stream: OpenStream; at: KeptCall; id: string }> {
  const stream = await openStream(session.url, {
    headers: posting('Mcp-Session-Id', session.token),
    body: '{"jsonrpc":"2.0","id":"call","method":"tools/call","params":{"name":"up__x","arguments":{},"_meta":{"progressToken":1}}}',
  });
  calls[0]!.progress(1);
  await stream.until(({ params }) => params?.['progress'] === 1);
  return { stream, at: calls[0]!, id: /^id: (.+)$/m.exec(stream.text())![1]! };
}

const seen = ({ messages }: OpenStream): unknown[] =>
  messages.map(({ params, error, result }) => params?.['progress'] ?? error?.code ?? result?.['content']);

/** Turns the clock by a quarter of a second at a time, as the sockets go on in theirs, until the stream has ended. */
async function turnUntilEnd({ ended }: OpenStream): Promise<void> {
  const ending = { isOver: false };
  void ended.then(() => (ending.isOver = true));
  for (let turns = 0; !ending.isOver && turns < 2_000; turns += 1) {
    vi.advanceTimersByTime(250);
    await sleep(5);
  }
  await ended;
}

describe('an upstream that breaks off each time it is asked to go on', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));

  test('is asked 12 times in a row for the rest of an answer, and then the call has failed', async () => {
    const upstream = await startKeeping();
    const { stream, at } = await begun(await openSession(await startInside({ up: { url: upstream.url } })), upstream);
    for (let broken = 0; broken < 20; broken += 1) upstream.answerNextGetWith(cut);
    at.cut();
    await turnUntilEnd(stream);
    expect(upstream.gets).toEqual(Array.from({ length: 12 }, () => '1-1'));
    expect(seen(stream)).toEqual([1, -32603]);
  });

  test('has a new dozen after each event', async () => {
    const upstream = await startKeeping();
    const { stream, at } = await begun(await openSession(await startInside({ up: { url: upstream.url } })), upstream);
    for (let broken = 0; broken < 11; broken += 1) upstream.answerNextGetWith(cut);
    upstream.answerNextGetWith((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2}}';
      response.write(`id: 1-2\ndata: ${event}\n\n`, () => void setTimeout(() => response.destroy(), 50));
    });
    for (let broken = 0; broken < 20; broken += 1) upstream.answerNextGetWith(cut);
    at.cut();
    await turnUntilEnd(stream);
    expect([upstream.gets.length, upstream.gets.at(-1), seen(stream)]).toEqual([24, '1-2', [1, 2, -32603]]);
  });

  test('is asked 12 times more for a client that has come back, whose stream then ends', async () => {
    const upstream = await startKeeping();
    const session = await openSession(await startInside({ up: { url: upstream.url } }));
    const { stream, at, id } = await begun(session, upstream);
    stream.close();
    await expect.poll(() => at.isRead).toBe(false);
    for (let broken = 0; broken < 20; broken += 1) upstream.answerNextGetWith(cut);
    const resumed = await listenTo(session, id);
    await turnUntilEnd(resumed);
    expect(upstream.gets).toEqual(Array.from({ length: 13 }, () => '1-1'));
    expect(resumed.messages).toEqual([]);
  });
});

test('an answer that breaks off is taken up within the hour, and not after it', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const upstream = await startKeeping();
  const { stream, at } = await begun(await openSession(await startInside({ up: { url: upstream.url } })), upstream);
  vi.advanceTimersByTime(3_590_000);
  at.cut();
  at.progress(2);
  await stream.until(({ params }) => params?.['progress'] === 2);
  vi.advanceTimersByTime(20_000);
  at.cut();
  await stream.ended;
  expect(seen(stream)).toEqual([1, 2, -32603]);
  expect(upstream.gets).toEqual(['1-1']);
});
