/** How long a task is waited for, and how often it is asked for (SEP-2663): with a clock of the test's own. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GatewayError } from '../../../src/errors.ts';
import type { AnswerSink } from '../../../src/transport/upstream/adapter.ts';
import { TaskPolling } from '../../../src/transport/upstream/polling.ts';
import { nobody } from '../../../src/transport/http/caller.ts';
import { UpstreamSession, type Outbound } from '../../../src/transport/upstream/session.ts';
import { Upstream } from '../../../src/transport/upstream/upstream.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import { anUpstream } from '../../aggregate/an-upstream.ts';

/** Its ticks stand for 250 ms each and take one. */
class FastWheel extends Wheel {
  readonly waits: number[] = [];

  constructor() {
    super(undefined, 1);
  }

  override arm(...[waiting, ms]: Parameters<Wheel['arm']>): void {
    this.waits.push(ms);
    super.arm(waiting, Math.min(ms, 1));
  }
}

let wheel: FastWheel;
let nowMs: number;
let asked: string[];
let events: string[];
let fault: GatewayError | undefined;
let interval: string;
let status: string;
let upstream: Upstream;
let to: Outbound;

const sink: AnswerSink = {
  onJson: (body) => void events.push(body.toString()),
  onStream: () => {},
  onEvent: ({ data }) => void events.push(data),
  onRetry: () => {},
  onEnd: () => {},
  onFault: (thrown) => void (fault = thrown),
};

beforeEach(() => {
  wheel = new FastWheel();
  nowMs = 0;
  asked = [];
  events = [];
  fault = undefined;
  interval = '';
  status = ',"status":"working"';
  upstream = new Upstream(anUpstream(), 'http://localhost:1/mcp', 'http://localhost:1/mcp', '1');
  to = {
    session: new UpstreamSession(upstream, { sessionId: undefined, revision: '2026-07-28', capabilities: 0 }, true),
    caller: nobody,
  };
});

afterEach(() => upstream.pool.destroy());

function polling(eachMs: number): TaskPolling {
  return new TaskPolling(
    {
      wheel,
      ask: (_link, method) => {
        asked.push(method);
        nowMs += eachMs;
        const result = `{"resultType":"complete","taskId":"t"${status}${interval}}`;
        return Promise.resolve(Buffer.from(`{"jsonrpc":"2.0","id":"x","result":${result}}`));
      },
      now: () => nowMs,
    },
    to,
    '1',
    sink,
  );
}

const begun = (): Buffer =>
  Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"t","status":"working"${interval}}}`);

test('a task that does not end within an hour is cancelled, and its call has failed', async () => {
  polling(1_200_000).onJson(begun());
  await expect.poll(() => fault?.code).toBe('upstream_timeout');
  expect(asked).toEqual(['tasks/get', 'tasks/get', 'tasks/get', 'tasks/get', 'tasks/cancel']);
  expect(wheel.armed).toBe(0);
});

for (const [given, waited] of [
  ['', 1_000],
  ['1', 250],
  ['2000', 2_000],
  ['86400000', 30_000],
  ['-5', 1_000],
] as const) {
  test(`a pause of ${given === '' ? 'no' : given} ms is one of ${waited}`, async () => {
    interval = given === '' ? '' : `,"pollIntervalMs":${given}`;
    const task = polling(0);
    task.onJson(begun());
    await expect.poll(() => wheel.waits.length).toBeGreaterThan(1);
    task.abort();
    expect(wheel.waits.slice(0, 2)).toEqual([waited, waited]);
  });
}

test('what is no task, or the answer to another call, is handed on', () => {
  const task = polling(0);
  for (const body of [
    '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}',
    '{"jsonrpc":"2.0","id":2,"result":{"resultType":"task","taskId":"t","status":"working"}}',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}',
  ])
    task.onJson(Buffer.from(body));
  expect(events.length).toBe(3);
  expect(asked).toEqual([]);
});

test('after its end nothing is asked and nothing cancelled', async () => {
  const task = polling(0);
  task.onJson(begun());
  task.abort();
  task.abort();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(asked).toEqual(['tasks/cancel']);
});

test('the end of the stream of a round is not the end of its task, and giving up on the answers is', async () => {
  status = ',"status":"input_required","inputRequests":{"q":{"method":"roots/list"}}';
  const task = polling(0);
  task.onJson(begun());
  await expect.poll(() => events.length).toBe(1);
  task.abort();
  expect(asked).toEqual(['tasks/get']);
  task.abort();
  expect(asked).toEqual(['tasks/get', 'tasks/cancel']);
});
