/** Which notifications of a server reach a client: on a shared session nothing that is not provably this call's. */
import { expect, test } from 'vitest';
import { passesOnCall, passesOnStream } from '../../src/clients/passes.ts';
import { aSession, ofServer, toServer } from './a-client.ts';

const call = { message: toServer('tools/call', { name: 'x', _meta: { progressToken: 7 } }) };
const own = aSession({ sessionId: 's' });
const log = ofServer('notifications/message', { level: 'info', data: 'x' });
const updated = ofServer('notifications/resources/updated', { uri: 'a://b' });
const changed = ofServer('notifications/tools/list_changed');
const progress = (progressToken: unknown): typeof log =>
  ofServer('notifications/progress', { progressToken, progress: 1 });

test('on a session of its own the client gets what is not of another call', () => {
  expect(passesOnCall(log, own, call, undefined)).toBe(true);
  expect(passesOnStream(log, own, false)).toBe(true);
  expect(passesOnStream(updated, own, false)).toBe(true);
});

test('what only clients may send never passes', () => {
  for (const method of ['notifications/initialized', 'notifications/roots/list_changed']) {
    expect(passesOnCall(ofServer(method), own, call, undefined)).toBe(false);
    expect(passesOnStream(ofServer(method), own, true)).toBe(false);
  }
});

test('progress passes by the token of the call alone, as a number or as text', () => {
  expect(passesOnCall(progress(7), own, call, undefined)).toBe(true);
  for (const other of ['8', 8, undefined]) expect(passesOnCall(progress(other), own, call, undefined)).toBe(false);
  const silent = { message: toServer('tools/call', { name: 'x' }) };
  expect(passesOnCall(progress(7), own, silent, undefined)).toBe(false);
});

test('where the upstream got a token of ours, it is that one', () => {
  const tokens = new Map([['"ours"', '7']]);
  expect(passesOnCall(progress('ours'), own, call, tokens)).toBe(true);
  expect(passesOnCall(progress(7), own, call, tokens)).toBe(false);
});

test('the token of a task is that of the call that began it', () => {
  expect(passesOnCall(progress('before'), own, { message: toServer('tasks/result', { taskId: 't' }) }, undefined)).toBe(
    true,
  );
});

test('on a shared session a call gets what must be its own: it is the only one, or has its own stream', () => {
  const shared = aSession({ sessionId: 's', isShared: true });
  expect(passesOnCall(log, shared, call, undefined)).toBe(false);
  shared.underWay!.add({ takeQuestion: () => true });
  expect(passesOnCall(log, shared, call, undefined)).toBe(true);
  shared.underWay!.add({ takeQuestion: () => true });
  expect(passesOnCall(log, shared, call, undefined)).toBe(false);
  // News of a list are everyone's.
  expect(passesOnCall(changed, shared, call, undefined)).toBe(true);
  expect(passesOnCall(log, aSession({ isShared: true }), call, undefined)).toBe(true);
});

test('on a stream of a shared session only news of lists pass, and what this client watches', () => {
  const shared = aSession({ sessionId: 's', isShared: true });
  expect(passesOnStream(changed, shared, false)).toBe(true);
  expect(passesOnStream(updated, shared, false)).toBe(false);
  expect(passesOnStream(updated, shared, true)).toBe(true);
  expect(passesOnStream(ofServer('notifications/tasks'), shared, true)).toBe(true);
  expect(passesOnStream(log, shared, true)).toBe(false);
});
