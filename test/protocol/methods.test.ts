/** Which methods each era has (2026-07-28 changelog; 2025-11-25 schema). */
import { describe, expect, test } from 'vitest';
import { isOfNoRevision, legacyRequest, methodLabel, modernRequest } from '../../src/protocol/methods.ts';

describe('the methods of revision 2026-07-28', () => {
  for (const [method, plan] of [
    ['server/discover', { kind: 'discover' }],
    ['tools/list', { kind: 'list', list: 'tools' }],
    ['prompts/list', { kind: 'list', list: 'prompts' }],
    ['resources/list', { kind: 'list', list: 'resources' }],
    ['resources/templates/list', { kind: 'list', list: 'resourceTemplates' }],
    ['tools/call', { kind: 'named', list: 'tools' }],
    ['prompts/get', { kind: 'named', list: 'prompts' }],
    ['resources/read', { kind: 'resource' }],
    ['completion/complete', { kind: 'completion' }],
    ['subscriptions/listen', { kind: 'listen' }],
    ['tasks/get', { kind: 'task' }],
    ['tasks/update', { kind: 'task' }],
    ['tasks/cancel', { kind: 'task' }],
  ] as const) {
    test(`${method} is one of them`, () => {
      expect(modernRequest(method)).toEqual(plan);
    });
  }

  for (const method of [
    'initialize',
    'ping',
    'logging/setLevel',
    'resources/subscribe',
    'resources/unsubscribe',
    'tasks/list',
    'tasks/result',
    'notifications/cancelled',
  ]) {
    test(`${method} is none of them`, () => {
      expect(modernRequest(method)).toBeUndefined();
    });
  }
});

test('what servers alone send is of a revision all the same', () => {
  for (const method of ['roots/list', 'notifications/message', 'notifications/elicitation/complete'])
    expect([isOfNoRevision(method), modernRequest(method)]).toEqual([false, undefined]);
  expect(isOfNoRevision('notifications/example.com/news')).toBe(true);
});

test('a method that no revision has is one of an extension, in either era', () => {
  for (const method of ['x/y', '', 'toString'])
    expect([modernRequest(method), legacyRequest(method)]).toEqual([{ kind: 'unknown' }, { kind: 'unknown' }]);
});

test('in the session era server/discover and subscriptions/listen are unknown methods', () => {
  expect([legacyRequest('server/discover'), legacyRequest('subscriptions/listen')]).toEqual([
    { kind: 'unknown' },
    { kind: 'unknown' },
  ]);
  expect([legacyRequest('initialize'), legacyRequest('resources/subscribe'), legacyRequest('tools/call')]).toEqual([
    { kind: 'initialize' },
    { kind: 'resource' },
    { kind: 'named', list: 'tools' },
  ]);
});

test('in the session era a task is found by its id, and no list of them is served', () => {
  for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
    expect(legacyRequest(method)).toEqual({ kind: 'task' });
  expect(legacyRequest('tasks/list')).toEqual({ kind: 'withheld' });
});

test('a method of either era has a label of its own, and no peer can make another', () => {
  const methods = ['server/discover', 'subscriptions/listen', 'ping', 'notifications/progress', 'x/y', 'toString'];
  expect(methods.map((method) => methodLabel(method))).toEqual([
    'server/discover',
    'subscriptions/listen',
    'ping',
    'notifications/progress',
    'other',
    'other',
  ]);
});
