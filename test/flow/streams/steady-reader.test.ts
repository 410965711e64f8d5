/**
 * A client that reads slowly and steadily gets everything; one that reads nothing is cut. The test turns the clock: a quarter of a
 * second of the gateway passes in a few milliseconds.
 */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stuckClientMs } from '../../../src/transport/http/limits.ts';
import { startInside } from '../../support/gateway-inside.ts';
import { openSession, posting } from '../../support/plain-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const size = 8_000_000;
const tickMs = 250;
/** 40 kB a second. */
const bytesPerTick = 10_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** The answer of a call, of which nothing is read yet. */
async function begun(how: 'json' | 'events'): Promise<IncomingMessage> {
  const upstream = await startScripted((message, response) => {
    const text = resultOf(message, { content: [{ type: 'text', text: 'x'.repeat(size) }] });
    if (how === 'json') sayJson(response, text);
    else response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${text}\n\n`);
  });
  const session = await openSession(await startInside({ up: { url: upstream.url } }));
  const asked = request(session.url, {
    method: 'POST',
    agent: false,
    headers: posting('Host', new URL(session.url).host, 'Mcp-Session-Id', session.token),
  });
  asked.end('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__x"}}');
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  response.pause();
  closedAtTheEnd(() => Promise.resolve(void response.destroy()));
  return response;
}

describe.each(['json', 'events'] as const)('an answer of 8 MB as %s', (how) => {
  test('reaches a client that takes 40 kB a second, for more than three minutes', async () => {
    const response = await begun(how);
    let got = 0;
    let ticks = 0;
    const state = { hasEnded: false, isCut: false };
    response.on('end', () => (state.hasEnded = true));
    response.on('aborted', () => (state.isCut = true));
    for (; !state.hasEnded && !state.isCut && ticks < 4_000; ticks += 1) {
      vi.advanceTimersByTime(tickMs);
      await sleep(1);
      // No more than its share, whatever has come meanwhile; at the end whatever is left.
      const chunk = response.read(Math.min(bytesPerTick, Math.max(response.readableLength, 1))) as Buffer | null;
      got += chunk?.length ?? 0;
    }
    expect(state).toEqual({ hasEnded: true, isCut: false });
    expect(got).toBeGreaterThan(size);
    expect(ticks * tickMs).toBeGreaterThan(stuckClientMs);
  }, 60_000);

  test('is not kept for a client that takes nothing', async () => {
    const response = await begun(how);
    const cut = once(response.socket, 'close');
    const state = { isOver: false };
    void cut.then(() => (state.isOver = true));
    let ticks = 0;
    for (; !state.isOver && ticks < 4_000; ticks += 1) {
      vi.advanceTimersByTime(tickMs);
      await sleep(1);
      // The end of a connection shows only where somebody reads; by then what the kernel had is all that comes.
      if (ticks * tickMs > stuckClientMs * 2) response.resume();
    }
    expect(state.isOver).toBe(true);
    expect(response.complete).toBe(false);
  }, 60_000);
});
