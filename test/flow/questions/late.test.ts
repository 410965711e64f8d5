/** What comes of a call while it waits for its client, and what becomes of one that nobody fetches (2026-07-28 basic/patterns/mrtr). */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startInside } from '../../support/gateway-inside.ts';
import type { Asked } from '../../support/modern-client.ts';
import { askModern } from '../../support/modern-client.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { resultOf, sayEvents, startScripted } from '../../support/scripted-upstream.ts';

const capabilities = { sampling: {} };
const sampled = { model: 'm', role: 'assistant', content: { type: 'text', text: 'Paris' } };
const question =
  '{"jsonrpc":"2.0","id":"ask","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}';

let url: string;
let heard: Rpc[];
let called: Rpc;
let say: (text: string) => void;
let stream: ServerResponse;
let more: readonly string[];

beforeEach(async () => {
  [heard, more] = [[], []];
  const upstream = await startScripted(
    (message, response) => {
      called = message;
      stream = response;
      say = sayEvents(response);
      say(question);
      for (const each of more) say(each);
    },
    {
      sessionId: 'late-1',
      heard: (message) => {
        if (message.method !== 'notifications/initialized') heard.push(message);
      },
    },
  );
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  url = await startInside({ up: { url: upstream.url } });
});
afterEach(() => void vi.useRealTimers());

function call(more: object = {}, meta: Readonly<Record<string, unknown>> = {}): Promise<Asked> {
  return askModern(url, 'tools/call', { capabilities, meta, params: { name: 'up__do', arguments: {}, ...more } });
}

const retryOf = ({ rpc }: Asked): object => ({
  requestState: rpc.result?.['requestState'],
  inputResponses: { q1: sampled },
});
const done = (): string => resultOf(called, { content: [{ type: 'text', text: 'without you' }] });

describe('an upstream that has asked and does not wait for the answer', () => {
  test('is heard by the client when it comes back', async () => {
    const meta = { progressToken: 'mine' };
    const first = await call({}, meta);
    const progressToken = (called.params?.['_meta'] as { progressToken: unknown } | undefined)?.progressToken;
    say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }));
    await sleep(100);
    say(done());
    await sleep(100);
    const { rpc, messages } = await call(retryOf(first), meta);
    expect(messages.map(({ method }) => method)).toEqual(['notifications/progress', undefined]);
    expect(rpc.result).toMatchObject({ content: [{ type: 'text', text: 'without you' }] });
  });

  test('and ends its stream in good order is heard all the same', async () => {
    const first = await call();
    say(done());
    stream.end();
    await sleep(100);
    expect((await call(retryOf(first))).rpc.result).toMatchObject({ content: [{ text: 'without you' }] });
  });

  test('and ends its stream without an answer has broken off', async () => {
    const first = await call();
    stream.end();
    await sleep(100);
    expect((await call(retryOf(first))).rpc.error?.code).toBe(-32_603);
  });

  test('may ask more meanwhile: that is the next round', async () => {
    const first = await call();
    say(question.replace('"ask"', '"more"'));
    await sleep(100);
    const next = await call(retryOf(first));
    expect(next.rpc.result).toMatchObject({ resultType: 'input_required', inputRequests: { q1: {} } });
    const last = call(retryOf(next));
    await expect.poll(() => heard.map(({ id }) => id)).toEqual(['ask', 'more']);
    say(done());
    expect((await last).rpc.result).toMatchObject({ content: [{ text: 'without you' }] });
  });
});

test('more than 32 questions at once are refused one by one, and the others asked', async () => {
  more = Array.from({ length: 39 }, (_, index) => question.replace('"ask"', `"ask-${index}"`));
  const { rpc } = await call();
  const keys = Object.keys(rpc.result?.['inputRequests'] as object);
  expect([keys.length, keys.at(-1)]).toEqual([32, 'q32']);
  await expect.poll(() => heard.map(({ error }) => error?.code)).toEqual(Array.from({ length: 8 }, () => -32_603));
  stream.destroy();
  await expect.poll(() => heard.at(-1)?.method).toBe('notifications/cancelled');
});

test('a call whose client does not come back from its second round is given up as well', async () => {
  const first = await call();
  const second = call(retryOf(first));
  await expect.poll(() => heard.map(({ id }) => id)).toEqual(['ask']);
  say(question.replace('"ask"', '"more"'));
  expect((await second).rpc.result).toMatchObject({ resultType: 'input_required' });
  vi.advanceTimersByTime(602_000);
  await expect.poll(() => heard.map(({ method }) => method)).toEqual([undefined, 'notifications/cancelled']);
  expect((await call(retryOf(await second))).rpc.error?.code).toBe(-32_602);
});

test('a call that nobody fetches is given up after ten minutes: the upstream is told, and the gateway goes on', async () => {
  const first = await call();
  vi.advanceTimersByTime(602_000);
  await expect.poll(() => heard.map(({ method }) => method)).toEqual(['notifications/cancelled']);
  expect((await call(retryOf(first))).rpc.error?.code).toBe(-32_602);
  expect((await askModern(url, 'server/discover')).status).toBe(200);
});
