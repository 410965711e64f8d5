/** Batches: 2025-03-26 has them (basic/index §Batching), later revisions have not. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import type { Answer, PlainSession } from '../support/plain-client.ts';
import { initializeText, messagesOf, openSession } from '../support/plain-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const faultOf = (answer: Answer): unknown[] => [answer.status, messagesOf(answer)[0]?.error?.code];
const pings = (count: number): string => `[${Array.from({ length: count }, () => ping).join()}]`;

let session: PlainSession;
let middle: PlainSession;
let old: PlainSession;

beforeAll(async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  session = await openSession(gateway.url);
  middle = await openSession(gateway.url, { revision: '2025-06-18' });
  old = await openSession(gateway.url, { revision: '2025-03-26' });
});

describe('batches', () => {
  const batch = `[${ping},{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":"two","method":"tools/call","params":{"name":"alpha__echo","arguments":{"x":1}}}]`;

  test('of 2025-03-26 are answered with one response for each request', async () => {
    const answer = await old.post(batch);
    expect(answer.status).toBe(200);
    const messages = messagesOf(answer);
    expect(new Set(messages.map(({ id }) => id))).toEqual(new Set([1, 'two']));
    expect(messages).toHaveLength(2);
    expect(messages.find(({ id }) => id === 'two')?.result?.['structuredContent']).toEqual({ x: 1 });
  });

  test('of notifications alone are 202', async () => {
    const one = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
    const answer = await old.post(`[${one},${one}]`);
    expect([answer.status, answer.body]).toEqual([202, '']);
  });

  test('a request in one that fails does not touch the others', async () => {
    const answer = await old.post(
      `[${ping},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"nothing"}}]`,
    );
    const codes = messagesOf(answer).map(({ id, error }) => [id, error?.code]);
    expect(codes).toHaveLength(2);
    expect(codes).toEqual(
      expect.arrayContaining([
        [1, undefined],
        [2, -32602],
      ]),
    );
  });

  test('of later revisions are 400', async () => {
    for (const each of [session, middle]) expect(faultOf(await each.post(batch))).toEqual([400, -32600]);
  });

  test('that are empty, hold `initialize`, or hold what is no message are 400', async () => {
    for (const body of ['[]', `[${initializeText()}]`, `[${ping},${initializeText()}]`, '[1]', `[${ping},{}]`]) {
      expect([body, ...faultOf(await old.post(body))]).toEqual([body, 400, -32600]);
    }
  });

  test('hold 100 messages and no more', async () => {
    expect((await old.post(pings(100))).status).toBe(200);
    expect((await old.post(pings(101))).status).toBe(400);
  });
});
