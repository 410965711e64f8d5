/** The greeting of `run` looks at every server as a client of its own: no session of a caller ends with it. */
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startGateway } from '../support/gateway-process.ts';
import { messagesOf, posting, send } from '../support/plain-client.ts';
import { startRawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, scripted } from '../support/scripted-upstream.ts';

test('the session that callers without one share outlives the greeting, which ends its own', async () => {
  let opened = 0;
  const ended: unknown[] = [];
  const called: unknown[] = [];
  /** Lists of the greeting wait, so that callers come before its end. */
  const waiting: (() => void)[] = [];
  let isHolding = true;
  const answer = scripted(
    (message, response, request) => {
      const say = (): void => sayJson(response, resultOf(message, { tools: [], content: [] }));
      if (message.method === 'tools/call') called.push(request.headers['mcp-session-id']);
      if (message.method === 'tools/list' && isHolding) waiting.push(say);
      else say();
    },
    { opened: () => `session-${(opened += 1)}` },
  );
  const upstream = await startRawServer((request, response) => {
    if (request.method === 'DELETE') ended.push(request.headers['mcp-session-id']);
    return answer(request, response);
  });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/mcp`;
  const starting = startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, port, admin: false });
  const call = async (): Promise<unknown> => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__x","arguments":{}}}';
    return messagesOf(await send(url, { headers: posting(), body }))[0]?.result;
  };
  await expect.poll(() => waiting.length, { timeout: 20_000 }).toBeGreaterThan(0);
  expect(await call()).toBeDefined();
  expect(ended).toEqual([]);
  isHolding = false;
  for (const go of waiting.splice(0)) go();
  await starting;
  await expect.poll(() => ended.length).toBe(1);
  expect(await call()).toBeDefined();
  expect(new Set(called).size).toBe(1);
  expect(ended).not.toContain(called[0]);
  expect(opened).toBe(2);
});
