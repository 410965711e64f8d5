/** How far the answer to a call has come, and how often it is asked for again. */
import { expect, test } from 'vitest';
import { AnswerStream } from '../../src/calls/answer-stream.ts';
import type { SseEvent } from '../../src/protocol/sse.ts';
import { maxResumptions } from '../../src/transport/http/limits.ts';
import { aClient, aSession } from '../clients/a-client.ts';

const event = (id?: string): SseEvent => ({ id, data: '', event: 'message' });

test('without an event id there is no place to go on from', () => {
  const stream = new AnswerStream(undefined, () => {});
  stream.take(event());
  expect(stream.nextResumption()).toBeUndefined();
});

test('it goes on from the latest id, after the upstream’s own pause first, and not for ever', () => {
  const stream = new AnswerStream('0', () => {});
  stream.retryMs = 40;
  stream.take(event('1'));
  stream.take(event());
  expect(stream.nextResumption()).toEqual({ lastEventId: '1', afterMs: 40 });
  for (let count = 1; count < maxResumptions; count += 1) expect(stream.nextResumption()?.afterMs).toBeGreaterThan(40);
  expect(stream.nextResumption()).toBeUndefined();
  // An event is progress.
  stream.take(event('2'));
  expect(stream.nextResumption()).toEqual({ lastEventId: '2', afterMs: 40 });
});

test('the client is promised a place for events with an id, and the first promise is told once', () => {
  let promises = 0;
  const stream = new AnswerStream(undefined, () => void (promises += 1));
  const [client, session] = [aClient(), aSession({ sessionId: 's' })];
  stream.take(event());
  expect([stream.seal(client, session), stream.isPromised]).toEqual([undefined, false]);
  stream.take(event('1'));
  const first = stream.seal(client, session);
  stream.take(event('2'));
  expect(stream.seal(client, session)).not.toBe(first);
  expect([first === undefined, stream.isPromised, promises]).toEqual([false, true, 1]);
  // The event that is read now has none of its own.
  stream.take(event());
  expect(stream.seal(client, session)).toBeUndefined();
});
