/**
 * What is learnt of an upstream's tools before one is called as a task (2025-11-25 basic/utilities/tasks), and what becomes of
 * calls given up.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GatewayError } from '../../../src/errors.ts';
import type { AnswerSink, Exchange } from '../../../src/transport/upstream/adapter.ts';
import { acrossEras } from '../../../src/transport/upstream/tasks-across.ts';
import { nobody } from '../../../src/transport/http/caller.ts';
import { UpstreamSession, type Outbound } from '../../../src/transport/upstream/session.ts';
import { Upstream } from '../../../src/transport/upstream/upstream.ts';
import { anUpstream } from '../../aggregate/an-upstream.ts';

const toolCallsAsTasks = (1 << 9) | (1 << 12);
let upstream: Upstream;
let to: Outbound;
let asked: string[];
let sent: string[];
let fault: GatewayError | undefined;
/** What tools/list and tools/call are answered with. */
let listed: string;
let created: Promise<string>;

const nothing: Exchange = { pause: () => {}, resume: () => {}, answered: () => {}, abort: () => {} };
const sink: AnswerSink = {
  onJson: () => {},
  onStream: () => {},
  onEvent: () => {},
  onRetry: () => {},
  onEnd: () => {},
  onFault: (thrown) => void (fault = thrown),
};

const host = {
  send: (_to: Outbound, body: Buffer): Exchange => {
    sent.push(body.toString());
    return nothing;
  },
  ask: async (_to: Outbound, method: string): Promise<Buffer> => {
    asked.push(method);
    const result = method === 'tools/call' ? await created : method === 'tools/list' ? listed : '{}';
    return Buffer.from(`{"jsonrpc":"2.0","id":"x","result":${result}}`);
  },
};

beforeEach(() => {
  upstream = new Upstream(anUpstream(), 'http://localhost:1/mcp', 'http://localhost:1/mcp', '1');
  const opened = { sessionId: 's', revision: '2025-11-25', capabilities: toolCallsAsTasks } as const;
  to = { session: new UpstreamSession(upstream, opened, true), caller: nobody };
  asked = [];
  sent = [];
  fault = undefined;
  listed = '{"tools":[{"name":"alone","execution":{"taskSupport":"required"}}]}';
  created = Promise.resolve('{"task":{"taskId":"t","status":"working","createdAt":"c"}}');
});

afterEach(() => upstream.pool.destroy());

function call(name: string): Exchange | undefined {
  const body = Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}"}}`);
  return acrossEras(host, to, body, sink, 1_000);
}

test('a list without end is read for 100 pages', async () => {
  listed = '{"tools":[],"nextCursor":"again"}';
  call('alone');
  await expect.poll(() => sent.length).toBe(1);
  expect(asked.length).toBe(100);
});

test('a list is read once, and one that is none is the fault of the call', async () => {
  for (let times = 0; times < 2; times++) call('plain');
  await expect.poll(() => sent.length).toBe(2);
  call('plain');
  await expect.poll(() => sent.length).toBe(3);
  expect(asked).toEqual(['tools/list', 'tools/list']);
  upstream.taskTools = undefined;
  listed = '{}';
  call('plain');
  await expect.poll(() => fault?.code).toBe('upstream_malformed');
});

test('a task that is begun for nobody is cancelled', async () => {
  const { promise, resolve: begin } = Promise.withResolvers<string>();
  created = promise;
  const under = call('alone');
  await expect.poll(() => asked).toContain('tools/call');
  under?.cancel?.();
  under?.abort();
  begin('{"task":{"taskId":"t","status":"working","createdAt":"c"}}');
  await expect.poll(() => asked).toContain('tasks/cancel');
  expect(sent).toEqual([]);
});

test('one that the call waits for is cancelled with it: not when it is done, nor when only the connection goes', async () => {
  const left = call('alone');
  await expect.poll(() => sent.length).toBe(1);
  expect(sent[0]).toBe('{"jsonrpc":"2.0","id":1,"method":"tasks/result","params":{"taskId":"t"}}');
  left?.cancel?.();
  left?.abort();
  expect(asked.filter((method) => method === 'tasks/cancel').length).toBe(1);
  const done = call('alone');
  await expect.poll(() => sent.length).toBe(2);
  done?.answered();
  done?.cancel?.();
  const dropped = call('alone');
  await expect.poll(() => sent.length).toBe(3);
  dropped?.abort();
  expect(asked.filter((method) => method === 'tasks/cancel').length).toBe(1);
});

test('upstreams of older revisions, and those whose tools take no tasks, are called as they are', () => {
  to = {
    session: new UpstreamSession(
      upstream,
      { sessionId: 's', revision: '2025-06-18', capabilities: toolCallsAsTasks },
      true,
    ),
    caller: nobody,
  };
  expect(call('alone')).toBeUndefined();
  to = {
    session: new UpstreamSession(upstream, { sessionId: 's', revision: '2025-11-25', capabilities: 0 }, true),
    caller: nobody,
  };
  expect(call('alone')).toBeUndefined();
});
