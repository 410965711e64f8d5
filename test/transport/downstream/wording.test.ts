/** How a client of each era is answered. */
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { clientCapability as c } from '../../../src/protocol/capabilities.ts';
import { readServerMessage } from '../../../src/protocol/envelope.ts';
import { legacyWording, modernWording, type Wording } from '../../../src/transport/downstream/wording.ts';
import { anUpstream } from '../../aggregate/an-upstream.ts';
import { toServer } from '../../clients/a-client.ts';

const upstream = anUpstream();
const call = toServer('tools/call', { name: 'a' });

function answered(wording: Wording, answer: object, request = call): { status: number; body: Record<string, never> } {
  const message = readServerMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 9, ...answer })));
  const { body, status } = wording.response(message, upstream, request, (state) => `sealed ${state}`);
  return { status, body: JSON.parse(body.toString()) as Record<string, never> };
}

const modern = modernWording('1.2.3');
const newest = legacyWording('2025-11-25');

const answerStatuses = (code: number): number[] =>
  [newest, modern].map((wording) => answered(wording, { error: { code, message: 'x' } }).status);

describe('an answer', () => {
  test('has the id of its request; in 2026-07-28 it says that it is complete, and who says so', () => {
    const answer = { result: { content: [] } };
    expect(answered(newest, answer)).toEqual({ status: 200, body: { jsonrpc: '2.0', id: 1, ...answer } });
    expect(answered(modern, answer)).toMatchObject({
      status: 200,
      body: { id: 1, result: { resultType: 'complete', content: [] } },
    });
    expect(JSON.stringify(answered(modern, answer).body)).toContain('"name":"manifold"');
  });

  test('that is an error has its own status in 2026-07-28 alone', () => {
    expect([answerStatuses(-32_601), answerStatuses(-32_021), answerStatuses(-32_603)]).toEqual([
      [200, 404],
      [200, 400],
      [200, 200],
    ]);
  });

  test('that asks to visit URLs is a text to clients that know no such error', () => {
    const elicitations = [{ mode: 'url', elicitationId: 'e', url: 'https://a.example/', message: 'go' }];
    const answer = { error: { code: -32_042, message: 'x', data: { elicitations } } };
    expect(answered(newest, answer).body).toMatchObject({ error: { code: -32_042 } });
    const older = answered(legacyWording('2025-06-18'), answer).body;
    expect(older).not.toHaveProperty('error');
    expect(JSON.stringify(older)).toContain('https://a.example/');
    // Only a call has a result that can say so.
    expect(answered(legacyWording('2025-06-18'), answer, toServer('prompts/get', { name: 'a' })).body).toHaveProperty(
      'error',
    );
  });
});

test('a result of the gateway’s own', () => {
  expect(newest.own('"x"', '{"a":1}').toString()).toBe('{"jsonrpc":"2.0","id":"x","result":{"a":1}}');
  expect(newest.own('1', Buffer.from('{}')).toString()).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
  expect(JSON.parse(modern.own('1', '{"a":1}', { ttlMs: 5, cacheScope: 'private' }).toString())).toMatchObject({
    id: 1,
    result: { resultType: 'complete', a: 1, ttlMs: 5, cacheScope: 'private' },
  });
});

test('faults whose code differs in 2026-07-28 have another status', () => {
  const statuses = (code: 'method_unknown' | 'resource_unknown' | 'upstream_timeout'): number[] =>
    [newest, modern].map((wording) => wording.fault(new GatewayError(code), '1').status);
  expect(statuses('method_unknown')).toEqual([
    new GatewayError('method_unknown').status,
    new GatewayError('method_absent').status,
  ]);
  expect(modern.fault(new GatewayError('resource_unknown'), '1').body).toContain('-32602');
  expect(statuses('upstream_timeout')[0]).toBe(statuses('upstream_timeout')[1]);
  // What nobody expected says nothing of the inside.
  const unexpected = modern.fault(new Error('secret'), '1');
  expect([unexpected.status, unexpected.body.includes('secret')]).toEqual([500, false]);
});

const passing = (wording: Wording, logs: boolean): string[] =>
  ['progress', 'message', 'tools/list_changed'].filter((name) => wording.passes(`notifications/${name}`, logs));

test('what no revision has belongs to an extension, and passes', () => {
  expect(modern.passes('notifications/example.com/news', false)).toBe(true);
});

test('before its answer a client of 2026-07-28 gets progress, and log messages where it asked for them', () => {
  expect([passing(modern, false), passing(modern, true), passing(newest, false)]).toEqual([
    ['progress'],
    ['progress', 'message'],
    ['progress', 'message', 'tools/list_changed'],
  ]);
});

test.each([
  ['2025-03-26', c.roots | c.sampling | c.ui],
  ['2025-06-18', c.roots | c.sampling | c.ui | c.elicitationForm],
  [
    '2025-11-25',
    c.roots | c.sampling | c.ui | c.elicitationForm | c.elicitationUrl | c.samplingContext | c.samplingTools,
  ],
] as const)('a client of %s can be asked what its revision has', (revision, askable) => {
  expect(legacyWording(revision).askable).toBe(askable);
});
