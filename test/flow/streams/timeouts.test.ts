/** How long a call may take: silence is bounded, progress begins the wait again (2025-11-25 basic/lifecycle §Timeouts). */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession, openStream, posting } from '../../support/plain-client.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const limitMs = 1_500;
const steps = [1, 2, 3, 4, 5, 6];
let session: PlainSession;
const heard: Rpc[] = [];

beforeAll(async () => {
  const silent = await startScripted(
    async (message, response) => {
      const { name, _meta: meta } = message.params as { name: string; _meta?: { progressToken: unknown } };
      if (name === 'never') return;
      const say = sayEvents(response);
      // Pauses far below the limit, which the whole is beyond.
      for (let progress = 1; progress <= steps.length; progress += 1) {
        await sleep(300);
        const params = { progressToken: meta?.progressToken, progress };
        say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }));
      }
      if (name === 'stops') return;
      say(resultOf(message, { content: [] }));
      response.end();
    },
    { sessionId: 'silent-1', heard: (message) => void heard.push(message) },
  );
  const quick = await startScripted((message, response) => sayJson(response, resultOf(message, {})));
  const patient = await startStatefulServer({ name: 'patient' });
  const mcpServers = {
    silent: { url: silent.url, timeout: limitMs },
    quick: { url: quick.url },
    patient: { url: patient.url, timeout: 4_000 },
  };
  session = await openSession((await startGateway({ config: { mcpServers }, admin: false })).url);
});
beforeEach(() => void (heard.length = 0));

async function call(name: string): Promise<{ messages: readonly Rpc[]; tookMs: number }> {
  const startedMs = performance.now();
  const stream = await openStream(session.url, {
    headers: posting('Mcp-Session-Id', session.token),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name, _meta: { progressToken: 1 } },
    }),
  });
  await stream.ended;
  const messages = stream.messages.length > 0 ? stream.messages : [JSON.parse(stream.text()) as Rpc];
  return { messages, tookMs: performance.now() - startedMs };
}

test('an upstream that says nothing for its `timeout` is given up, and told so', async () => {
  const { messages, tookMs } = await call('silent__never');
  expect(messages).toMatchObject([{ id: 7, error: { code: -32603 } }]);
  expect(tookMs).toBeGreaterThanOrEqual(limitMs);
  await expect.poll(() => heard).toMatchObject([{ method: 'notifications/cancelled', params: { requestId: 7 } }]);
});

test('progress begins the wait anew, however long the whole takes', async () => {
  const { messages, tookMs } = await call('silent__goes_on');
  expect(messages.map(({ params, result }) => params?.['progress'] ?? result)).toEqual([...steps, { content: [] }]);
  expect(tookMs).toBeGreaterThanOrEqual(limitMs);
});

test('one that stops in the middle of its answer is given up after all that it has said', async () => {
  const { messages } = await call('silent__stops');
  expect(messages.map(({ params, error }) => params?.['progress'] ?? error?.code)).toEqual([...steps, -32603]);
});

test('the timeout of one upstream is not that of another', async () => {
  const { result } = await session.ask('tools/call', {
    name: 'patient__slow',
    arguments: { times: 1, everyMs: 2_000 },
  });
  expect(result?.['content']).toEqual([{ type: 'text', text: 'done after 1' }]);
});
