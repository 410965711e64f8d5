/** Answers of an upstream of 2026-07-28, in the form that the rest of the gateway takes. */
import { describe, expect, test } from 'vitest';
import type { Said } from '../../../src/protocol/said.ts';
import type { Exchange } from '../../../src/transport/upstream/adapter.ts';
import { ModernSink, SubscribedSink } from '../../../src/transport/upstream/modern-sink.ts';
import { RevisionRefused } from '../../../src/transport/upstream/revision-refused.ts';
import type { GatewayError } from '../../../src/errors.ts';
import { RecordingSink } from './recording-sink.ts';

const byItself: Said = { capabilities: 0, clientInfo: undefined, logLevel: undefined, itself: true };
const forIt: Said = { ...byItself, itself: false };

interface Judged {
  readonly method?: string;
  readonly said?: Said | undefined;
  readonly mayTask?: boolean;
}

/** What the sink behind it is told, once as JSON and once on a stream: both are judged in the same way. */
function judged(
  body: object | string,
  { method = 'tools/call', said = byItself, mayTask = false }: Judged = {},
): string {
  const text = typeof body === 'string' ? body : JSON.stringify({ jsonrpc: '2.0', id: 1, ...body });
  const [whole, streamed] = [new RecordingSink('1'), new RecordingSink('1')];
  let aborted = 0;
  const exchange: Exchange = { pause() {}, resume() {}, answered() {}, abort: () => void (aborted += 1) };
  for (const [sink, give] of [
    [whole, (judge: ModernSink) => judge.onJson(Buffer.from(text))],
    [streamed, (judge: ModernSink) => judge.onEvent({ data: text, id: '7', event: undefined })],
  ] as const) {
    const judge = new ModernSink(sink, method, said, mayTask);
    judge.exchange = exchange;
    give(judge);
  }
  const result = whole.told.join().replace(/^json /, '');
  expect(streamed.told.join().replace(/^event /, '')).toBe(result);
  expect(aborted).toBe(result.startsWith('{') ? 0 : 2);
  return result.startsWith('{') && result === text ? 'as it is' : result;
}

const error = (code: number, data?: object): object => ({ error: { code, message: 'x', ...(data && { data }) } });

test('a result passes as it is, and its event id does not', () => {
  expect(judged({ result: { resultType: 'complete', content: [] } })).toBe('as it is');
  expect(judged({ result: {} })).toBe('as it is');
});

describe('an error about this hop', () => {
  test('ends here', () => {
    expect(judged(error(-32_020))).toBe('upstream_headers_refused');
    expect(judged(error(-32_022, { supported: ['2025-11-25'] }))).toBe('upstream_revision_refused');
    expect(judged(error(-32_021), { said: forIt })).toBe('upstream_refused');
    expect(judged(error(-32_021), { said: undefined })).toBe('as it is');
  });

  test('names the revisions that the upstream speaks', () => {
    let fault: GatewayError | undefined;
    const sink = Object.assign(new RecordingSink('1'), { onFault: (given: GatewayError) => void (fault = given) });
    const body = Buffer.from(
      JSON.stringify({ jsonrpc: '2.0', id: 1, ...error(-32_022, { supported: ['2025-11-25'] }) }),
    );
    new ModernSink(sink, 'tools/list', undefined, false).onJson(body);
    expect(fault).toBeInstanceOf(RevisionRefused);
    expect(fault).toMatchObject({ speaksLegacy: true, speaksModern: false });
  });

  test('is the client’s where the client has said what it can do', () => {
    expect(judged(error(-32_021))).toBe('as it is');
    expect(judged(error(-32_603))).toBe('as it is');
  });
});

test('a missing resource has the code of earlier revisions for a client of these', () => {
  const missing = error(-32_602);
  expect(judged(missing, { method: 'resources/read', said: forIt })).toContain('"code":-32002,');
  expect(judged(missing, { method: 'resources/read' })).toBe('as it is');
  expect(judged(missing, { said: forIt })).toBe('as it is');
});

test('what no server may send is malformed', () => {
  expect(judged('{"jsonrpc":"2.0"')).toBe('upstream_malformed');
  expect(judged({ method: 'roots/list' })).toBe('upstream_malformed');
  expect(judged('{"jsonrpc":"2.0","error":{"code":-32600,"message":"x"}}')).toBe('upstream_refused');
});

test('a task or a question is an answer only to who has declared it', () => {
  const task = { result: { resultType: 'task', task: {} } };
  expect([judged(task), judged(task, { mayTask: true })]).toEqual(['upstream_malformed', 'as it is']);
  const round = { result: { resultType: 'input_required', inputRequests: { a: { method: 'roots/list' } } } };
  expect(judged(round)).toBe('as it is');
  expect(judged(round, { said: forIt })).toBe('as it is');
  expect(judged(round, { said: forIt, method: 'tools/list' })).toBe('upstream_malformed');
});

test('after a refusal nothing more is told', () => {
  const sink = new RecordingSink('1');
  const judge = new ModernSink(sink, 'tools/call', byItself, false);
  judge.onEvent({ data: '[]', id: undefined, event: undefined });
  judge.onEvent({ data: '{"jsonrpc":"2.0","id":1,"result":{}}', id: undefined, event: undefined });
  judge.onEnd();
  expect(sink.told).toEqual(['upstream_malformed']);
});

const event = (message: object): { data: string; id: string; event: undefined } => ({
  data: JSON.stringify({ jsonrpc: '2.0', ...message }),
  id: '3',
  event: undefined,
});

describe('a subscription', () => {
  test('is open with its acknowledgement, and loses its id on the way', () => {
    const sink = new RecordingSink();
    const subscribed = new SubscribedSink(sink);
    subscribed.onStream();
    expect(sink.told).toEqual([]);
    subscribed.onEvent(event({ method: 'notifications/subscriptions/acknowledged', params: {} }));
    const _meta = { 'io.modelcontextprotocol/subscriptionId': 'x', other: 1 };
    subscribed.onEvent(event({ method: 'notifications/tools/list_changed', params: { _meta } }));
    subscribed.onEvent(event({ id: 'x', result: {} }));
    subscribed.onEnd();
    expect(sink.told).toEqual([
      'stream',
      'event {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"other":1}}}',
      'end',
    ]);
  });

  test.each([
    [-32_601, 'upstream_verb_refused'],
    [-32_603, 'upstream_unreachable'],
  ])('refused with %d is %s', (code, fault) => {
    const sink = new RecordingSink();
    new SubscribedSink(sink).onJson(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 'x', ...error(code) })));
    expect(sink.told).toEqual([fault]);
  });
});
