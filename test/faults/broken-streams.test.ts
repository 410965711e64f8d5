/** An upstream dies in the middle of fifty answers (2025-11-25 basic/transports §Resumability and Redelivery). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { KeepingUpstream, KeptCall } from '../support/keeping-upstream.ts';
import { startKeeping } from '../support/keeping-upstream.ts';
import type { OpenStream, PlainSession } from '../support/plain-client.ts';
import { openSession, openStream, posting } from '../support/plain-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const streams = 50;
const events = 100;

let kept: KeepingUpstream;
let idless: KeepingUpstream;
let toKept: FaultProxy;
let toIdless: FaultProxy;
let session: PlainSession;

beforeAll(async () => {
  kept = await startKeeping();
  idless = await startKeeping({ hasNoIds: true });
  toKept = await startFaultProxy(kept.url);
  toIdless = await startFaultProxy(idless.url);
  const other = await startStatefulServer({ name: 'other' });
  const mcpServers = { kept: { url: toKept.url }, idless: { url: toIdless.url }, other: { url: other.url } };
  session = await openSession((await startGateway({ config: { mcpServers }, admin: false })).url);
});

async function begin(name: string, upstream: KeepingUpstream): Promise<{ opened: OpenStream[]; calls: KeptCall[] }> {
  const before = upstream.calls.length;
  const opened = await Promise.all(
    Array.from({ length: streams }, (_each, index) =>
      openStream(session.url, {
        headers: posting('Mcp-Session-Id', session.token),
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: `${name} ${before + index}`,
          method: 'tools/call',
          params: { name: `${name}__x`, _meta: { progressToken: before + index } },
        }),
      }),
    ),
  );
  return { opened, calls: upstream.calls.slice(before) };
}

const seen = ({ messages }: OpenStream): unknown[] =>
  messages.map(
    ({ params, error, result }) => params?.['progress'] ?? error?.code ?? (result === undefined ? '?' : 'result'),
  );
const numbers = (last: number): number[] => Array.from({ length: last }, (_each, index) => index + 1);

/** Calls of another upstream, one after the other until `over`; gives those that failed. */
async function meanwhile(over: Promise<unknown>): Promise<{ calls: number; failed: number }> {
  const count = { calls: 0, failed: 0, isOver: false };
  void over.then(() => (count.isOver = true));
  do {
    const { result } = await session.ask('tools/call', { name: 'other__echo', arguments: { n: count.calls } });
    count.calls += 1;
    if (result === undefined) count.failed += 1;
  } while (!count.isOver);
  return count;
}

for (const k of [1, 50, 99]) {
  describe(`after event ${k} of ${events}`, () => {
    test('without ids: what had come is delivered once and in order, then one error; other upstreams feel nothing', async () => {
      const { opened, calls } = await begin('idless', idless);
      for (const call of calls) for (const value of numbers(k)) call.progress(value);
      await expect.poll(() => opened.every(({ messages }) => messages.length === k)).toBe(true);
      const ended = Promise.all(opened.map((stream) => stream.ended));
      const others = meanwhile(ended);
      toIdless.cutAll();
      await ended;
      for (const stream of opened) {
        expect(seen(stream)).toEqual([...numbers(k), -32603]);
        // No half of a frame at the end.
        expect(stream.text()).toMatch(/\n\n$/);
      }
      expect(new Set(opened.map(({ messages }) => messages.at(-1)?.id)).size).toBe(streams);
      expect((await others).failed).toBe(0);
    });

    test('with ids, and back a second later: every event once and in order, on streams that never broke', async () => {
      const { opened, calls } = await begin('kept', kept);
      for (const call of calls) for (const value of numbers(k)) call.progress(value);
      await expect.poll(() => opened.every(({ messages }) => messages.length === k)).toBe(true);
      const ended = Promise.all(opened.map((stream) => stream.ended));
      const others = meanwhile(ended);
      await kept.server.stop();
      for (const call of calls) for (const value of numbers(events).slice(k)) call.progress(value);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await kept.server.restart();
      await expect.poll(() => calls.every(({ isRead }) => isRead)).toBe(true);
      for (const call of calls) call.finish('done');
      await ended;
      for (const stream of opened) expect(seen(stream)).toEqual([...numbers(events), 'result']);
      expect((await others).failed).toBe(0);
    });
  });
}

for (const [what, fault] of [
  ['half an event and then a reset', { resetAfterBytes: 4_000 }],
  ['half an event and then an end', { endAfterBytes: 4_000 }],
] as const) {
  test(`${what}: no half of it reaches the client, and the rest follows`, async () => {
    toKept.cutAll();
    toKept.inflict({ down: fault });
    const { opened, calls } = await begin('kept', kept);
    toKept.inflict({});
    for (const call of calls) for (const value of numbers(events)) call.progress(value);
    await expect.poll(() => calls.every(({ isRead }) => isRead)).toBe(true);
    await expect.poll(() => opened.every(({ messages }) => messages.length === events)).toBe(true);
    for (const call of calls) call.finish('done');
    await Promise.all(opened.map((stream) => stream.ended));
    for (const stream of opened) expect(seen(stream)).toEqual([...numbers(events), 'result']);
  });
}
